#include "base/strings.h"
#include "resource/kagent/kagent.h"

namespace sl::resource {

using json::Value;

namespace {

struct ModelConfigStatus {
  std::vector<Condition> conditions;
  int64_t observed_generation = 0;
  std::string secret_hash;
};
void describe(json::Fields<ModelConfigStatus>& f) {
  f.doc("State of the model configuration.");
  f.add("conditions", &ModelConfigStatus::conditions).doc("Accepted.").list_map({"type"});
  f.add("observedGeneration", &ModelConfigStatus::observed_generation).doc("Generation these were found for.");
  f.add("secretHash", &ModelConfigStatus::secret_hash).doc("Changes when the key or CA changes.");
}

using json::flag;

bool provider_in(const Value& s, std::initializer_list<std::string_view> names) {
  for (auto n : names)
    if (json::str(s, "provider") == n) return true;
  return false;
}

constexpr std::pair<const char*, const char*> kBlocks[] = {{"OpenAI", "openAI"},
                                                           {"Anthropic", "anthropic"},
                                                           {"AzureOpenAI", "azureOpenAI"},
                                                           {"Ollama", "ollama"},
                                                           {"Gemini", "gemini"},
                                                           {"GeminiVertexAI", "geminiVertexAI"},
                                                           {"AnthropicVertexAI", "anthropicVertexAI"},
                                                           {"Bedrock", "bedrock"},
                                                           {"SAPAICore", "sapAICore"},
                                                           {"Foundry", "foundry"}};

void add_rules(json::Fields<ModelConfigSpec>& f) {
  for (auto [provider, block] : kBlocks)
    f.rule(std::string("provider.") + block + " must be nil if the provider is not " + provider,
           [p = std::string(provider), b = std::string(block)](const Value& s, const Value*) {
             return !has(s, b) || json::str(s, "provider") == p;
           });
  f.rule("apiKeySecret must be set if apiKeySecretKey is set (except for Bedrock and SAPAICore providers)",
         [](const Value& s, const Value*) {
           return json::str(s, "apiKeySecretKey").empty() || !json::str(s, "apiKeySecret").empty() ||
                  provider_in(s, {"Bedrock", "SAPAICore"});
         });
  f.rule("apiKeySecretKey must be set if apiKeySecret is set (except for Bedrock and SAPAICore providers)",
         [](const Value& s, const Value*) {
           return json::str(s, "apiKeySecret").empty() || !json::str(s, "apiKeySecretKey").empty() ||
                  provider_in(s, {"Bedrock", "SAPAICore"});
         });
  f.rule("apiKeyPassthrough and apiKeySecret are mutually exclusive", [](const Value& s, const Value*) {
    return !flag(s, "apiKeyPassthrough") || json::str(s, "apiKeySecret").empty();
  });
  f.rule("apiKeyPassthrough must be false if provider is Gemini;GeminiVertexAI;AnthropicVertexAI",
         [](const Value& s, const Value*) {
           return !flag(s, "apiKeyPassthrough") || !provider_in(s, {"Gemini", "GeminiVertexAI", "AnthropicVertexAI"});
         });
  auto exchange = [](const Value& s) { return json::find(s, "openAI", "tokenExchange"); };
  f.rule("openAI.tokenExchange requires apiKeySecret (the service account secret)",
         [exchange](const Value& s, const Value*) { return !exchange(s) || !json::str(s, "apiKeySecret").empty(); });
  f.rule("openAI.tokenExchange and apiKeyPassthrough are mutually exclusive",
         [exchange](const Value& s, const Value*) { return !exchange(s) || !flag(s, "apiKeyPassthrough"); });
  f.rule("openAI.tokenExchange type GDCHServiceAccount requires openAI.tokenExchange.gdchServiceAccount",
         [exchange](const Value& s, const Value*) {
           return !exchange(s) || json::str(*exchange(s), "type") != "GDCHServiceAccount" ||
                  has(*exchange(s), "gdchServiceAccount");
         });
}

}  // namespace

void describe(json::Fields<ModelTls>& f) {
  f.doc("TLS towards the model.");
  f.add("disableVerify", &ModelTls::disable_verify)
      .doc("Do not check the certificate. Never in production.")
      .defaults(false);
  f.add("caCertSecretRef", &ModelTls::ca_secret_ref).doc("Secret with a CA certificate.");
  f.add("caCertSecretKey", &ModelTls::ca_secret_key).doc("Key in that Secret.");
  f.add("disableSystemCAs", &ModelTls::disable_system_cas).doc("Trust only that CA.").defaults(false);
  f.rule("caCertSecretKey requires caCertSecretRef", [](const Value& s, const Value*) {
    return json::str(s, "caCertSecretKey").empty() || !json::str(s, "caCertSecretRef").empty();
  });
  f.rule("caCertSecretRef requires caCertSecretKey", [](const Value& s, const Value*) {
    return json::str(s, "caCertSecretRef").empty() || !json::str(s, "caCertSecretKey").empty();
  });
  f.rule("disableSystemCAs requires caCertSecretRef or disableVerify (trust-nothing config rejects every upstream)",
         [](const Value& s, const Value*) {
           return !flag(s, "disableSystemCAs") || !json::str(s, "caCertSecretRef").empty() || flag(s, "disableVerify");
         });
}

void describe(json::Fields<ModelConfigSpec>& f) {
  f.doc("A model and how to reach it.");
  f.add("model", &ModelConfigSpec::model).doc("Name of the model.").required();
  f.add("provider", &ModelConfigSpec::provider)
      .doc("Whose API it has.")
      .defaults("OpenAI")
      .one_of({"Anthropic", "OpenAI", "AzureOpenAI", "Ollama", "Gemini", "GeminiVertexAI", "AnthropicVertexAI",
               "Bedrock", "SAPAICore", "Foundry"});
  f.add("apiKeySecret", &ModelConfigSpec::api_key_secret).doc("Secret, in this namespace, with the API key.");
  f.add("apiKeySecretKey", &ModelConfigSpec::api_key_secret_key).doc("Key in that Secret.");
  f.add("apiKeyPassthrough", &ModelConfigSpec::api_key_passthrough).doc("Use the caller's bearer token as API key.");
  f.add("defaultHeaders", &ModelConfigSpec::default_headers).doc("Headers sent with every call.");
  f.add("tls", &ModelConfigSpec::tls).doc("TLS towards the model.");
  f.add("openAI", &ModelConfigSpec::openai).doc("For provider OpenAI.");
  f.add("anthropic", &ModelConfigSpec::anthropic).doc("For provider Anthropic.");
  f.add("azureOpenAI", &ModelConfigSpec::azure_openai).doc("For provider AzureOpenAI.");
  f.add("ollama", &ModelConfigSpec::ollama).doc("For provider Ollama.");
  f.add("gemini", &ModelConfigSpec::gemini).doc("For provider Gemini.");
  f.add("geminiVertexAI", &ModelConfigSpec::gemini_vertex).doc("For provider GeminiVertexAI.");
  f.add("anthropicVertexAI", &ModelConfigSpec::anthropic_vertex).doc("For provider AnthropicVertexAI.");
  f.add("bedrock", &ModelConfigSpec::bedrock).doc("For provider Bedrock.");
  f.add("sapAICore", &ModelConfigSpec::sap).doc("For provider SAPAICore.");
  f.add("foundry", &ModelConfigSpec::foundry).doc("For provider Foundry.");
  add_rules(f);
}

KindInfo agent_kind();

std::vector<KindInfo> kagent_kinds() {
  KindInfo k;
  k.group = kKagentGroup;
  k.kind = "ModelConfig";
  k.plural = "modelconfigs";
  k.singular = "modelconfig";
  k.versions = {"v1alpha2"};
  k.short_names = {"mc"};
  k.categories = {"kagent"};
  k.doc = "A model and how agents reach it.";
  k.members = {member<ModelConfigSpec>("spec"), member<ModelConfigStatus>("status")};
  k.columns = {{"Provider", "string", ".spec.provider"}, {"Model", "string", ".spec.model"}};
  return {std::move(k), agent_kind()};
}

}  // namespace sl::resource

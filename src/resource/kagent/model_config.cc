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

bool flag(const Value& s, std::string_view key) {
  auto* v = json::find(s, key);
  return v && v->is_bool() && v->get_bool();
}

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
}

}  // namespace

void describe(json::Fields<OpenAiConfig>& f) {
  f.doc("An API of OpenAI's form.");
  f.add("baseUrl", &OpenAiConfig::base_url).doc("URL to which /chat/completions is added.");
  f.add("organization", &OpenAiConfig::organization).doc("OpenAI-Organization header.");
  f.add("temperature", &OpenAiConfig::temperature).doc("Sampling temperature, a number as text.");
  f.add("maxTokens", &OpenAiConfig::max_tokens).doc("max_tokens.").min(1);
  f.add("maxCompletionTokens", &OpenAiConfig::max_completion_tokens).doc("max_completion_tokens.").min(1);
  f.add("topP", &OpenAiConfig::top_p).doc("top_p, a number as text.");
  f.add("frequencyPenalty", &OpenAiConfig::frequency_penalty).doc("frequency_penalty, a number as text.");
  f.add("presencePenalty", &OpenAiConfig::presence_penalty).doc("presence_penalty, a number as text.");
  f.add("seed", &OpenAiConfig::seed).doc("seed.");
  f.add("n", &OpenAiConfig::n).doc("n.");
  f.add("timeout", &OpenAiConfig::timeout).doc("Seconds for one model call.");
  f.add("reasoningEffort", &OpenAiConfig::reasoning_effort)
      .doc("reasoning_effort.")
      .one_of({"none", "minimal", "low", "medium", "high", "xhigh", "max"});
  f.add("apiFormat", &OpenAiConfig::api_format)
      .doc("chatCompletions or responses.")
      .one_of({"chatCompletions", "responses"})
      .defaults("chatCompletions");
  f.add("tokenExchange", &OpenAiConfig::token_exchange).doc("Exchanges the key for a token.").object();
  f.rule("maxTokens and maxCompletionTokens are mutually exclusive",
         [](const Value& s, const Value*) { return !has(s, "maxTokens") || !has(s, "maxCompletionTokens"); });
}

void describe(json::Fields<AnthropicConfig>& f) {
  f.doc("Anthropic's API.");
  f.add("baseUrl", &AnthropicConfig::base_url).doc("URL to which /v1/messages is added.");
  f.add("maxTokens", &AnthropicConfig::max_tokens).doc("max_tokens.");
  f.add("temperature", &AnthropicConfig::temperature).doc("A number as text.");
  f.add("topP", &AnthropicConfig::top_p).doc("A number as text.");
  f.add("topK", &AnthropicConfig::top_k).doc("top_k.");
}

void describe(json::Fields<ModelTls>& f) {
  f.doc("TLS towards the model.");
  f.add("disableVerify", &ModelTls::disable_verify).doc("Do not check the certificate. Never in production.");
  f.add("caCertSecretRef", &ModelTls::ca_secret_ref).doc("Secret with a CA certificate.");
  f.add("caCertSecretKey", &ModelTls::ca_secret_key).doc("Key in that Secret.");
  f.add("disableSystemCAs", &ModelTls::disable_system_cas).doc("Trust only that CA.");
  f.rule("caCertSecretKey requires caCertSecretRef", [](const Value& s, const Value*) {
    return json::str(s, "caCertSecretKey").empty() || !json::str(s, "caCertSecretRef").empty();
  });
  f.rule("caCertSecretRef requires caCertSecretKey", [](const Value& s, const Value*) {
    return json::str(s, "caCertSecretRef").empty() || !json::str(s, "caCertSecretKey").empty();
  });
  f.rule("disableSystemCAs requires caCertSecretRef or disableVerify", [](const Value& s, const Value*) {
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
  f.add("azureOpenAI", &ModelConfigSpec::azure_openai).doc("For provider AzureOpenAI.").object();
  f.add("ollama", &ModelConfigSpec::ollama).doc("For provider Ollama.").object();
  f.add("gemini", &ModelConfigSpec::gemini).doc("For provider Gemini.").object();
  f.add("geminiVertexAI", &ModelConfigSpec::gemini_vertex).doc("For provider GeminiVertexAI.").object();
  f.add("anthropicVertexAI", &ModelConfigSpec::anthropic_vertex).doc("For provider AnthropicVertexAI.").object();
  f.add("bedrock", &ModelConfigSpec::bedrock).doc("For provider Bedrock.").object();
  f.add("sapAICore", &ModelConfigSpec::sap).doc("For provider SAPAICore.").object();
  f.add("foundry", &ModelConfigSpec::foundry).doc("For provider Foundry.").object();
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

#include "resource/kgateway/backend.h"

#include <set>

#include "resource/gateway/patterns.h"
#include "resource/kgateway/earlier.h"

namespace sl::resource {

using json::Value;

namespace {

size_t count_present(const Value& s, std::initializer_list<std::string_view> keys) {
  size_t n = 0;
  for (auto key : keys) n += has(s, key);
  return n;
}

struct BackendStatus {
  std::vector<Condition> conditions;
};
void describe(json::Fields<BackendStatus>& f) {
  f.doc("State of the backend.");
  f.add("conditions", &BackendStatus::conditions).doc("Accepted, ResolvedRefs.").items(0, 8).list_map({"type"});
}

}  // namespace

void describe(json::Fields<LocalSecretRef>& f) {
  f.add("name", &LocalSecretRef::name)
      .doc("Name of a Secret in the Backend's namespace; its key Authorization is used.")
      .defaults("");
}

void describe(json::Fields<AuthToken>& f) {
  f.doc("The credential sent to the provider.");
  f.add("kind", &AuthToken::kind)
      .doc("Inline, SecretRef or Passthrough.")
      .required()
      .one_of({"Inline", "SecretRef", "Passthrough"});
  f.add("inline", &AuthToken::inline_value).doc("The credential itself; prefer a Secret.");
  f.add("secretRef", &AuthToken::secret_ref).doc("A Secret that holds it.");
  f.rule("inline must be set when kind is Inline",
         [](const Value& s, const Value*) { return json::str(s, "kind") != "Inline" || has(s, "inline"); });
  f.rule("secretRef must be set when kind is SecretRef",
         [](const Value& s, const Value*) { return json::str(s, "kind") != "SecretRef" || has(s, "secretRef"); });
}

void describe(json::Fields<OpenAiProvider>& f) {
  f.doc("OpenAI or an API of its form.");
  f.add("authToken", &OpenAiProvider::auth_token).doc("Credential.").required();
  f.add("model", &OpenAiProvider::model).doc("Model used whatever the client asks for.");
}

void describe(json::Fields<AnthropicProvider>& f) {
  f.doc("Anthropic.");
  f.add("authToken", &AnthropicProvider::auth_token).doc("Credential.").required();
  f.add("apiVersion", &AnthropicProvider::api_version).doc("The anthropic-version header; 2023-06-01 by default.");
  f.add("model", &AnthropicProvider::model).doc("Model used whatever the client asks for.");
}

void describe(json::Fields<AzureProvider>& f) {
  f.doc("OpenAI's models at Azure.");
  f.add("authToken", &AzureProvider::auth_token).doc("Credential.").required();
  f.add("endpoint", &AzureProvider::endpoint).doc("Host of the resource.").required().min_length(1);
  f.add("deploymentName", &AzureProvider::deployment).doc("Deployment.").required().min_length(1);
  f.add("apiVersion", &AzureProvider::api_version).doc("Version of the API.").required().min_length(1);
}
void describe(json::Fields<GeminiProvider>& f) {
  f.doc("Google's Gemini API.");
  f.add("authToken", &GeminiProvider::auth_token).doc("Credential.").required();
  f.add("model", &GeminiProvider::model).doc("Model used whatever the client asks for.");
  f.add("apiVersion", &GeminiProvider::api_version).doc("Version of the API.");
}
void describe(json::Fields<VertexProvider>& f) {
  f.doc("Google's Vertex AI.");
  f.add("authToken", &VertexProvider::auth_token).doc("Credential.").required();
  f.add("model", &VertexProvider::model).doc("Model used whatever the client asks for.").required().min_length(1);
  f.add("apiVersion", &VertexProvider::api_version).doc("Version of the API.").required().min_length(1);
  f.add("projectId", &VertexProvider::project).doc("Project.").required().min_length(1);
  f.add("location", &VertexProvider::location).doc("Region.").required().min_length(1);
  f.add("modelPath", &VertexProvider::model_path).doc("Path of the model.");
  f.add("publisher", &VertexProvider::publisher).doc("Whose model.").one_of({"GOOGLE"}).defaults("GOOGLE");
}
void describe(json::Fields<AwsAuth>& f) {
  f.add("type", &AwsAuth::type).doc("Where the credential is.").required().one_of({"Secret"});
  f.add("secretRef", &AwsAuth::secret_ref).doc("A Secret with accessKey, secretKey and sessionToken.");
  f.rule("secretRef must be set when type is Secret",
         [](const Value& s, const Value*) { return json::str(s, "type") != "Secret" || has(s, "secretRef"); });
}
void describe(json::Fields<AwsGuardrail>& f) {
  f.add("identifier", &AwsGuardrail::identifier).doc("Guardrail.").required().min_length(1);
  f.add("version", &AwsGuardrail::version).doc("Its version.").required().min_length(1);
}
void describe(json::Fields<BedrockProvider>& f) {
  f.doc("Amazon Bedrock.");
  f.add("auth", &BedrockProvider::auth).doc("Credential; that of the environment when absent.");
  f.add("model", &BedrockProvider::model).doc("Model used whatever the client asks for.").required().min_length(1);
  f.add("region", &BedrockProvider::region)
      .doc("AWS region.")
      .defaults("us-east-1")
      .length(1, 63)
      .pattern("^[a-z0-9-]+$");
  f.add("guardrail", &BedrockProvider::guardrail).doc("What guards the conversation.");
}

void describe(json::Fields<AuthHeaderOverride>& f) {
  f.add("prefix", &AuthHeaderOverride::prefix).doc("Put before the credential.");
  f.add("headerName", &AuthHeaderOverride::header_name).doc("Header that carries it.");
}
void describe(json::Fields<FullPath>& f) {
  f.add("full", &FullPath::full).doc("Path that replaces the provider's.").required().length(1, 1024);
}

void describe(json::Fields<LlmProviders>& f) {
  f.doc("Exactly one provider.");
  f.add("openai", &LlmProviders::openai).doc("OpenAI.");
  f.add("azureopenai", &LlmProviders::azureopenai).doc("Azure OpenAI.");
  f.add("anthropic", &LlmProviders::anthropic).doc("Anthropic.");
  f.add("gemini", &LlmProviders::gemini).doc("Gemini.");
  f.add("vertexai", &LlmProviders::vertexai).doc("Vertex AI.");
  f.add("bedrock", &LlmProviders::bedrock).doc("Amazon Bedrock.");
}
void describe(json::Fields<LlmProvider>& f) {
  f.include<LlmProviders>();
  f.add("host", &LlmProvider::host).doc("Host instead of the provider's own.").length(1, 253);
  f.add("port", &LlmProvider::port).doc("Port instead of 443.").min(1).max(65535);
  f.add("path", &LlmProvider::path).doc("Path instead of the provider's own.");
  f.add("authHeader", &LlmProvider::auth_header).doc("Header instead of the provider's own.");
  describe_earlier(f);
  f.rule("exactly one of the fields in [openai azureopenai anthropic gemini vertexai bedrock] must be set",
         [](const Value& s, const Value*) {
           size_t n = 0;
           for (auto key : kLlmProviders) n += has(s, key);
           return n == 1;
         });
  f.rule("host and port must be set together",
         [](const Value& s, const Value*) { return has(s, "host") == has(s, "port"); });
}

void describe(json::Fields<NamedLlmProvider>& f) {
  f.include<LlmProvider>();
  f.add("name", &NamedLlmProvider::name).doc("Unique over all groups.").required().length(1, 253).pattern(kSectionName);
}
void describe(json::Fields<PriorityGroup>& f) {
  f.add("providers", &PriorityGroup::providers).doc("Providers of equal priority.").required().items(1, 32);
}

void describe(json::Fields<AiBackend>& f) {
  f.doc("A language model.");
  f.add("llm", &AiBackend::llm).doc("One provider.");
  f.add("priorityGroups", &AiBackend::priority_groups).doc("Providers in order of preference.").items(1, 32);
  describe_earlier(f);
  f.rule("exactly one of the fields in [llm priorityGroups] must be set",
         [](const Value& s, const Value*) { return count_present(s, {"llm", "priorityGroups"}) == 1; });
  f.rule("provider names must be unique across groups", [](const Value& s, const Value*) {
    std::set<std::string_view> seen;
    if (auto* groups = json::arr(s, "priorityGroups"))
      for (auto& g : *groups)
        if (auto* providers = json::arr(g, "providers"))
          for (auto& p : *providers)
            if (!seen.insert(json::str(p, "name")).second) return false;
    return true;
  });
}

void describe(json::Fields<StaticHost>& f) {
  f.add("host", &StaticHost::host).doc("Host name or address.").required().length(1, 253);
  f.add("port", &StaticHost::port).doc("Port.").required().min(1).max(65535);
}
void describe(json::Fields<StaticBackend>& f) {
  f.doc("Fixed hosts.");
  f.add("hosts", &StaticBackend::hosts).doc("Hosts, used in turn.").required().items(1, 128);
  f.add("appProtocol", &StaticBackend::app_protocol)
      .doc("Protocol spoken to them.")
      .one_of({"http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"});
}

void describe(json::Fields<AwsLambda>& f) {
  f.add("endpointURL", &AwsLambda::endpoint_url)
      .doc("URL instead of AWS's own.")
      .pattern("^https?://[-a-zA-Z0-9@:%.+~#?&/=]+$");
  f.add("functionName", &AwsLambda::function_name).doc("Function.").required().pattern("^[A-Za-z0-9-_]{1,140}$");
  f.add("invocationMode", &AwsLambda::invocation_mode).doc("Sync or Async.").one_of({"Sync", "Async"}).defaults("Sync");
  f.add("qualifier", &AwsLambda::qualifier).doc("Alias or version.").defaults("$LATEST");
  f.add("payloadTransformMode", &AwsLambda::payload_transform)
      .doc("None or Envoy.")
      .one_of({"None", "Envoy"})
      .defaults("Envoy");
}
void describe(json::Fields<AwsBackend>& f) {
  f.doc("A function of AWS Lambda.");
  f.add("lambda", &AwsBackend::lambda).doc("The function.").required();
  f.add("accountId", &AwsBackend::account_id).doc("AWS account.").required().length(1, 12).pattern("^[0-9]{12}$");
  f.add("auth", &AwsBackend::auth).doc("Credential; that of the environment when absent.");
  f.add("region", &AwsBackend::region).doc("AWS region.").defaults("us-east-1").length(1, 63).pattern("^[a-z0-9-]+$");
}

void describe(json::Fields<McpSelector>& f) {
  f.add("namespace", &McpSelector::ns).doc("Labels of namespaces.");
  f.add("service", &McpSelector::service).doc("Labels of Services.");
  f.add("namespaces", &McpSelector::namespaces).doc("Labels of namespaces, as later versions spell it.");
  f.add("services", &McpSelector::services).doc("Labels of Services, as later versions spell it.");
}
void describe(json::Fields<McpStatic>& f) {
  f.add("host", &McpStatic::host).doc("Host.").required().min_length(1);
  f.add("port", &McpStatic::port).doc("Port.").required().min(1).max(65535);
  f.add("path", &McpStatic::path).doc("Path; /mcp or /sse when absent.");
  f.add("protocol", &McpStatic::protocol).doc("StreamableHTTP or SSE.").one_of({"StreamableHTTP", "SSE"});
}
void describe(json::Fields<McpTarget>& f) {
  f.add("name", &McpTarget::name).doc("Unique among the targets.").required().length(1, 253).pattern(kSectionName);
  f.add("selector", &McpTarget::selector).doc("Services that are targets.");
  f.add("static", &McpTarget::target).doc("One server.");
  f.rule("exactly one of the fields in [selector static] must be set",
         [](const Value& s, const Value*) { return has(s, "selector") != has(s, "static"); });
}
void describe(json::Fields<McpBackend>& f) {
  f.doc("MCP servers.");
  f.add("targets", &McpBackend::targets).doc("Servers.").required().items(1, 32).list_map({"name"});
}

void describe(json::Fields<DynamicForwardProxy>& f) {
  f.doc("The host that the request names.");
  f.add("enableTls", &DynamicForwardProxy::enable_tls).doc("Whether it is reached over TLS.");
}

void describe(json::Fields<BackendSpec>& f) {
  f.doc("The backend that is wanted.");
  f.add("type", &BackendSpec::type)
      .doc("Which member is used.")
      .required()
      .one_of({"AI", "AWS", "Static", "DynamicForwardProxy", "MCP"});
  f.add("ai", &BackendSpec::ai).doc("For type AI.");
  f.add("aws", &BackendSpec::aws).doc("For type AWS.");
  f.add("static", &BackendSpec::static_backend).doc("For type Static.");
  f.add("mcp", &BackendSpec::mcp).doc("For type MCP.");
  f.add("dynamicForwardProxy", &BackendSpec::dynamic_forward_proxy).doc("For type DynamicForwardProxy.");
  auto pair = [&](std::string type, std::string member) {
    f.rule(member + " backend must be specified when type is '" + type + "'",
           [=](const Value& s, const Value*) { return json::str(s, "type") != type || has(s, member); });
    f.rule(member + " backend must be nil if the type is not '" + type + "'",
           [=](const Value& s, const Value*) { return json::str(s, "type") == type || !has(s, member); });
  };
  pair("AI", "ai");
  pair("AWS", "aws");
  pair("Static", "static");
  pair("MCP", "mcp");
  pair("DynamicForwardProxy", "dynamicForwardProxy");
}

std::vector<KindInfo> kgateway_kinds() {
  KindInfo k;
  k.group = kKgatewayGroup;
  k.kind = "Backend";
  k.plural = "backends";
  k.singular = "backend";
  k.versions = {"v1alpha1"};
  k.short_names = {"be"};
  k.categories = {"kgateway"};
  k.doc = "A destination that is not a Service.";
  k.members = {member<BackendSpec>("spec", true), member<BackendStatus>("status")};
  k.columns = {{"Type", "string", ".spec.type"},
               {"Accepted", "string", ".status.conditions[?(@.type=='Accepted')].status"},
               {"Age", "date", ".metadata.creationTimestamp"}};
  k.respell = use_todays_spelling;
  return {std::move(k)};
}

}  // namespace sl::resource

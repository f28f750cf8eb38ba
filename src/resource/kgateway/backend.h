// gateway.kgateway.dev/v1alpha1 Backend: AI providers, static hosts and (kept, not yet acted on) MCP, AWS and
// dynamic forward proxy. Who calls: control. Thread: plain values. Source: gateway.kgateway.dev/v1alpha1.
#pragma once

#include "resource/kind/kind.h"

namespace sl::resource {

inline constexpr char kKgatewayGroup[] = "gateway.kgateway.dev";

struct LocalSecretRef {
  std::string name;
};
struct AuthToken {
  std::string kind, inline_value;
  std::optional<LocalSecretRef> secret_ref;
};
struct OpenAiProvider {
  std::optional<AuthToken> auth_token;
  std::string model;
};
struct AnthropicProvider {
  std::optional<AuthToken> auth_token;
  std::string api_version, model;
};
struct AzureProvider {
  std::optional<AuthToken> auth_token;
  std::string endpoint, deployment, api_version;
};
struct GeminiProvider {
  std::optional<AuthToken> auth_token;
  std::string model, api_version;
};
struct VertexProvider {
  std::optional<AuthToken> auth_token;
  std::string model, api_version, project, location, model_path, publisher;
};
struct AwsAuth {
  std::string type;
  std::optional<LocalSecretRef> secret_ref;
};
struct AwsGuardrail {
  std::string identifier, version;
};
struct BedrockProvider {
  std::optional<AwsAuth> auth;
  std::string model, region;
  std::optional<AwsGuardrail> guardrail;
};
struct AuthHeaderOverride {
  std::string prefix, header_name;
};
struct FullPath {
  std::string full;
};
inline constexpr std::string_view kLlmProviders[] = {"openai", "azureopenai", "anthropic",
                                                     "gemini", "vertexai",    "bedrock"};
struct LlmProviders {
  std::optional<OpenAiProvider> openai;
  std::optional<AnthropicProvider> anthropic;
  std::optional<AzureProvider> azureopenai;
  std::optional<GeminiProvider> gemini;
  std::optional<VertexProvider> vertexai;
  std::optional<BedrockProvider> bedrock;
};
// LLMProvider: exactly one provider, and where to find it if not at its usual address.
struct LlmProvider : LlmProviders {
  std::string host;
  std::optional<int32_t> port;
  std::optional<FullPath> path;
  std::optional<AuthHeaderOverride> auth_header;
};
struct NamedLlmProvider : LlmProvider {
  std::string name;
};
struct PriorityGroup {
  std::vector<NamedLlmProvider> providers;
};
struct AiBackend {
  std::optional<LlmProvider> llm;
  std::vector<PriorityGroup> priority_groups;
};
struct StaticHost {
  std::string host;
  int32_t port = 0;
};
struct StaticBackend {
  std::vector<StaticHost> hosts;
  std::string app_protocol;
};
struct AwsLambda {
  std::string endpoint_url, function_name, invocation_mode, qualifier, payload_transform;
};
struct AwsBackend {
  std::optional<AwsLambda> lambda;
  std::string account_id, region;
  std::optional<AwsAuth> auth;
};
struct McpSelector {
  std::optional<LabelSelectorSpec> ns, service, namespaces, services;
};
struct McpStatic {
  std::string host, path, protocol;
  int32_t port = 0;
};
struct McpTarget {
  std::string name;
  std::optional<McpSelector> selector;
  std::optional<McpStatic> target;
};
struct McpBackend {
  std::vector<McpTarget> targets;
};
struct DynamicForwardProxy {
  bool enable_tls = false;
};
struct BackendSpec {
  std::string type;
  std::optional<AiBackend> ai;
  std::optional<StaticBackend> static_backend;
  std::optional<AwsBackend> aws;
  std::optional<McpBackend> mcp;
  std::optional<DynamicForwardProxy> dynamic_forward_proxy;
};
void describe(json::Fields<AuthHeaderOverride>& f);
void describe(json::Fields<LlmProviders>& f);
void describe(json::Fields<LlmProvider>& f);
void describe(json::Fields<BackendSpec>& f);

}  // namespace sl::resource

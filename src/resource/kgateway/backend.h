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
struct AuthHeaderOverride {
  std::string prefix, header_name;
};
struct FullPath {
  std::string full;
};
// LLMProvider: exactly one provider, and where to find it if not at its usual address.
struct LlmProvider {
  std::optional<OpenAiProvider> openai;
  std::optional<AnthropicProvider> anthropic;
  json::Value azureopenai, gemini, vertexai, bedrock;
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
struct BackendSpec {
  std::string type;
  std::optional<AiBackend> ai;
  std::optional<StaticBackend> static_backend;
  json::Value aws, mcp, dynamic_forward_proxy;
};
void describe(json::Fields<BackendSpec>& f);

}  // namespace sl::resource

// kagent.dev/v1alpha2 ModelConfig and Agent. Who calls: control, app. Thread: plain values.
// Source: kagent.dev/v1alpha2.
#pragma once

#include "resource/kagent/providers.h"
#include "resource/kagent/workload.h"
#include "resource/kind/kind.h"

namespace sl::resource {

inline constexpr char kKagentGroup[] = "kagent.dev";

struct ModelTls {
  bool disable_verify = false, disable_system_cas = false;
  std::string ca_secret_ref, ca_secret_key;
};
struct ModelConfigSpec {
  std::string model, provider, api_key_secret, api_key_secret_key;
  bool api_key_passthrough = false;
  std::map<std::string, std::string> default_headers;
  std::optional<ModelTls> tls;
  std::optional<OpenAiConfig> openai;
  std::optional<AnthropicConfig> anthropic;
  std::optional<AzureOpenAiConfig> azure_openai;
  std::optional<OllamaConfig> ollama;
  std::optional<GeminiConfig> gemini;
  std::optional<GeminiVertexConfig> gemini_vertex;
  std::optional<AnthropicVertexConfig> anthropic_vertex;
  std::optional<BedrockConfig> bedrock;
  std::optional<SapAiCoreConfig> sap;
  std::optional<FoundryConfig> foundry;
};
void describe(json::Fields<ModelConfigSpec>& f);

struct TypedReference {
  std::string kind, api_group, name, ns;
};
struct McpServerTool : TypedReference {
  std::vector<std::string> tool_names, require_approval, allowed_headers;
};
struct ValueSource {
  std::string type, name, key;
};
struct HeaderFrom {
  std::string name;
  std::optional<std::string> value;
  std::optional<ValueSource> value_from;
};
struct AgentTool {
  std::string type;
  std::optional<McpServerTool> mcp_server;
  std::optional<TypedReference> agent;
  std::vector<HeaderFrom> headers_from;
  bool isolate_sessions = false;
};
struct A2aSkill {
  std::string id, name, description;
  std::vector<std::string> tags, examples, input_modes, output_modes;
};
struct A2aConfig {
  std::vector<A2aSkill> skills;
};
struct PromptSource : TypedReference {
  std::string alias;
};
struct PromptTemplate {
  std::vector<PromptSource> data_sources;
};
struct DeclarativeAgent {
  std::string runtime, system_message, model_config;
  std::optional<ValueSource> system_message_from;
  std::optional<PromptTemplate> prompt_template;
  bool stream = false, share_tools = false;
  std::optional<bool> execute_code_blocks;
  std::vector<AgentTool> tools;
  std::optional<A2aConfig> a2a_config;
  std::optional<DeclarativeDeployment> deployment;
  std::optional<AgentMemory> memory;
  std::optional<AgentContext> context;
};
struct ByoAgent {
  std::optional<ByoDeployment> deployment;
};
struct AgentProvider {
  std::string organization, url;
};
struct AgentSpec {
  std::string type, description, icon_url, documentation_url, version;
  std::optional<AgentProvider> provider;
  std::optional<SkillSources> skills;
  std::optional<AgentSandbox> sandbox;
  std::optional<AllowedNamespaces> allowed_namespaces;
  std::optional<DeclarativeAgent> declarative;
  std::optional<ByoAgent> byo;
};
void describe(json::Fields<AgentSpec>& f);

}  // namespace sl::resource

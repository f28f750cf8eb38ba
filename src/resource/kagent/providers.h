// The provider blocks of a ModelConfig: which model API, and what is asked of it. Numbers for sampling are texts.
// Who calls: kagent.h. Thread: plain values. Source: kagent.dev/v1alpha2 ModelConfig.
#pragma once

#include "resource/kind/kind.h"

namespace sl::resource {

struct GdchServiceAccount {
  std::string audience;
};
struct TokenExchange {
  std::string type;
  std::optional<GdchServiceAccount> gdch_service_account;
};
struct OpenAiConfig {
  std::string base_url, organization, temperature, top_p, frequency_penalty, presence_penalty, reasoning_effort,
      api_format;
  std::optional<int32_t> max_tokens, max_completion_tokens, seed, n, timeout;
  std::optional<TokenExchange> token_exchange;
};
struct AnthropicConfig {
  std::string base_url, temperature, top_p;
  std::optional<int32_t> max_tokens, top_k;
};
struct AzureOpenAiConfig {
  std::string endpoint, api_version, deployment, ad_token, temperature, top_p;
  std::optional<int32_t> max_tokens;
};
struct OllamaConfig {
  std::string host;
  std::map<std::string, std::string> options;
};
struct GeminiConfig {
  std::optional<int32_t> max_output_tokens;
};
struct VertexConfig {
  std::string project, location, temperature, top_p, top_k;
  std::vector<std::string> stop_sequences;
};
struct GeminiVertexConfig : VertexConfig {
  std::optional<int32_t> max_output_tokens, candidate_count;
  std::string response_mime_type;
};
struct AnthropicVertexConfig : VertexConfig {
  std::optional<int32_t> max_tokens;
};
struct BedrockGuardrail {
  std::string identifier, version, trace;
};
struct BedrockConfig {
  std::string region, cache_ttl;
  json::Value additional_fields;
  bool prompt_caching = false;
  std::optional<BedrockGuardrail> guardrail;
  std::optional<int32_t> read_timeout, connect_timeout;
};
struct SapAiCoreConfig {
  std::string base_url, resource_group, auth_url;
};
struct ConfigMapKey {
  std::string name, key;
  std::optional<bool> optional;
};
struct FoundryConfig {
  std::string endpoint, deployment, api_version;
  std::optional<ConfigMapKey> endpoint_from;
};

void describe(json::Fields<OpenAiConfig>& f);
void describe(json::Fields<AnthropicConfig>& f);
void describe(json::Fields<AzureOpenAiConfig>& f);
void describe(json::Fields<OllamaConfig>& f);
void describe(json::Fields<GeminiConfig>& f);
void describe(json::Fields<GeminiVertexConfig>& f);
void describe(json::Fields<AnthropicVertexConfig>& f);
void describe(json::Fields<BedrockConfig>& f);
void describe(json::Fields<SapAiCoreConfig>& f);
void describe(json::Fields<FoundryConfig>& f);

}  // namespace sl::resource

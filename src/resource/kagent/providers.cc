#include "resource/kagent/providers.h"

namespace sl::resource {

using json::Value;

void describe(json::Fields<GdchServiceAccount>& f) {
  f.add("audience", &GdchServiceAccount::audience).doc("Audience of the token.").required();
}
void describe(json::Fields<TokenExchange>& f) {
  f.add("type", &TokenExchange::type).doc("How.").required().one_of({"GDCHServiceAccount"});
  f.add("gdchServiceAccount", &TokenExchange::gdch_service_account).doc("For type GDCHServiceAccount.");
}

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
  f.add("tokenExchange", &OpenAiConfig::token_exchange).doc("Exchanges the key for a token.");
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

void describe(json::Fields<AzureOpenAiConfig>& f) {
  f.doc("OpenAI's API at Azure.");
  f.add("azureEndpoint", &AzureOpenAiConfig::endpoint).doc("URL of the resource.").required();
  f.add("apiVersion", &AzureOpenAiConfig::api_version).doc("Version of the API.").required();
  f.add("azureDeployment", &AzureOpenAiConfig::deployment).doc("Name of the deployment.");
  f.add("azureAdToken", &AzureOpenAiConfig::ad_token).doc("Token of Azure AD.");
  f.add("temperature", &AzureOpenAiConfig::temperature).doc("A number as text.");
  f.add("maxTokens", &AzureOpenAiConfig::max_tokens).doc("max_tokens.");
  f.add("topP", &AzureOpenAiConfig::top_p).doc("A number as text.");
}

void describe(json::Fields<OllamaConfig>& f) {
  f.doc("Ollama's API.");
  f.add("host", &OllamaConfig::host).doc("Its address.");
  f.add("options", &OllamaConfig::options).doc("Options of the model.");
}

void describe(json::Fields<GeminiConfig>& f) {
  f.doc("Google's Gemini API.");
  f.add("maxOutputTokens", &GeminiConfig::max_output_tokens).doc("Limit of the answer.");
}

static void describe(json::Fields<VertexConfig>& f) {
  f.add("projectID", &VertexConfig::project).doc("Project.").required();
  f.add("location", &VertexConfig::location).doc("Region.").required();
  f.add("temperature", &VertexConfig::temperature).doc("A number as text.");
  f.add("topP", &VertexConfig::top_p).doc("A number as text.");
  f.add("topK", &VertexConfig::top_k).doc("A number as text.");
  f.add("stopSequences", &VertexConfig::stop_sequences).doc("Texts that end the answer.");
}
void describe(json::Fields<GeminiVertexConfig>& f) {
  f.include<VertexConfig>();
  f.doc("Gemini at Vertex AI.");
  f.add("maxOutputTokens", &GeminiVertexConfig::max_output_tokens).doc("Limit of the answer.");
  f.add("candidateCount", &GeminiVertexConfig::candidate_count).doc("How many answers.");
  f.add("responseMimeType", &GeminiVertexConfig::response_mime_type).doc("Type of the answer.");
}
void describe(json::Fields<AnthropicVertexConfig>& f) {
  f.include<VertexConfig>();
  f.doc("Anthropic's models at Vertex AI.");
  f.add("maxTokens", &AnthropicVertexConfig::max_tokens).doc("max_tokens.");
}

void describe(json::Fields<BedrockGuardrail>& f) {
  f.add("identifier", &BedrockGuardrail::identifier).doc("Guardrail.").required().length(1, 2048);
  f.add("version", &BedrockGuardrail::version).doc("Its version.").required().length(1, 8);
  f.add("trace", &BedrockGuardrail::trace).doc("What it tells.").one_of({"disabled", "enabled", "enabled_full"});
}
void describe(json::Fields<BedrockConfig>& f) {
  f.doc("AWS Bedrock.");
  f.add("region", &BedrockConfig::region).doc("AWS region.").required();
  f.add("additionalModelRequestFields", &BedrockConfig::additional_fields).doc("Passed on as they are.");
  f.add("promptCaching", &BedrockConfig::prompt_caching).doc("Marks the prompt as cacheable.").defaults(false);
  f.add("cacheTTL", &BedrockConfig::cache_ttl).doc("How long it is cached.").one_of({"5m", "1h"}).defaults("5m");
  f.add("guardrail", &BedrockConfig::guardrail).doc("What guards the conversation.");
  f.add("readTimeout", &BedrockConfig::read_timeout).doc("Seconds.").min(1);
  f.add("connectTimeout", &BedrockConfig::connect_timeout).doc("Seconds.").min(1);
}

void describe(json::Fields<SapAiCoreConfig>& f) {
  f.doc("SAP AI Core.");
  f.add("baseUrl", &SapAiCoreConfig::base_url).doc("URL of the API.").required();
  f.add("resourceGroup", &SapAiCoreConfig::resource_group).doc("Resource group.").defaults("default");
  f.add("authUrl", &SapAiCoreConfig::auth_url).doc("URL of the OAuth2 token.");
}

void describe(json::Fields<ConfigMapKey>& f) {
  f.add("name", &ConfigMapKey::name).doc("ConfigMap.").defaults("");
  f.add("key", &ConfigMapKey::key).doc("Key in it.").required();
  f.add("optional", &ConfigMapKey::optional).doc("Whether it may be absent.");
}
void describe(json::Fields<FoundryConfig>& f) {
  f.doc("Azure AI Foundry.");
  f.add("endpoint", &FoundryConfig::endpoint).doc("URL of the account.");
  f.add("endpointFrom", &FoundryConfig::endpoint_from).doc("Where the URL is.");
  f.add("deployment", &FoundryConfig::deployment).doc("Name of the deployment.").required();
  f.add("apiVersion", &FoundryConfig::api_version).doc("Version of the API.").defaults("2024-10-21");
  f.rule("foundry.endpoint and foundry.endpointFrom are mutually exclusive",
         [](const Value& s, const Value*) { return json::str(s, "endpoint").empty() || !has(s, "endpointFrom"); });
  f.rule("foundry.endpoint or foundry.endpointFrom is required",
         [](const Value& s, const Value*) { return !json::str(s, "endpoint").empty() || has(s, "endpointFrom"); });
}

}  // namespace sl::resource

// The typed forms. What the API refuses, and its words, are tested in control/kinds.
#include "resource/kagent/kagent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::resource {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using json::test::must_be;

TEST(ModelConfigSpec, EveryField) {
  auto m = must_be<ModelConfigSpec>(R"({
    "model": "m", "provider": "OpenAI", "apiKeySecret": "s", "apiKeySecretKey": "k", "apiKeyPassthrough": true,
    "defaultHeaders": {"h": "v"},
    "tls": {"disableVerify": true, "caCertSecretRef": "r", "caCertSecretKey": "c", "disableSystemCAs": true},
    "openAI": {"baseUrl": "u", "organization": "o", "temperature": "0.1", "maxTokens": 1, "maxCompletionTokens": 2,
               "topP": "0.2", "frequencyPenalty": "0.3", "presencePenalty": "0.4", "seed": 3, "n": 4, "timeout": 5,
               "reasoningEffort": "low", "apiFormat": "responses", "tokenExchange": {"type": "GDCHServiceAccount"}},
    "anthropic": {"baseUrl": "a", "maxTokens": 6, "temperature": "0.5", "topP": "0.6", "topK": 7},
    "azureOpenAI": {"azureEndpoint": "e"}, "ollama": {"host": "h"}, "gemini": {"maxOutputTokens": 1},
    "geminiVertexAI": {"projectID": "p"}, "anthropicVertexAI": {"projectID": "q"}, "bedrock": {"region": "r"},
    "sapAICore": {"baseUrl": "b"}, "foundry": {"deployment": "d"}})");
  EXPECT_EQ(m.model + m.provider + m.api_key_secret + m.api_key_secret_key, "mOpenAIsk");
  EXPECT_TRUE(m.api_key_passthrough);
  EXPECT_EQ(m.default_headers.at("h"), "v");
  EXPECT_TRUE(m.tls->disable_verify && m.tls->disable_system_cas);
  EXPECT_EQ(m.tls->ca_secret_ref + m.tls->ca_secret_key, "rc");
  auto& o = *m.openai;
  EXPECT_EQ(o.base_url + o.organization + o.temperature + o.top_p + o.frequency_penalty + o.presence_penalty,
            "uo0.10.20.30.4");
  EXPECT_EQ(o.max_tokens, 1);
  EXPECT_EQ(o.max_completion_tokens, 2);
  EXPECT_EQ(o.seed, 3);
  EXPECT_EQ(o.n, 4);
  EXPECT_EQ(o.timeout, 5);
  EXPECT_EQ(o.reasoning_effort + o.api_format, "lowresponses");
  EXPECT_EQ(json::str(o.token_exchange, "type"), "GDCHServiceAccount");
  EXPECT_EQ(m.anthropic->base_url + m.anthropic->temperature + m.anthropic->top_p, "a0.50.6");
  EXPECT_EQ(m.anthropic->max_tokens, 6);
  EXPECT_EQ(m.anthropic->top_k, 7);
  for (auto* block :
       {&m.azure_openai, &m.ollama, &m.gemini, &m.gemini_vertex, &m.anthropic_vertex, &m.bedrock, &m.sap, &m.foundry})
    EXPECT_TRUE(block->is_object());
}

TEST(ModelConfigSpec, SamplingNumbersAreText) {
  auto v = json::parse(R"({"model": "m", "openAI": {"temperature": 0.5}})");
  auto r = json::decode<ModelConfigSpec>(*v, "spec");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().message, "spec.openAI.temperature: must be string, found number 0.5");
}

TEST(AgentSpec, EveryField) {
  auto a = must_be<AgentSpec>(R"({
    "type": "Declarative", "description": "d", "iconUrl": "i", "documentationUrl": "u", "version": "v",
    "provider": {"organization": "o", "url": "w"}, "skills": {"refs": []}, "sandbox": {}, "allowedNamespaces": {},
    "byo": {"deployment": {"image": "i"}},
    "declarative": {
      "runtime": "python", "systemMessage": "s", "systemMessageFrom": {"type": "Secret", "name": "sn", "key": "sk"},
      "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "apiGroup": "", "name": "p", "alias": "x"}]},
      "modelConfig": "m", "stream": true, "shareTools": true, "executeCodeBlocks": false,
      "a2aConfig": {"skills": [{"id": "i", "name": "n", "description": "e", "tags": ["t"], "examples": ["x"],
                                "inputModes": ["in"], "outputModes": ["out"]}]},
      "deployment": {"replicas": 1}, "memory": {"modelConfig": "e"}, "context": {"compaction": {}},
      "tools": [{"type": "McpServer", "headersFrom": [{"name": "h", "value": "v"}], "isolateSessions": true,
                 "mcpServer": {"kind": "RemoteMCPServer", "apiGroup": "kagent.dev", "name": "srv", "namespace": "sns",
                               "toolNames": ["a", "b"], "requireApproval": ["b"], "allowedHeaders": ["x-user"]}},
                {"type": "Agent", "agent": {"kind": "Agent", "name": "other"}}]}})");
  EXPECT_EQ(a.type + a.description + a.icon_url + a.documentation_url + a.version, "Declarativediuv");
  EXPECT_EQ(a.provider->organization + a.provider->url, "ow");
  EXPECT_EQ(json::str(a.byo->deployment, "image"), "i");
  auto& d = *a.declarative;
  EXPECT_EQ(d.runtime + d.system_message + d.model_config, "pythonsm");
  EXPECT_EQ(d.system_message_from->type + d.system_message_from->name + d.system_message_from->key, "Secretsnsk");
  EXPECT_EQ(d.prompt_template->data_sources.at(0).alias, "x");
  EXPECT_TRUE(d.stream && d.share_tools);
  EXPECT_EQ(d.execute_code_blocks, false);
  auto& s = d.a2a_config->skills.at(0);
  EXPECT_EQ(s.id + s.name + s.description + s.tags.at(0) + s.examples.at(0), "inetx");
  EXPECT_EQ(s.input_modes.at(0) + s.output_modes.at(0), "inout");
  auto& t = d.tools.at(0);
  EXPECT_EQ(t.mcp_server->kind + t.mcp_server->api_group + t.mcp_server->name + t.mcp_server->ns,
            "RemoteMCPServerkagent.devsrvsns");
  EXPECT_THAT(t.mcp_server->tool_names, ElementsAre("a", "b"));
  EXPECT_THAT(t.mcp_server->require_approval, ElementsAre("b"));
  EXPECT_THAT(t.mcp_server->allowed_headers, ElementsAre("x-user"));
  EXPECT_EQ(t.headers_from.size(), 1u);
  EXPECT_TRUE(t.isolate_sessions);
  EXPECT_EQ(d.tools.at(1).agent->name, "other");
  EXPECT_FALSE(d.tools[1].mcp_server);
}

TEST(AgentSpec, ASlipIsExplained) {
  auto v = json::parse(R"({"declarative": {"sytemMessage": "x"}})");
  auto r = json::decode<AgentSpec>(*v, "spec");
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().message, AllOf(HasSubstr("spec.declarative"), HasSubstr("did you mean \"systemMessage\"?")));
}

TEST(KagentKinds, AreThisFamily) {
  std::vector<std::string> names;
  for (auto& k : kagent_kinds()) {
    EXPECT_EQ(k.group, kKagentGroup);
    names.push_back(k.plural + "/" + k.singular);
  }
  EXPECT_THAT(names, ElementsAre("modelconfigs/modelconfig", "agents/agent"));
}

}  // namespace
}  // namespace sl::resource

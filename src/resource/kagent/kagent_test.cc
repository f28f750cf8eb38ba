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
               "reasoningEffort": "low", "apiFormat": "responses", "tokenExchange": {"type": "GDCHServiceAccount", "gdchServiceAccount": {"audience": "w"}}},
    "anthropic": {"baseUrl": "a", "maxTokens": 6, "temperature": "0.5", "topP": "0.6", "topK": 7},
    "azureOpenAI": {"azureEndpoint": "e", "apiVersion": "v", "azureDeployment": "d", "azureAdToken": "t",
                    "temperature": "0.1", "maxTokens": 8, "topP": "0.2"},
    "ollama": {"host": "h", "options": {"num_ctx": "9"}}, "gemini": {"maxOutputTokens": 1},
    "geminiVertexAI": {"projectID": "p", "location": "l", "temperature": "1", "topP": "2", "topK": "3",
                       "stopSequences": ["s"], "maxOutputTokens": 9, "candidateCount": 2, "responseMimeType": "t"},
    "anthropicVertexAI": {"projectID": "q", "location": "n", "maxTokens": 3},
    "bedrock": {"region": "r", "additionalModelRequestFields": {"top_k": 5}, "promptCaching": true, "cacheTTL": "1h",
                "guardrail": {"identifier": "g", "version": "1", "trace": "enabled"}, "readTimeout": 6, "connectTimeout": 7},
    "sapAICore": {"baseUrl": "b", "resourceGroup": "g", "authUrl": "a"},
    "foundry": {"endpoint": "x", "endpointFrom": {"name": "c", "key": "k", "optional": true}, "deployment": "d",
                "apiVersion": "y"}})");
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
  EXPECT_EQ(o.token_exchange->type + o.token_exchange->gdch_service_account->audience, "GDCHServiceAccountw");
  EXPECT_EQ(m.anthropic->base_url + m.anthropic->temperature + m.anthropic->top_p, "a0.50.6");
  EXPECT_EQ(m.anthropic->max_tokens, 6);
  EXPECT_EQ(m.anthropic->top_k, 7);
  auto& z = *m.azure_openai;
  EXPECT_EQ(z.endpoint + z.api_version + z.deployment + z.ad_token + z.temperature + z.top_p, "evdt0.10.2");
  EXPECT_EQ(z.max_tokens, 8);
  EXPECT_EQ(m.ollama->host + m.ollama->options.at("num_ctx"), "h9");
  EXPECT_EQ(m.gemini->max_output_tokens, 1);
  auto& g = *m.gemini_vertex;
  EXPECT_EQ(g.project + g.location + g.temperature + g.top_p + g.top_k + g.stop_sequences.at(0) + g.response_mime_type,
            "pl123st");
  EXPECT_EQ(g.max_output_tokens.value() + g.candidate_count.value(), 11);
  EXPECT_EQ(m.anthropic_vertex->project + m.anthropic_vertex->location, "qn");
  EXPECT_EQ(m.anthropic_vertex->max_tokens, 3);
  auto& b = *m.bedrock;
  EXPECT_EQ(b.region + b.cache_ttl + b.guardrail->identifier + b.guardrail->version + b.guardrail->trace,
            "r1hg1enabled");
  EXPECT_EQ(json::num(b.additional_fields, 0, "top_k"), 5);
  EXPECT_TRUE(b.prompt_caching && b.read_timeout == 6 && b.connect_timeout == 7);
  EXPECT_EQ(m.sap->base_url + m.sap->resource_group + m.sap->auth_url, "bga");
  auto& y = *m.foundry;
  EXPECT_EQ(y.endpoint + y.endpoint_from->name + y.endpoint_from->key + y.deployment + y.api_version, "xckdy");
  EXPECT_EQ(y.endpoint_from->optional, true);
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
    "provider": {"organization": "o", "url": "w"}, 
    "skills": {"insecureSkipVerify": true, "refs": ["r"], "imagePullSecrets": [{"name": "ps"}],
               "gitAuthSecretRef": {"name": "gs"}, "gitRefs": [{"url": "g", "ref": "b", "path": "p", "name": "n"}],
               "s3Refs": [{"uri": "s3://x", "region": "eu", "name": "m"}],
               "initContainer": {"resources": {"limits": {}}, "env": [{"name": "E"}]}},
    "sandbox": {"network": {"allowedDomains": ["*.x"]}},
    "allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}},
    "byo": {"deployment": {"image": "i", "cmd": "c", "args": ["x"], "workingDir": "/w", "replicas": 2,
            "imagePullSecrets": [{"name": "s"}], "volumes": [{}], "volumeMounts": [{}], "env": [{}], "envFrom": [{}],
            "tolerations": [{}], "extraContainers": [{"name": "side"}], "labels": {"l": "1"}, "annotations": {"a": "2"},
            "deploymentAnnotations": {"d": "3"}, "nodeSelector": {"n": "4"}, "imagePullPolicy": "Always",
            "resources": {"r": 1}, "affinity": {"r": 1}, "securityContext": {"r": 1}, "podSecurityContext": {"r": 1},
            "serviceAccountName": "sa", "serviceAccountConfig": {"labels": {"x": "5"}, "annotations": {"y": "6"}}}},
    "declarative": {
      "runtime": "python", "systemMessage": "s", "systemMessageFrom": {"type": "Secret", "name": "sn", "key": "sk"},
      "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "apiGroup": "", "name": "p", "alias": "x"}]},
      "modelConfig": "m", "stream": true, "shareTools": true, "executeCodeBlocks": false,
      "a2aConfig": {"skills": [{"id": "i", "name": "n", "description": "e", "tags": ["t"], "examples": ["x"],
                                "inputModes": ["in"], "outputModes": ["out"]}]},
      "deployment": {"replicas": 1, "imageRegistry": "reg"}, "memory": {"modelConfig": "e", "ttlDays": 3},
      "context": {"compaction": {"compactionInterval": 7, "overlapSize": 1, "tokenThreshold": 8, "eventRetentionSize": 9,
                                 "summarizer": {"modelConfig": "sm", "promptTemplate": "pt"}}},
      "tools": [{"type": "McpServer", "headersFrom": [{"name": "h", "value": "v"},
                  {"name": "h2", "valueFrom": {"type": "Secret", "name": "vs", "key": "vk"}}], "isolateSessions": true,
                 "mcpServer": {"kind": "RemoteMCPServer", "apiGroup": "kagent.dev", "name": "srv", "namespace": "sns",
                               "toolNames": ["a", "b"], "requireApproval": ["b"], "allowedHeaders": ["x-user"]}},
                {"type": "Agent", "agent": {"kind": "Agent", "name": "other"}}]}})");
  EXPECT_EQ(a.type + a.description + a.icon_url + a.documentation_url + a.version, "Declarativediuv");
  EXPECT_EQ(a.provider->organization + a.provider->url, "ow");
  auto& byo = *a.byo->deployment;
  EXPECT_EQ(*byo.image + *byo.cmd + byo.args.at(0) + *byo.working_dir + byo.image_pull_policy, "icx/wAlways");
  EXPECT_EQ(byo.replicas, 2);
  EXPECT_EQ(byo.image_pull_secrets.at(0).name + byo.labels.at("l") + byo.annotations.at("a"), "s12");
  EXPECT_EQ(byo.deployment_annotations.at("d") + byo.node_selector.at("n") + *byo.service_account_name, "34sa");
  EXPECT_EQ(byo.service_account_config->labels.at("x") + byo.service_account_config->annotations.at("y"), "56");
  for (auto* list :
       {&byo.volumes, &byo.volume_mounts, &byo.env, &byo.env_from, &byo.tolerations, &byo.extra_containers})
    EXPECT_EQ(list->size(), 1u);
  for (auto* part : {&byo.resources, &byo.affinity, &byo.security_context, &byo.pod_security_context})
    EXPECT_EQ(json::num(*part, 0, "r"), 1);
  auto& skills = *a.skills;
  EXPECT_TRUE(skills.insecure_skip_verify);
  EXPECT_EQ(skills.refs.at(0) + skills.image_pull_secrets.at(0).name + skills.git_auth_secret->name, "rpsgs");
  auto& git = skills.git_refs.at(0);
  auto& s3 = skills.s3_refs.at(0);
  EXPECT_EQ(git.url + git.ref + git.path + git.name + s3.uri + s3.region + s3.name, "gbpns3://xeum");
  EXPECT_EQ(skills.init_container->env.size(), 1u);
  EXPECT_TRUE(json::find(skills.init_container->resources, "limits"));
  EXPECT_EQ(a.sandbox->network->allowed_domains.at(0), "*.x");
  EXPECT_EQ(a.allowed_namespaces->from + a.allowed_namespaces->selector->match_labels.at("a"), "Selectorb");
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
  EXPECT_EQ(t.headers_from.at(0).name + *t.headers_from.at(0).value, "hv");
  auto& from = *t.headers_from.at(1).value_from;
  EXPECT_EQ(from.type + from.name + from.key, "Secretvsvk");
  EXPECT_EQ(d.deployment->image_registry, "reg");
  EXPECT_EQ(d.deployment->replicas, 1);
  EXPECT_EQ(d.memory->model_config, "e");
  EXPECT_EQ(d.memory->ttl_days, 3);
  auto& c = *d.context->compaction;
  EXPECT_EQ(c.interval.value() * 1000 + c.overlap_size.value() * 100 + c.token_threshold.value() * 10 +
                c.event_retention_size.value(),
            7189);
  EXPECT_EQ(c.summarizer->model_config + c.summarizer->prompt_template, "smpt");
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

// The typed forms. What the API refuses, and its words, are tested in control/kinds.
#include "resource/kgateway/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::resource {
namespace {

using ::testing::HasSubstr;

TEST(BackendSpec, OneProvider) {
  auto b = json::test::must_be<BackendSpec>(R"({"type": "AI", "ai": {"llm": {
    "anthropic": {"authToken": {"kind": "SecretRef", "secretRef": {"name": "s"}}, "apiVersion": "v", "model": "m"},
    "host": "h", "port": 8443, "path": {"full": "/p"}, "authHeader": {"prefix": "Key ", "headerName": "X"}}}})");
  EXPECT_EQ(b.type, "AI");
  auto& llm = *b.ai->llm;
  EXPECT_EQ(llm.anthropic->auth_token->kind + llm.anthropic->auth_token->secret_ref->name, "SecretRefs");
  EXPECT_EQ(llm.anthropic->api_version + llm.anthropic->model, "vm");
  EXPECT_FALSE(llm.openai);
  EXPECT_EQ(llm.host, "h");
  EXPECT_EQ(llm.port, 8443);
  EXPECT_EQ(llm.path->full, "/p");
  EXPECT_EQ(llm.auth_header->prefix + llm.auth_header->header_name, "Key X");
}

// The members of a provider stand inline beside its name.
TEST(BackendSpec, GroupsOfNamedProviders) {
  auto b = json::test::must_be<BackendSpec>(R"({"type": "AI", "ai": {"priorityGroups": [
    {"providers": [{"name": "a", "openai": {"authToken": {"kind": "Inline", "inline": "i"}, "model": "m"}, "host": "h",
                    "port": 1}]},
    {"providers": [{"name": "b", "gemini": {"model": "g", "apiVersion": "v", "authToken": {"kind": "Passthrough"}}},
      {"name": "c", "bedrock": {"auth": {"type": "Secret", "secretRef": {"name": "s"}}, "model": "m", "region": "r",
                                "guardrail": {"identifier": "i", "version": "1"}}},
      {"name": "d", "azureopenai": {"authToken": {"kind": "Passthrough"}, "endpoint": "e", "deploymentName": "n", "apiVersion": "v"}},
      {"name": "e", "vertexai": {"authToken": {"kind": "Passthrough"}, "model": "m", "apiVersion": "v", "projectId": "p", "location": "l", "modelPath": "x",
                                 "publisher": "GOOGLE"}}]}]}})");
  ASSERT_EQ(b.ai->priority_groups.size(), 2u);
  auto& a = b.ai->priority_groups[0].providers.at(0);
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.openai->auth_token->inline_value + a.openai->model + a.host, "imh");
  EXPECT_EQ(b.ai->priority_groups[1].providers.at(1).name, "c");
  auto& others = b.ai->priority_groups[1].providers;
  EXPECT_EQ(others.at(0).gemini->model + others.at(0).gemini->api_version, "gv");
  auto& bedrock = *others.at(1).bedrock;
  EXPECT_EQ(bedrock.auth->type + bedrock.auth->secret_ref->name + bedrock.model + bedrock.region, "Secretsmr");
  EXPECT_EQ(bedrock.guardrail->identifier + bedrock.guardrail->version, "i1");
  auto& azure = *others.at(2).azureopenai;
  EXPECT_EQ(azure.endpoint + azure.deployment + azure.api_version, "env");
  auto& vertex = *others.at(3).vertexai;
  EXPECT_EQ(vertex.model + vertex.api_version + vertex.project + vertex.location + vertex.model_path + vertex.publisher,
            "mvplxGOOGLE");
}

TEST(BackendSpec, StaticAndWhatIsOnlyKept) {
  auto b = json::test::must_be<BackendSpec>(
      R"({"type": "Static", "static": {"hosts": [{"host": "a", "port": 1}, {"host": "b", "port": 2}],
                    "appProtocol": "http2"}, "aws": {"accountId": "1", "region": "r", "auth": {"type": "Secret"}, "lambda":
                      {"endpointURL": "u", "functionName": "f", "invocationMode": "Sync", "qualifier": "q",
                       "payloadTransformMode": "None"}},
                    "mcp": {"targets": [{"name": "s", "static": {"host": "h", "port": 3, "path": "/p", "protocol": "SSE"}},
                      {"name": "t", "selector": {"namespace": {"matchLabels": {"a": "1"}}, "service": {"matchLabels":
                       {"b": "2"}}, "namespaces": {"matchLabels": {"c": "3"}}, "services": {"matchLabels": {"d": "4"}}}}]},
                    "dynamicForwardProxy": {"enableTls": true}})");
  ASSERT_EQ(b.static_backend->hosts.size(), 2u);
  EXPECT_EQ(b.static_backend->hosts[1].host, "b");
  EXPECT_EQ(b.static_backend->hosts[1].port, 2);
  EXPECT_EQ(b.static_backend->app_protocol, "http2");
  auto& lambda = *b.aws->lambda;
  EXPECT_EQ(b.aws->account_id + b.aws->region + b.aws->auth->type, "1rSecret");
  EXPECT_EQ(
      lambda.endpoint_url + lambda.function_name + lambda.invocation_mode + lambda.qualifier + lambda.payload_transform,
      "ufSyncqNone");
  auto& server = *b.mcp->targets.at(0).target;
  EXPECT_EQ(b.mcp->targets[0].name + server.host + server.path + server.protocol, "sh/pSSE");
  EXPECT_EQ(server.port, 3);
  auto& selector = *b.mcp->targets.at(1).selector;
  EXPECT_EQ(selector.ns->match_labels.at("a") + selector.service->match_labels.at("b") +
                selector.namespaces->match_labels.at("c") + selector.services->match_labels.at("d"),
            "1234");
  EXPECT_TRUE(b.dynamic_forward_proxy->enable_tls);
}

TEST(BackendSpec, MistakesHaveAPlace) {
  auto v = json::parse(R"({"type": "AI", "ai": {"llm": {"openai": {"authToken": {"kind": "Inline"}, "modle": "m"}}}})");
  auto r = json::decode<BackendSpec>(*v, "spec");
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().message, AllOf(HasSubstr("spec.ai.llm.openai"), HasSubstr("did you mean \"model\"?")));
}

}  // namespace
}  // namespace sl::resource

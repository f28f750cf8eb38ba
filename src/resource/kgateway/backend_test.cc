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
    {"providers": [{"name": "b", "gemini": {"model": "g"}}, {"name": "c", "bedrock": {}}]}]}})");
  ASSERT_EQ(b.ai->priority_groups.size(), 2u);
  auto& a = b.ai->priority_groups[0].providers.at(0);
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.openai->auth_token->inline_value + a.openai->model + a.host, "imh");
  EXPECT_EQ(b.ai->priority_groups[1].providers.at(1).name, "c");
  EXPECT_EQ(json::str(b.ai->priority_groups[1].providers[0].gemini, "model"), "g");
}

TEST(BackendSpec, StaticAndWhatIsOnlyKept) {
  auto b = json::test::must_be<BackendSpec>(
      R"({"type": "Static", "static": {"hosts": [{"host": "a", "port": 1}, {"host": "b", "port": 2}],
                    "appProtocol": "http2"}, "aws": {"accountId": "1"}, "mcp": {"targets": []},
                    "dynamicForwardProxy": {"enableTls": true}})");
  ASSERT_EQ(b.static_backend->hosts.size(), 2u);
  EXPECT_EQ(b.static_backend->hosts[1].host, "b");
  EXPECT_EQ(b.static_backend->hosts[1].port, 2);
  EXPECT_EQ(b.static_backend->app_protocol, "http2");
  EXPECT_TRUE(b.aws.is_object() && b.mcp.is_object() && b.dynamic_forward_proxy.is_object());
}

TEST(BackendSpec, MistakesHaveAPlace) {
  auto v = json::parse(R"({"type": "AI", "ai": {"llm": {"openai": {"authToken": {"kind": "Inline"}, "modle": "m"}}}})");
  auto r = json::decode<BackendSpec>(*v, "spec");
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().message, AllOf(HasSubstr("spec.ai.llm.openai"), HasSubstr("did you mean \"model\"?")));
}

}  // namespace
}  // namespace sl::resource

#include "route/spec/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::route {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using json::test::must;

std::string error_of(std::string_view text) {
  auto r = json::decode<RouteSpec>(must(text));
  EXPECT_FALSE(r) << text;
  return r ? "" : r.error().message;
}

constexpr char kFull[] = R"({
  "apiVersion": "sightline/v1",
  "listeners": [{"gateway": "ns/gw", "name": "http", "host": "127.0.0.9", "port": 8080, "protocol": "HTTP",
                 "hostname": "*.example"}],
  "routes": [{
    "name": "ns/r", "listeners": ["ns/gw/http"], "hostnames": ["a.example"], "createdUnixS": 12,
    "rules": [{
      "name": "one",
      "matches": [{"path": {"type": "exact", "value": "/a"}, "method": "POST",
                   "headers": [{"name": "h", "value": "v", "regex": true}],
                   "query": [{"name": "q", "value": "1"}]}],
      "filters": {"requestHeaders": {"set": [{"name": "a", "value": "1"}], "add": [{"name": "b", "value": "2"}],
                                     "remove": ["c"]},
                  "responseHeaders": {"remove": ["server"]},
                  "redirect": {"scheme": "https", "hostname": "h", "path": {"type": "full", "value": "/x"},
                               "port": 8443, "status": 301},
                  "rewrite": {"hostname": "w", "path": {"type": "prefix", "value": "/y"}}},
      "backends": [{"backend": "ns/b", "weight": 3, "filters": {"requestHeaders": {"remove": ["d"]}}, "error": "no"}],
      "requestTimeoutMs": 1000, "backendTimeoutMs": 500, "error": "broken"}]}],
  "backends": [{"name": "ns/b", "endpoints": [{"host": "b.example", "port": 443}], "tls": true, "serverName": "sni",
                "ai": {"provider": "anthropic", "model": "m", "apiVersion": "v", "path": "/p",
                       "auth": {"kind": "key", "source": "inline", "credential": "sk", "header": "X-Key",
                                "prefix": "Key ", "missing": "why"}}}]})";

TEST(RouteSpec, DecodesEveryField) {
  auto s = json::decode<RouteSpec>(must(kFull));
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->listeners.at(0).host, "127.0.0.9");
  auto& r = s->routes.at(0);
  EXPECT_EQ(r.created_unix_s, 12);
  auto& rule = r.rules.at(0);
  EXPECT_EQ(rule.matches.at(0).path.type, "exact");
  EXPECT_TRUE(rule.matches[0].headers.at(0).regex);
  EXPECT_EQ(rule.filters.redirect->status, 301);
  EXPECT_EQ(rule.filters.rewrite->path->type, "prefix");
  EXPECT_EQ(rule.backends.at(0).weight, 3);
  EXPECT_EQ(rule.backend_timeout_ms, 500);
  EXPECT_EQ(s->backends.at(0).ai->auth.prefix, "Key ");
}

TEST(RouteSpec, WhatIsWrittenReadsBackTheSame) {
  auto first = json::decode<RouteSpec>(must(kFull));
  ASSERT_TRUE(first);
  json::Value written = json::encode(*first);
  auto second = json::decode<RouteSpec>(written);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(json::dump(json::encode(*second)), json::dump(written));
  EXPECT_TRUE(json::equal(written, must(kFull))) << json::dump_pretty(written);
}

TEST(RouteSpec, ShortFormsMeanTheDefaults) {
  auto s = json::decode<RouteSpec>(must(R"({
    "listeners": [{"gateway": "ns/gw", "name": "http", "port": 0}],
    "routes": [{"name": "ns/r", "listeners": ["ns/gw/http"], "rules": [{"matches": [{}], "backends": [{}],
                "filters": {"redirect": {}}}]}]})"));
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->api_version, "sightline/v1");
  EXPECT_EQ(s->listeners.at(0).host, "127.0.0.1");
  EXPECT_EQ(s->listeners[0].protocol, "HTTP");
  auto& rule = s->routes.at(0).rules.at(0);
  EXPECT_EQ(rule.matches.at(0).path.type, "prefix");
  EXPECT_EQ(rule.matches[0].path.value, "/");
  EXPECT_EQ(rule.backends.at(0).weight, 1);
  EXPECT_EQ(rule.filters.redirect->status, 302);
  EXPECT_EQ(rule.request_timeout_ms, 0);
}

TEST(RouteSpec, MistakesAreNamedWithTheirPlace) {
  EXPECT_THAT(error_of(R"({"routes": [{"name": "a", "listeners": [], "rules": [{"mathces": []}]}]})"),
              AllOf(HasSubstr("routes[0].rules[0]"), HasSubstr("did you mean \"matches\"")));
  EXPECT_THAT(error_of(R"({"apiVersion": "sightline/v2"})"), HasSubstr("sightline/v1"));
  EXPECT_THAT(error_of(R"({"listeners": [{"gateway": "a/b", "name": "n", "port": 65536}]})"),
              HasSubstr("listeners[0].port"));
  EXPECT_THAT(error_of(R"({"listeners": [{"gateway": "a/b", "name": "n", "port": -1}]})"), HasSubstr("port"));
  EXPECT_THAT(error_of(R"({"listeners": [{"gateway": "a/b", "name": "n", "port": 1, "protocol": "TCP"}]})"),
              HasSubstr("allowed are: HTTP"));
  EXPECT_THAT(error_of(R"({"listeners": [{"gateway": "a/b", "port": 1}]})"), HasSubstr("\"name\" is required"));
  EXPECT_THAT(error_of(R"({"backends": [{"name": "b", "endpoints": [{"host": "h", "port": 0}]}]})"),
              HasSubstr("backends[0].endpoints[0].port"));
  constexpr char kRule[] = R"({"routes": [{"name": "r", "listeners": [], "rules": [)";
  auto rule_error = [&](std::string rule) { return error_of(kRule + rule + "]}]}"); };
  EXPECT_THAT(rule_error(R"({"matches": [{"path": {"type": "Prefix", "value": "/"}}]})"),
              HasSubstr("allowed are: exact, prefix, regex"));
  EXPECT_THAT(rule_error(R"({"backends": [{"backend": "b", "weight": -1}]})"), HasSubstr("weight"));
  EXPECT_THAT(rule_error(R"({"requestTimeoutMs": -1})"), HasSubstr("requestTimeoutMs"));
  EXPECT_THAT(rule_error(R"({"filters": {"rewrite": {"path": {"value": "/"}}}})"), HasSubstr("\"type\" is required"));
  EXPECT_THAT(rule_error(R"({"matches": [{"headers": [{"name": "n"}]}]})"), HasSubstr("\"value\" is required"));
}

TEST(Redacted, HidesCredentials) {
  auto s = json::decode<RouteSpec>(must(kFull));
  ASSERT_TRUE(s);
  s->backends[0].ai->auth.credential = "sk-very-secret";
  std::string text = json::dump(redacted(*s));
  EXPECT_THAT(text, Not(HasSubstr("sk-very-secret")));
  EXPECT_THAT(text, HasSubstr("\"credential\":\"[redacted]\""));
  EXPECT_EQ(s->backends[0].ai->auth.credential, "sk-very-secret") << "the spec itself is left alone";
}

TEST(Redacted, SaysNothingWhereThereIsNoCredential) {
  RouteSpec s;
  s.backends = {{"ns/b", {{"h", 1}}, false, "", AiTarget{"openai", "", "", "", {}}}};
  EXPECT_THAT(json::dump(redacted(s)), Not(HasSubstr("redacted")));
}

TEST(Redacted, HidesHeaderValuesThatAreLikelySecrets) {
  RouteSpec s;
  Rule r;
  HeaderChange change{{{"Authorization", "Bearer hide-1"}, {"X-Env", "prod"}},
                      {{"x-api-KEY", "hide-2"}, {"Cookie", "hide-3"}, {"X-Auth-Token", "hide-4"}},
                      {}};
  r.filters.request_headers = change;
  r.filters.response_headers = change;
  WeightedBackend b{"ns/b", 1, {}, ""};
  b.filters.request_headers = change;
  b.filters.response_headers = change;
  r.backends = {b};
  s.routes = {{"ns/r", {}, {}, 0, {r}}};
  std::string text = json::dump(redacted(s));
  EXPECT_THAT(text, Not(HasSubstr("hide-")));
  EXPECT_THAT(text, HasSubstr("prod"));
}

}  // namespace
}  // namespace sl::route

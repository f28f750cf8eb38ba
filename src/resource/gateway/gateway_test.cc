// The typed forms. What the API refuses, and its words, are tested in control/kinds.
#include "resource/gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::resource {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using json::test::must_be;

template <class T>
std::string error_of(std::string_view text) {
  auto v = json::parse(text);
  EXPECT_TRUE(v);
  auto r = json::decode<T>(*v, "spec");
  EXPECT_FALSE(r) << text;
  return r ? "" : r.error().message;
}

TEST(Duration, Units) {
  for (auto [text, ms] : {std::pair{"0s", 0},
                          {"1ms", 1},
                          {"1s", 1000},
                          {"1m", 60'000},
                          {"1h", 3'600'000},
                          {"1h30m", 5'400'000},
                          {"1h1m1s1ms", 3'661'001},
                          {"90s", 90'000},
                          {"99999ms", 99'999},
                          {"00001s", 1000},
                          {"1s1s", 2000}}) {
    auto found = parse_duration_ms(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(*found, ms) << text;
  }
}

TEST(Duration, AtItsLargest) {
  EXPECT_EQ(parse_duration_ms("99999h").value_or(-1), 99999ll * 3'600'000);
}

TEST(Duration, WhatIsNotOne) {
  for (auto text :
       {"5", "s", "1.5s", "-1s", "+1s", "1d", "1 s", " 1s", "1s ", "100000s", "1us", "1sm", "1h30", "1mss"}) {
    auto found = parse_duration_ms(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code, Code::Invalid);
    EXPECT_THAT(found.error().message, HasSubstr("\"" + std::string(text) + "\""));
    EXPECT_THAT(found.error().message, HasSubstr("1h30m"));
  }
}

TEST(HttpRouteSpec, EveryField) {
  auto r = must_be<HttpRouteSpec>(R"({
    "parentRefs": [{"group": "g", "kind": "K", "namespace": "ns", "name": "gw", "sectionName": "http", "port": 80}],
    "hostnames": ["a.example"],
    "useDefaultGateways": "All",
    "rules": [{
      "name": "one",
      "matches": [{"path": {"type": "Exact", "value": "/a"}, "method": "GET",
                   "headers": [{"type": "Exact", "name": "h", "value": "v"}],
                   "queryParams": [{"type": "RegularExpression", "name": "q", "value": ".*"}]}],
      "filters": [
        {"type": "RequestHeaderModifier", "requestHeaderModifier":
          {"set": [{"name": "s", "value": "1"}], "add": [{"name": "a", "value": "2"}], "remove": ["r"]}},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["server"]}},
        {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "hostname": "h", "port": 8443, "statusCode":
          301, "path": {"type": "ReplaceFullPath", "replaceFullPath": "/x"}}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "w", "path":
          {"type": "ReplacePrefixMatch", "replacePrefixMatch": ""}}},
        {"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "K", "name": "e"}},
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "mb"}, "percent": 5,
          "fraction": {"numerator": 1, "denominator": 8}}},
        {"type": "ExternalAuth", "externalAuth": {"protocol": "HTTP", "backendRef": {"name": "ab"}, "grpc":
          {"allowedHeaders": ["g"]}, "http": {"path": "/p", "allowedHeaders": ["h"], "allowedResponseHeaders": ["i"]},
          "forwardBody": {"maxSize": 9}}}],
      "backendRefs": [{"group": "g", "kind": "Backend", "name": "b", "namespace": "bn", "port": 81, "weight": 7,
                       "filters": [{"type": "CORS", "cors": {"maxAge": 5, "allowOrigins": ["o"], "allowCredentials": true,
                         "allowMethods": ["GET"], "allowHeaders": ["h"], "exposeHeaders": ["e"]}}]}],
      "timeouts": {"request": "1s", "backendRequest": "500ms"},
      "retry": {"attempts": 2, "codes": [500, 503], "backoff": "1s"},
      "sessionPersistence": {"type": "Cookie", "sessionName": "s", "absoluteTimeout": "1h", "idleTimeout": "5m",
        "cookie": {"name": "c", "path": "/", "lifetimeType": "Session"}, "cookieConfig": {"lifetimeType": "Permanent"},
        "header": {"name": "x"}}}]})");
  auto& p = r.parent_refs.at(0);
  EXPECT_EQ(p.group + p.kind + p.ns + p.name + p.section_name, "gKnsgwhttp");
  EXPECT_EQ(p.port, 80);
  EXPECT_THAT(r.hostnames, ElementsAre("a.example"));
  EXPECT_EQ(r.use_default_gateways, "All");
  auto& rule = r.rules.at(0);
  EXPECT_EQ(rule.name, "one");
  auto& m = rule.matches.at(0);
  EXPECT_EQ(m.path->type + m.path->value + m.method, "Exact/aGET");
  EXPECT_EQ(m.headers.at(0).name + m.headers[0].value, "hv");
  EXPECT_EQ(m.query_params.at(0).type, "RegularExpression");
  ASSERT_EQ(rule.filters.size(), 7u);
  EXPECT_EQ(rule.filters[0].request_header->set.at(0).value, "1");
  EXPECT_EQ(rule.filters[0].request_header->add.at(0).name, "a");
  EXPECT_THAT(rule.filters[0].request_header->remove, ElementsAre("r"));
  EXPECT_THAT(rule.filters[1].response_header->remove, ElementsAre("server"));
  EXPECT_EQ(rule.filters[2].redirect->port, 8443);
  EXPECT_EQ(rule.filters[2].redirect->status_code, 301);
  EXPECT_EQ(rule.filters[2].redirect->path->full, "/x");
  ASSERT_TRUE(rule.filters[3].rewrite->path->prefix) << "an empty replacement is not an absent one";
  EXPECT_EQ(*rule.filters[3].rewrite->path->prefix, "");
  EXPECT_FALSE(rule.filters[3].rewrite->path->full);
  EXPECT_EQ(rule.filters[4].extension_ref->kind, "K");
  auto& mirror = *rule.filters[5].mirror;
  EXPECT_EQ(mirror.backend->name, "mb");
  EXPECT_EQ(mirror.percent.value() + mirror.fraction->numerator + mirror.fraction->denominator.value(), 14);
  auto& auth = *rule.filters[6].external_auth;
  EXPECT_EQ(auth.protocol + auth.backend->name + auth.grpc->allowed_headers.at(0) + auth.http->path, "HTTPabg/p");
  EXPECT_EQ(auth.http->allowed_headers.at(0) + auth.http->allowed_response_headers.at(0), "hi");
  EXPECT_EQ(auth.forward_body->max_size, 9);
  auto& b = rule.backend_refs.at(0);
  EXPECT_EQ(b.group + b.kind + b.name + b.ns, "gBackendbbn");
  EXPECT_EQ(b.port, 81);
  EXPECT_EQ(b.weight, 7);
  auto& cors = *b.filters.at(0).cors;
  EXPECT_EQ(cors.allow_origins.at(0) + cors.allow_methods.at(0) + cors.allow_headers.at(0) + cors.expose_headers.at(0),
            "oGEThe");
  EXPECT_TRUE(cors.max_age == 5 && cors.allow_credentials == true);
  EXPECT_EQ(rule.timeouts->request + rule.timeouts->backend_request, "1s500ms");
  EXPECT_EQ(rule.retry->attempts, 2);
  EXPECT_THAT(rule.retry->codes, ElementsAre(500, 503));
  auto& sticky = *rule.session_persistence;
  EXPECT_EQ(sticky.type + sticky.session_name + sticky.absolute_timeout + sticky.idle_timeout + rule.retry->backoff,
            "Cookies1h5m1s");
  EXPECT_EQ(sticky.cookie->name + sticky.cookie->path + sticky.cookie->lifetime_type + sticky.header->name +
                sticky.cookie_config->lifetime_type,
            "c/SessionxPermanent");
}

TEST(HttpRouteSpec, AWeightThatIsNotSaidIsOne) {
  auto r = must_be<HttpRouteSpec>(R"({"rules": [{"backendRefs": [{"name": "a"}, {"name": "b", "weight": 0}]}]})");
  EXPECT_EQ(r.rules.at(0).backend_refs.at(0).weight, 1);
  EXPECT_EQ(r.rules[0].backend_refs.at(1).weight, 0);
}

TEST(GatewaySpec, EveryField) {
  auto g = must_be<GatewaySpec>(R"({
    "gatewayClassName": "c", "defaultScope": "All",
    "listeners": [{"name": "https", "hostname": "*.example", "port": 443, "protocol": "HTTPS",
      "tls": {"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": "s", "namespace": "n"}],
              "options": {"a": "b"}},
      "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"l": "v"}, "matchExpressions":
        [{"key": "k", "operator": "In", "values": ["x"]}]}}, "kinds": [{"group": "g", "kind": "K"}]}}],
    "addresses": [{"type": "Hostname", "value": "h"}],
    "infrastructure": {"labels": {"a": "1"}, "annotations": {"b": "2"}, "parametersRef": {"group": "g", "kind": "K",
      "name": "p"}},
    "allowedListeners": {"namespaces": {"from": "All"}},
    "tls": {"backend": {"clientCertificateRef": {"name": "cc"}}, "frontend": {"default": {"validation":
      {"mode": "AllowValidOnly", "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca",
       "namespace": "can"}]}}, "perPort": [{"port": 8443, "tls": {}}]}}})");
  EXPECT_EQ(g.class_name + g.default_scope, "cAll");
  auto& l = g.listeners.at(0);
  EXPECT_EQ(l.name + l.hostname + l.protocol, "https*.exampleHTTPS");
  EXPECT_EQ(l.port, 443);
  EXPECT_EQ(l.tls->certificate_refs.at(0).ns, "n");
  EXPECT_EQ(l.tls->options.at("a"), "b");
  auto& selector = *l.allowed_routes->namespaces->selector;
  EXPECT_EQ(selector.match_labels.at("l"), "v");
  EXPECT_EQ(selector.match_expressions.at(0).op, "In");
  EXPECT_EQ(l.allowed_routes->kinds.at(0).kind, "K");
  EXPECT_EQ(g.addresses.at(0).type, "Hostname");
  EXPECT_EQ(g.infrastructure->annotations.at("b"), "2");
  EXPECT_EQ(g.infrastructure->parameters_ref->name, "p");
  EXPECT_EQ(g.allowed_listeners->namespaces->from, "All");
  EXPECT_EQ(g.tls->backend->client_certificate->name, "cc");
  auto& validation = *g.tls->frontend->all->validation;
  auto& ca = validation.ca_refs.at(0);
  EXPECT_EQ(validation.mode + ca.group + ca.kind + ca.name + ca.ns, "AllowValidOnlyConfigMapcacan");
  EXPECT_EQ(g.tls->frontend->per_port.at(0).port, 8443);
}

TEST(GatewaySpec, MistakesHaveAPlace) {
  EXPECT_THAT(error_of<GatewaySpec>(R"({"gatewayClassName": "c", "listeners": [{"name": "a", "prt": 1}]})"),
              AllOf(HasSubstr("spec.listeners[0]"), HasSubstr("did you mean \"port\"")));
  EXPECT_THAT(error_of<GatewaySpec>(R"({"listeners": []})"), HasSubstr("\"gatewayClassName\" is required"));
  EXPECT_THAT(error_of<GatewaySpec>(
                  R"({"gatewayClassName": "c", "listeners": [{"name": "a", "port": 70000, "protocol": "HTTP"}]})"),
              HasSubstr("spec.listeners[0].port"));
}

TEST(ReferenceGrantSpec, EveryField) {
  auto g = must_be<ReferenceGrantSpec>(R"({"from": [{"group": "g", "kind": "K", "namespace": "n"}],
                                        "to": [{"group": "", "kind": "Service", "name": "s"}]})");
  EXPECT_EQ(g.from.at(0).group + g.from[0].kind + g.from[0].ns, "gKn");
  EXPECT_EQ(g.to.at(0).group + g.to[0].kind + g.to[0].name, "Services");
}

TEST(GatewayKinds, AreThisFamily) {
  std::vector<std::string> names;
  for (auto& k : gateway_kinds()) {
    EXPECT_EQ(k.group, kGatewayGroup);
    EXPECT_FALSE(k.doc.empty()) << k.kind;
    names.push_back(k.plural + "/" + k.singular);
  }
  EXPECT_THAT(names, ElementsAre("gatewayclasses/gatewayclass", "gateways/gateway", "httproutes/httproute",
                                 "referencegrants/referencegrant"));
}

}  // namespace
}  // namespace sl::resource

// Translation where a whole golden would say too much. The goldens are in golden_test.cc.
#include "control/translate/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "control/translate/fixture.h"

namespace sl::control {
namespace {

using testing::Cluster;
using testing::condition;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing::status_of;

constexpr char kGateway[] = R"(
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: agentgateway}
spec: {controllerName: kgateway.dev/agentgateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: agentgateway
  listeners: [{name: http, port: 8000, protocol: HTTP}]
---
)";

// An HTTPRoute "r" to that Gateway with this YAML below spec.
std::string route_with(const std::string& spec) {
  return std::string(kGateway) +
         "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  parentRefs: [{name: "
         "gw}]\n" +
         spec;
}

Translation translate_yaml(const std::string& yaml) {
  Cluster cluster;
  cluster.add(yaml);
  return cluster.translate();
}

json::Value parent_of(const Translation& t, size_t i = 0) {
  auto status = status_of(t, "httproutes.gateway.networking.k8s.io", "default", "r");
  auto* parents = json::arr(status, "parents");
  return parents && i < parents->size() ? (*parents)[i] : json::Value();
}

json::Value listener_of(const Translation& t, std::string_view name) {
  auto status = status_of(t, "gateways.gateway.networking.k8s.io", "default", "gw");
  if (auto* list = json::arr(status, "listeners"))
    for (auto& l : *list)
      if (json::str(l, "name") == name) return l;
  return {};
}

TEST(Translate, NothingFromNothing) {
  Translation t = translate_yaml("");
  EXPECT_THAT(t.routes.listeners, IsEmpty());
  EXPECT_THAT(t.routes.routes, IsEmpty());
  EXPECT_THAT(t.routes.backends, IsEmpty());
  EXPECT_THAT(t.agents, IsEmpty());
  EXPECT_THAT(t.statuses, IsEmpty());
}

TEST(Translate, SupportedFeaturesAreKnownAndSorted) {
  Translation t = translate_yaml(kGateway);
  auto status = status_of(t, "gatewayclasses.gateway.networking.k8s.io", "", "agentgateway");
  std::vector<std::string> found;
  ASSERT_NE(json::arr(status, "supportedFeatures"), nullptr);
  for (auto& f : *json::arr(status, "supportedFeatures")) found.emplace_back(json::str(f, "name"));
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_EQ(std::adjacent_find(found.begin(), found.end()), found.end());
  for (auto core : {"Gateway", "HTTPRoute", "ReferenceGrant"}) EXPECT_THAT(found, ::testing::Contains(core));
  // Names of the conformance suite, v1.6.
  static const re2::RE2 kKnown(
      "Gateway|GatewayPort8080|GatewayStaticAddresses|GatewayHTTPListenerIsolation|GatewayAddressEmpty|HTTPRoute|"
      "HTTPRoute(DestinationPortMatching|BackendRequestHeaderModification|QueryParamMatching|MethodMatching|"
      "ResponseHeaderModification|PortRedirect|SchemeRedirect|PathRedirect|HostRewrite|PathRewrite|RequestMirror|"
      "RequestMultipleMirrors|RequestPercentageMirror|RequestTimeout|BackendTimeout|ParentRefPort|BackendProtocolH2C|"
      "BackendProtocolWebSocket|NamedRouteRule|CORS|303RedirectStatusCode|307RedirectStatusCode|"
      "308RedirectStatusCode|Retry)|ReferenceGrant");
  for (auto& name : found) EXPECT_TRUE(re2::RE2::FullMatch(name, kKnown)) << name;
}

// A reason that is free text makes a real API server refuse the whole status.
TEST(Translate, ReasonsAreWords) {
  static const re2::RE2 kReason("[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?");
  size_t seen = 0;
  std::function<void(const json::Value&)> walk = [&](const json::Value& v) {
    if (auto* a = v.if_array())
      for (auto& item : *a) walk(item);
    auto* o = v.if_object();
    if (!o) return;
    if (auto* list = json::arr(v, "conditions")) {
      EXPECT_LE(list->size(), 8u);
      for (auto& c : *list) {
        ++seen;
        EXPECT_TRUE(re2::RE2::FullMatch(std::string(json::str(c, "reason")), kReason)) << json::dump(c);
        EXPECT_LE(json::str(c, "message").size(), 32768u);
        EXPECT_GT(json::num(c, 0, "observedGeneration"), 0);
      }
      return;
    }
    for (auto& [key, child] : *o) walk(child);
  };
  for (auto name : {"walkthrough", "listeners", "attachment", "backend_refs", "backends", "filters", "agents"}) {
    std::ifstream in(std::string(SL_SOURCE_DIR "/src/control/translate/testdata/") + name + ".yaml");
    std::stringstream text;
    text << in.rdbuf();
    for (auto& s : translate_yaml(std::string(kGateway) + text.str()).statuses) walk(s.status);
  }
  EXPECT_GT(seen, 50u);
}

TEST(Translate, OneBadRouteBlocksNoOther) {
  Translation t = translate_yaml(route_with("  rules: [{backendRefs: [{name: nope, port: 1}]}]\n") + R"(---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good}
spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{group: gateway.kgateway.dev, kind: Backend, name: b}]}]}
---
apiVersion: gateway.kgateway.dev/v1alpha1
kind: Backend
metadata: {name: b}
spec: {type: Static, static: {hosts: [{host: h, port: 1}]}}
---
apiVersion: gateway.kgateway.dev/v1alpha1
kind: Backend
metadata: {name: bad}
spec: {type: MCP, mcp: {targets: [{name: t, static: {host: h, port: 1}}]}}
)");
  ASSERT_EQ(t.routes.routes.size(), 2u);
  EXPECT_EQ(t.routes.routes[0].name, "default/good");
  EXPECT_EQ(t.routes.routes[0].rules.at(0).backends.at(0).backend, "default/b");
  ASSERT_EQ(t.routes.backends.size(), 1u);
}

// ---- listeners and the kinds they allow

constexpr char kKinds[] = R"(
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: agentgateway}
spec: {controllerName: kgateway.dev/agentgateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: agentgateway
  listeners:
  - {name: mixed, port: 1, protocol: HTTP, allowedRoutes: {kinds: [{kind: InvalidRoute}, {kind: HTTPRoute}]}}
  - {name: none, port: 2, protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}
  - {name: group, port: 3, protocol: HTTP, allowedRoutes: {kinds: [{group: example.com, kind: HTTPRoute}]}}
  - {name: good, port: 4, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs:
  - {name: gw, sectionName: mixed}
  - {name: gw, sectionName: none}
  - {name: gw, sectionName: group}
  - {name: gw, sectionName: good}
)";

TEST(ListenerKinds, WhatIsUnknownIsSaidAndWhatIsKnownStays) {
  Translation t = translate_yaml(kKinds);
  for (auto name : {"mixed", "none", "group"}) {
    auto l = listener_of(t, name);
    EXPECT_THAT(condition(l, "ResolvedRefs"), StartsWith("False InvalidRouteKinds: ")) << name;
    EXPECT_THAT(condition(l, "Accepted"), StartsWith("True Accepted: ")) << name;
  }
  auto kinds = [&](std::string_view name) { return json::dump(*json::find(listener_of(t, name), "supportedKinds")); };
  constexpr char kHttpRoute[] = R"([{"group":"gateway.networking.k8s.io","kind":"HTTPRoute"}])";
  EXPECT_EQ(kinds("mixed"), kHttpRoute);
  EXPECT_EQ(kinds("none"), "[]");
  EXPECT_EQ(kinds("group"), "[]");
  EXPECT_EQ(kinds("good"), kHttpRoute);
  EXPECT_THAT(condition(listener_of(t, "good"), "ResolvedRefs"), StartsWith("True ResolvedRefs: "));
  EXPECT_THAT(condition(listener_of(t, "mixed"), "Programmed"), StartsWith("True Programmed: "));
  EXPECT_THAT(condition(listener_of(t, "none"), "Programmed"), StartsWith("False Invalid: "));
  EXPECT_THAT(condition(listener_of(t, "mixed"), "ResolvedRefs"), HasSubstr("InvalidRoute"));
}

TEST(ListenerKinds, OnlyAllowedKindsAttach) {
  Translation t = translate_yaml(kKinds);
  EXPECT_THAT(condition(parent_of(t, 0), "Accepted"), StartsWith("True Accepted"));
  EXPECT_THAT(condition(parent_of(t, 1), "Accepted"), StartsWith("False NotAllowedByListeners"));
  EXPECT_THAT(condition(parent_of(t, 2), "Accepted"), StartsWith("False NotAllowedByListeners"));
  EXPECT_THAT(condition(parent_of(t, 3), "Accepted"), StartsWith("True Accepted"));
  ASSERT_EQ(t.routes.routes.size(), 1u);
  EXPECT_THAT(t.routes.routes[0].listeners, ElementsAre("default/gw/mixed", "default/gw/good"));
  for (auto [name, count] : {std::pair{"mixed", 1}, {"none", 0}, {"group", 0}, {"good", 1}})
    EXPECT_EQ(json::num(listener_of(t, name), -1, "attachedRoutes"), count) << name;
}

TEST(Listeners, AttachedRoutesGoBackToZero) {
  Cluster cluster;
  cluster.add(route_with(""));
  EXPECT_EQ(json::num(listener_of(cluster.translate(), "http"), -1, "attachedRoutes"), 1);
  cluster.add(
      "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {parentRefs: [{name: "
      "other}]}\n");
  EXPECT_EQ(json::num(listener_of(cluster.translate(), "http"), -1, "attachedRoutes"), 0);
}

TEST(Listeners, AttachedRoutesCountWhateverTheirReferencesLeadTo) {
  Translation t = translate_yaml(route_with("  rules: [{backendRefs: [{name: nope, port: 1}]}]\n"));
  EXPECT_THAT(condition(parent_of(t), "ResolvedRefs"), StartsWith("False BackendNotFound"));
  EXPECT_EQ(json::num(listener_of(t, "http"), -1, "attachedRoutes"), 1);
}

TEST(Listeners, ARouteCountsOnceWithTwoParentRefs) {
  std::string yaml = route_with("");
  yaml.replace(yaml.find("[{name: gw}]"), 12, "[{name: gw, sectionName: http}, {name: gw, port: 8000}]");
  Translation t = translate_yaml(yaml);
  EXPECT_THAT(t.routes.routes.at(0).listeners, ElementsAre("default/gw/http"));
  EXPECT_EQ(json::num(listener_of(t, "http"), -1, "attachedRoutes"), 1);
  EXPECT_THAT(condition(parent_of(t, 1), "Accepted"), StartsWith("True Accepted"));
}

TEST(Gateways, AnAddressThatIsNotListenedOn) {
  std::string yaml = kGateway;
  yaml.replace(yaml.find("  listeners:"), 0, "  addresses: [{value: 10.1.2.3}]\n");
  Translation t = translate_yaml(yaml);
  auto status = status_of(t, "gateways.gateway.networking.k8s.io", "default", "gw");
  EXPECT_THAT(condition(status, "Programmed"), StartsWith("False AddressNotUsable: "));
  EXPECT_THAT(condition(status, "Programmed"), HasSubstr("10.1.2.3"));
}

TEST(Gateways, AnAddressOfAKindOfItsOwn) {
  std::string yaml = kGateway;
  yaml.replace(yaml.find("  listeners:"), 0, "  addresses: [{type: example.com/name, value: x}]\n");
  Translation t = translate_yaml(yaml);
  auto status = status_of(t, "gateways.gateway.networking.k8s.io", "default", "gw");
  EXPECT_THAT(condition(status, "Accepted"), StartsWith("False UnsupportedAddress: "));
}

// ---- rules that cannot be carried out

TEST(BrokenRules, ARouteOfNothingElseIsNotAccepted) {
  Translation t = translate_yaml(route_with(
      "  rules: [{filters: [{type: ExtensionRef, extensionRef: {group: gateway.kgateway.dev, kind: DirectResponse, "
      "name: d}}]}]\n"));
  EXPECT_THAT(condition(parent_of(t), "Accepted"), StartsWith("False UnsupportedValue: "));
  EXPECT_THAT(condition(parent_of(t), "Accepted"), HasSubstr("ExtensionRef"));
  EXPECT_EQ(condition(parent_of(t), "PartiallyInvalid"), "");
  ASSERT_EQ(t.routes.routes.size(), 1u);
  EXPECT_NE(t.routes.routes[0].rules.at(0).error, "");
}

TEST(BrokenRules, OneOfSeveralIsDroppedAndNamed) {
  Translation t = translate_yaml(route_with(R"(
  rules:
  - matches: [{path: {value: /good}}]
  - matches: [{path: {type: RegularExpression, value: "("}}, {path: {value: /also}}]
)"));
  EXPECT_THAT(condition(parent_of(t), "Accepted"), StartsWith("True Accepted"));
  EXPECT_THAT(condition(parent_of(t), "PartiallyInvalid"), StartsWith("True UnsupportedValue: Dropped Rule"));
  EXPECT_THAT(condition(parent_of(t), "PartiallyInvalid"), HasSubstr("rule 1"));
  auto& rules = t.routes.routes.at(0).rules;
  EXPECT_EQ(rules.at(0).error, "");
  EXPECT_NE(rules.at(1).error, "");
  ASSERT_EQ(rules[1].matches.size(), 1u) << "an expression that cannot be read matches nothing";
  EXPECT_EQ(rules[1].matches[0].path.value, "/also");
}

TEST(BrokenRules, AnExpressionAloneMatchesNothing) {
  Translation t = translate_yaml(route_with(R"(
  rules:
  - matches: [{path: {type: RegularExpression, value: "("}}]
  - matches: [{path: {value: /}}]
)"));
  auto& rule = t.routes.routes.at(0).rules.at(0);
  ASSERT_EQ(rule.matches.size(), 1u) << "no matches at all would match everything";
  EXPECT_EQ(rule.matches[0].path.type, "exact");
  EXPECT_FALSE(rule.matches[0].path.value.starts_with('/'));
}

TEST(BrokenRules, AFilterOfAShareBreaksThatShare) {
  Translation t = translate_yaml(route_with(R"(
  rules:
  - backendRefs:
    - {group: gateway.kgateway.dev, kind: Backend, name: b, filters: [{type: CORS, cors: {}}]}
    - {group: gateway.kgateway.dev, kind: Backend, name: b}
  - matches: [{path: {value: /other}}]
---
apiVersion: gateway.kgateway.dev/v1alpha1
kind: Backend
metadata: {name: b}
spec: {type: Static, static: {hosts: [{host: h, port: 1}]}}
)"));
  auto& rule = t.routes.routes.at(0).rules.at(0);
  EXPECT_EQ(rule.error, "");
  EXPECT_THAT(rule.backends.at(0).error, HasSubstr("CORS"));
  EXPECT_EQ(rule.backends.at(1).error, "");
  EXPECT_THAT(condition(parent_of(t), "Accepted"), StartsWith("True Accepted"));
}

TEST(BrokenRules, ABackendThatIsNotAcceptedIsNotCalledMissing) {
  Translation t = translate_yaml(route_with(R"(
  rules:
  - backendRefs: [{group: gateway.kgateway.dev, kind: Backend, name: b}]
---
apiVersion: gateway.kgateway.dev/v1alpha1
kind: Backend
metadata: {name: b}
spec: {type: Static, static: {hosts: [{host: h, port: 1}], appProtocol: kubernetes.io/h2c}}
)"));
  EXPECT_THAT(t.routes.routes.at(0).rules.at(0).backends.at(0).error,
              HasSubstr("is not accepted: its conditions say why"));
  EXPECT_THAT(condition(parent_of(t), "ResolvedRefs"), StartsWith("True ResolvedRefs"));
}

TEST(Listeners, ASelectorThatSelectsNothingIsSaid) {
  for (auto [selector, words] :
       {std::pair("from: Selector", "needs a selector"),
        {"from: Selector, selector: {matchExpressions: [{key: a, operator: Bogus}]}", "Bogus"}}) {
    Translation t =
        translate_yaml(std::string("apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: c}\n"
                                   "spec: {controllerName: kgateway.dev/agentgateway}\n---\n"
                                   "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw}\n"
                                   "spec: {gatewayClassName: c, listeners: [{name: l, protocol: HTTP, port: 1, "
                                   "allowedRoutes: {namespaces: {") +
                       selector + "}}}]}\n");
    EXPECT_THAT(condition(listener_of(t, "l"), "Accepted"), StartsWith("False UnsupportedValue: ")) << selector;
    EXPECT_THAT(condition(listener_of(t, "l"), "Accepted"), HasSubstr(words));
  }
}

// ---- references

TEST(Grants, RevokingOneTakesEffect) {
  constexpr char kGrant[] = R"(
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: g, namespace: back}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: NS}]
  to: [{group: "", kind: Service}]
)";
  auto grant = [&](std::string ns) {
    std::string text = kGrant;
    return text.replace(text.find("NS"), 2, ns);
  };
  Cluster cluster;
  cluster.add(route_with("  rules: [{backendRefs: [{name: s, namespace: back, port: 80}]}]\n"));
  cluster.add(
      "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: back}\nspec: {clusterIP: 10.0.0.1, ports: [{port: "
      "80}]}\n");
  cluster.add(grant("default"));
  Translation t = cluster.translate();
  EXPECT_THAT(condition(parent_of(t), "ResolvedRefs"), StartsWith("True ResolvedRefs"));
  EXPECT_EQ(t.routes.routes.at(0).rules.at(0).backends.at(0).backend, "service/back/s:80");
  cluster.add(grant("other"));
  t = cluster.translate();
  EXPECT_THAT(condition(parent_of(t), "ResolvedRefs"), StartsWith("False RefNotPermitted"));
  EXPECT_EQ(t.routes.routes.at(0).rules.at(0).backends.at(0).backend, "");
  EXPECT_NE(t.routes.routes[0].rules[0].backends[0].error, "");
}

TEST(Grants, EveryPartMustFit) {
  Cluster cluster;
  cluster.add(R"(
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: g, namespace: to}
spec:
  from: [{group: a, kind: A, namespace: from}]
  to: [{group: b, kind: B, name: one}, {group: c, kind: C}]
)");
  auto index = cluster.index();
  EXPECT_TRUE(granted(index, {"a", "A", "from"}, "to", {"b", "B", "one"}));
  EXPECT_TRUE(granted(index, {"a", "A", "from"}, "to", {"c", "C", "any"}));
  EXPECT_FALSE(granted(index, {"a", "A", "from"}, "to", {"b", "B", "two"}));
  EXPECT_FALSE(granted(index, {"a", "A", "from"}, "elsewhere", {"c", "C", "any"}));
  EXPECT_FALSE(granted(index, {"a", "A", "other"}, "to", {"c", "C", "any"}));
  EXPECT_FALSE(granted(index, {"a", "B", "from"}, "to", {"c", "C", "any"}));
  EXPECT_FALSE(granted(index, {"b", "A", "from"}, "to", {"c", "C", "any"}));
  EXPECT_FALSE(granted(index, {"a", "A", "from"}, "to", {"c", "B", "any"}));
  EXPECT_FALSE(granted(index, {"a", "A", "from"}, "to", {"b", "C", "any"}));
}

// from and to of different grants do not add up.
TEST(Grants, OneGrantMustFitWhole) {
  Cluster cluster;
  cluster.add(R"(
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: g, namespace: to}
spec: {from: [{group: a, kind: A, namespace: from}], to: [{group: b, kind: B}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: h, namespace: to}
spec: {from: [{group: x, kind: X, namespace: from}], to: [{group: c, kind: C}]}
)");
  EXPECT_FALSE(granted(cluster.index(), {"a", "A", "from"}, "to", {"c", "C", "n"}));
  EXPECT_FALSE(granted(cluster.index(), {"x", "X", "from"}, "to", {"b", "B", "n"}));
}

// ---- the index

TEST(Index, ValuesOfSecrets) {
  Cluster cluster;
  cluster.add(R"(
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: a}
data: {encoded: aGVsbG8=, empty: ""}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: b}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: c}
)");
  auto index = cluster.index();
  EXPECT_EQ(secret_value(index, "a", "s", "encoded"), "hello");
  EXPECT_EQ(secret_value(index, "a", "s", "empty"), "");
  EXPECT_EQ(secret_value(index, "a", "s", "absent"), std::nullopt);
  EXPECT_EQ(secret_value(index, "b", "s", "encoded"), std::nullopt);
  EXPECT_EQ(secret_value(index, "none", "s", "encoded"), std::nullopt);
  EXPECT_THAT(namespaces_with_secret(index, "s", "a"), ElementsAre("b"));
  EXPECT_THAT(namespaces_with_secret(index, "s", "x"), ElementsAre("a", "b"));
  EXPECT_THAT(namespaces_with_secret(index, "none", "x"), IsEmpty());
}

TEST(Index, ControllersOfOurs) {
  EXPECT_TRUE(our_controller("kgateway.dev/agentgateway"));
  EXPECT_TRUE(our_controller("kgateway.dev/kgateway"));
  for (auto other : {"", "kgateway.dev", "kgateway.dev/kgateway-waypoint", "example.com/agentgateway"})
    EXPECT_FALSE(our_controller(other)) << other;
}

// ---- models and agents

constexpr char kAgent[] = R"(
apiVersion: kagent.dev/v1alpha2
kind: ModelConfig
metadata: {name: m}
spec: {model: x, apiKeySecret: s, apiKeySecretKey: k}
---
apiVersion: kagent.dev/v1alpha2
kind: Agent
metadata: {name: a}
spec: {declarative: {modelConfig: m}}
---
)";

std::string secret(const std::string& value) {
  return "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: \"" + value + "\"}\n";
}

TEST(Models, TheHashChangesWithTheKeyAndDoesNotTellIt) {
  Cluster cluster;
  cluster.add(kAgent + secret("sk-first"));
  auto hash = [&] {
    auto status = status_of(cluster.translate(), "modelconfigs.kagent.dev", "default", "m");
    return std::string(json::str(status, "secretHash"));
  };
  std::string first = hash();
  EXPECT_NE(first, "");
  EXPECT_THAT(first, Not(HasSubstr("sk-")));
  EXPECT_EQ(hash(), first);
  cluster.add(secret("sk-second"));
  std::string second = hash();
  EXPECT_NE(second, first);
  // Of the version, not of the key: who can read the status cannot try keys against it.
  cluster.add(secret("sk-first"));
  EXPECT_NE(hash(), first);
}

TEST(Models, AKeyOfWhiteSpaceIsNone) {
  Cluster cluster;
  cluster.add(kAgent + secret(" \\n"));
  auto status = status_of(cluster.translate(), "modelconfigs.kagent.dev", "default", "m");
  EXPECT_THAT(condition(status, "Accepted"), HasSubstr("nothing but white space"));
}

TEST(Backends, BearerAloneIsNoKey) {
  Cluster cluster;
  cluster.add(R"(
apiVersion: v1
kind: Secret
metadata: {name: k}
stringData: {Authorization: "Bearer "}
---
apiVersion: gateway.kgateway.dev/v1alpha1
kind: Backend
metadata: {name: b}
spec: {type: AI, ai: {llm: {anthropic: {authToken: {kind: SecretRef, secretRef: {name: k}}}}}}
)");
  Translation t = cluster.translate();
  EXPECT_EQ(t.routes.backends.at(0).ai->auth.credential, "");
  EXPECT_THAT(condition(status_of(t, "backends.gateway.kgateway.dev", "default", "b"), "ResolvedRefs"),
              HasSubstr("has no value under the key"));
}

TEST(Models, KeysAreInNoStatus) {
  Cluster cluster;
  cluster.add(kAgent + secret("sk-never-shown"));
  Translation t = cluster.translate();
  ASSERT_EQ(t.agents.size(), 1u);
  EXPECT_EQ(t.agents[0].model.credential, "sk-never-shown");
  for (auto& s : t.statuses) EXPECT_THAT(json::dump(s.status), Not(HasSubstr("sk-never-shown")));
}

TEST(Agents, ComeAndGoWithTheirModel) {
  Cluster cluster;
  cluster.add(kAgent);
  Translation t = cluster.translate();
  EXPECT_THAT(t.agents, IsEmpty());
  auto status = status_of(t, "agents.kagent.dev", "default", "a");
  EXPECT_THAT(condition(status, "Accepted"), StartsWith("False ReconcileFailed: "));
  EXPECT_THAT(condition(status, "Accepted"), HasSubstr("Secret \"s\" not found in namespace default"));
  EXPECT_THAT(condition(status, "Ready"), StartsWith("False DeploymentNotReady: "));
  cluster.add(secret("sk"));
  t = cluster.translate();
  ASSERT_EQ(t.agents.size(), 1u);
  status = status_of(t, "agents.kagent.dev", "default", "a");
  EXPECT_THAT(condition(status, "Accepted"), StartsWith("True Reconciled: "));
  EXPECT_THAT(condition(status, "Ready"), StartsWith("True DeploymentReady: "));
}

TEST(Agents, BadUrlsOfModelsAreExplained) {
  for (auto [url, words] :
       {std::pair{"http:10.0.0.1:8080/anthropic", "did you mean \"http://10.0.0.1:8080/anthropic\""},
        {"https:/host/v1", "did you mean \"https://host/v1\""},
        {"ftp://host", "must start with http:// or https://"},
        {"host:8080", "must start with http:// or https://"},
        {"http://", "has no host"},
        {"http:///v1", "has no host"},
        {"http://:80/v1", "has no host"},
        {"http://h:0/v1", "invalid port"},
        {"http://h:65536", "invalid port"},
        {"http://h:x/", "invalid port"},
        {"http://h/a b", "space or control character"}}) {
    Cluster cluster;
    cluster.add(std::string("apiVersion: kagent.dev/v1alpha2\nkind: ModelConfig\nmetadata: {name: m}\nspec: {model: x, "
                            "openAI: {baseUrl: \"") +
                url + "\"}}\n");
    auto status = status_of(cluster.translate(), "modelconfigs.kagent.dev", "default", "m");
    EXPECT_THAT(condition(status, "Accepted"), StartsWith("False ModelConfigReconcileFailed: ")) << url;
    EXPECT_THAT(condition(status, "Accepted"), HasSubstr(words)) << url;
    EXPECT_THAT(condition(status, "Accepted"), HasSubstr("spec.openAI.baseUrl")) << url;
  }
}

// The namespace's Gateway gw listens on port 8000.
TEST(Agents, ModelsAreReachedByTheNameOfAGatewaysService) {
  auto connects_to = [](std::string_view url, std::string_view listen_host, std::string_view ns) {
    Translation t = translate_yaml(
        fmt::format("{}kind: TranslateOptions\nlistenHost: \"{}\"\n---\n"
                    "apiVersion: kagent.dev/v1alpha2\nkind: ModelConfig\nmetadata: {{name: m, namespace: {}}}\n"
                    "spec: {{model: x, openAI: {{baseUrl: \"{}\"}}}}\n---\n"
                    "apiVersion: kagent.dev/v1alpha2\nkind: Agent\nmetadata: {{name: a, namespace: {}}}\n"
                    "spec: {{declarative: {{modelConfig: m}}}}\n",
                    kGateway, listen_host, ns, url, ns));
    if (t.agents.size() != 1) return std::string("no agent");
    auto problem = condition(status_of(t, "modelconfigs.kagent.dev", ns, "m"), "ThroughGateway");
    auto& model = t.agents[0].model;
    bool refused = problem.starts_with("False GatewayNotServing");
    EXPECT_EQ(model.through_gateway, problem.empty() || refused) << problem;
    return model.connect_to + (refused ? " refused" : problem.empty() ? "" : " past");
  };
  for (auto url : {"http://gw.default:8000/x", "http://GW.default.svc:8000", "http://gw.default.svc.cluster.local:8000",
                   "http://gw.default.svc.cluster.local.:8000"})
    EXPECT_EQ(connects_to(url, "127.0.0.1", "kagent"), "127.0.0.1:8000") << url;
  EXPECT_EQ(connects_to("http://gw:8000", "127.0.0.1", "default"), "127.0.0.1:8000");
  EXPECT_EQ(connects_to("http://gw:8000", "0.0.0.0", "default"), "127.0.0.1:8000");
  EXPECT_EQ(connects_to("http://gw:8000", "10.1.2.3", "default"), "10.1.2.3:8000");
  EXPECT_EQ(connects_to("http://127.0.0.1:8000", "127.0.0.1", "default"), "127.0.0.1:8000");
  EXPECT_EQ(connects_to("http://localhost:8000", "127.0.0.1", "default"), "127.0.0.1:8000") << "not its other address";
  EXPECT_EQ(connects_to("http://localhost:8000", "::1", "default"), "[::1]:8000");
  EXPECT_EQ(connects_to("http://127.0.0.1:8000", "[::]", "default"), "[::1]:8000");
  EXPECT_EQ(connects_to("http://[::1]:8000", "0.0.0.0", "default"), " past");
  for (auto url :
       {"http://gw:8000", "http://gw.default.svc:8000/x", "http://127.0.0.1:8000/x", "http://localhost:8000"})
    EXPECT_EQ(connects_to(url, "127.0.0.1\"\nfailedBinds: {\"127.0.0.1:8000\": taken}\nx: \"", "default"), " refused")
        << url << ": the port is another program's";
  const char* object_problem = "127.0.0.1\"\nobjectProblems: {default/gw: Service is taken}\nx: \"";
  EXPECT_EQ(connects_to("http://gw:8000", object_problem, "default"), " refused");
  EXPECT_EQ(connects_to("http://127.0.0.1:8000", object_problem, "default"), "127.0.0.1:8000");
  for (auto url : {"http://gw:8000", "http://gw.default:8001", "https://gw.default:8000", "http://gw.default.pod:8000",
                   "http://x.gw.default.svc:8000", "http://.default:8000"})
    EXPECT_EQ(connects_to(url, "127.0.0.1", "kagent"), " past") << url;
}

TEST(Agents, AListenerThatIsAskedForAndDoesNotServeIsNoWayPastIt) {
  for (auto [url, refused] : {std::pair{"http://127.0.0.1:8000", true},
                              {"http://localhost:8000/v1", true},
                              {"http://gw:8000", true},
                              {"https://127.0.0.1:8000", false},
                              {"http://127.0.0.1:8001", false},
                              {"http://127.0.0.2:8000", false}}) {
    std::string gateway = replace_all(kGateway, "protocol: HTTP}", "protocol: TCP}");
    Translation t =
        translate_yaml(fmt::format("{}apiVersion: kagent.dev/v1alpha2\nkind: ModelConfig\nmetadata: {{name: m}}\n"
                                   "spec: {{model: x, openAI: {{baseUrl: \"{}\"}}}}\n",
                                   gateway, url));
    EXPECT_THAT(condition(status_of(t, "modelconfigs.kagent.dev", "default", "m"), "ThroughGateway"),
                StartsWith(refused ? "False GatewayNotServing: " : "False DirectEndpoint: "))
        << url;
  }
}

TEST(LeadsTo, WhatIsBoundThere) {
  const std::vector<std::string> mine = {"127.0.0.1", "10.0.0.5", "fe80::1"};
  for (auto [host, bound] : {std::pair{"127.0.0.1", "127.0.0.1"},
                             {"localhost", "127.0.0.1"},
                             {"LOCALHOST", "0.0.0.0"},
                             {"127.0.0.9", "0.0.0.0"},
                             {"::FFFF:10.0.0.5", "0.0.0.0"},
                             {"10.0.0.5", "0.0.0.0"},
                             {"fe80::1", "::"},
                             {"::1", "[::1]"},
                             {"::1", "::1"}})
    EXPECT_TRUE(leads_to(host, bound, mine)) << host << " " << bound;
  for (auto [host, bound] : {std::pair{"127.0.0.2", "127.0.0.1"},
                             {"10.0.0.6", "0.0.0.0"},
                             {"::1", "0.0.0.0"},
                             {"fe80::1", "0.0.0.0"},
                             {"::ffff:10.0.0.6", "0.0.0.0"},
                             {"10.0.0.5", "127.0.0.1"},
                             {"api.openai.com", "0.0.0.0"},
                             {"localhost", "10.0.0.5"}})
    EXPECT_FALSE(leads_to(host, bound, mine)) << host << " " << bound;
}

}  // namespace
}  // namespace sl::control

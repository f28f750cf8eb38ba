// The kinds as the API serves them: names, versions, defaults, unknown fields, core kinds.
// The rules are those that the CustomResourceDefinitions upstream carry; so are the words.
#include <set>

#include "control/kinds/kinds_test_kit.h"

namespace sl::control {
namespace {

using namespace kinds_test;

// ---- names

TEST(Kinds, AllAreThere) {
  std::vector<std::string> names;
  for (auto& t : registry().all()) names.push_back(t->key());
  EXPECT_THAT(names, ::testing::IsSupersetOf(
                         {"namespaces", "secrets", "configmaps", "services", "pods", "events",
                          "customresourcedefinitions.apiextensions.k8s.io", "gatewayclasses.gateway.networking.k8s.io",
                          "gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io",
                          "referencegrants.gateway.networking.k8s.io", "backends.gateway.kgateway.dev",
                          "modelconfigs.kagent.dev", "agents.kagent.dev"}));
}

TEST(Kinds, VersionsStoredFirst) {
  EXPECT_THAT(type_of("Gateway")->versions, ElementsAre("v1", "v1beta1"));
  EXPECT_THAT(type_of("GatewayClass")->versions, ElementsAre("v1", "v1beta1"));
  EXPECT_THAT(type_of("HTTPRoute")->versions, ElementsAre("v1", "v1beta1"));
  EXPECT_TRUE(type_of("ReferenceGrant")->serves("v1"));
  EXPECT_TRUE(type_of("ReferenceGrant")->serves("v1beta1"));
  EXPECT_THAT(type_of("Backend")->versions, ElementsAre("v1alpha1"));
  EXPECT_THAT(type_of("Agent")->versions, ElementsAre("v1alpha2"));
  EXPECT_THAT(type_of("ModelConfig")->versions, ElementsAre("v1alpha2"));
}

TEST(Kinds, ShortNamesAndCategories) {
  for (auto [name, kind] : {std::pair{"gc", "GatewayClass"},
                            {"gtw", "Gateway"},
                            {"refgrant", "ReferenceGrant"},
                            {"be", "Backend"},
                            {"mc", "ModelConfig"},
                            {"svc", "Service"},
                            {"cm", "ConfigMap"},
                            {"po", "Pod"},
                            {"ns", "Namespace"},
                            {"crd", "CustomResourceDefinition"}}) {
    EXPECT_THAT(type_of(kind)->short_names, ::testing::Contains(name)) << kind;
  }
  EXPECT_THAT(type_of("Gateway")->categories, ElementsAre("gateway-api"));
  EXPECT_THAT(type_of("Backend")->categories, ElementsAre("kgateway"));
  EXPECT_THAT(type_of("Agent")->categories, ElementsAre("kagent"));
}

TEST(Kinds, ScopeAndStatus) {
  for (auto& t : registry().all()) {
    bool cluster = t->kind == "Namespace" || t->kind == "GatewayClass" || t->kind == "CustomResourceDefinition";
    EXPECT_EQ(t->namespaced, !cluster) << t->kind;
  }
  for (auto kind : {"GatewayClass", "Gateway", "HTTPRoute", "Backend", "ModelConfig", "Agent"})
    EXPECT_TRUE(type_of(kind)->status) << kind;
  for (auto kind : {"ReferenceGrant", "Secret", "ConfigMap"}) EXPECT_FALSE(type_of(kind)->status) << kind;
  EXPECT_TRUE(type_of("Pod")->read_only);
}

TEST(Kinds, ColumnsAreThoseOfKubectl) {
  auto columns = [](std::string_view kind) {
    std::vector<std::string> out;
    for (auto& c : type_of(kind)->columns)
      if (c.priority == 0) out.push_back(c.name);
    return out;
  };
  EXPECT_THAT(columns("GatewayClass"), ElementsAre("Controller", "Accepted", "Age"));
  EXPECT_THAT(columns("Gateway"), ElementsAre("Class", "Address", "Programmed", "Age"));
  EXPECT_THAT(columns("HTTPRoute"), ElementsAre("Hostnames", "Age"));
  EXPECT_THAT(columns("Agent"), ElementsAre("Type", "Runtime", "Ready", "Accepted"));
  EXPECT_THAT(columns("ModelConfig"), ElementsAre("Provider", "Model"));
}

// `kubectl explain` has words for every field.
TEST(Kinds, EveryFieldIsDescribed) {
  std::set<const json::Schema*> seen;
  std::function<void(const json::Schema&, const std::string&)> walk = [&](const json::Schema& s,
                                                                          const std::string& at) {
    if (!seen.insert(&s).second) return;
    for (auto& p : s.properties) {
      std::string path = at + "." + p.name;
      bool common = at.find(".metadata") != std::string::npos || p.name == "metadata" || p.name == "spec" ||
                    p.name == "status" || p.name == "apiVersion" || p.name == "kind";
      EXPECT_TRUE(common || !p.schema->doc.empty()) << path;
      walk(*p.schema, path);
    }
    if (s.items) walk(*s.items, at + "[]");
    if (s.additional) walk(*s.additional, at + "{}");
  };
  for (auto& t : registry().all()) walk(*t->schema, t->kind);
}

// ---- defaults

TEST(Defaults, HttpRoute) {
  Value r = accept("HTTPRoute", "spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, port: 1}]}]}");
  auto* spec = json::find(r, "spec");
  EXPECT_EQ(dump(&json::arr(*spec, "parentRefs")->at(0)),
            R"({"name":"g","group":"gateway.networking.k8s.io","kind":"Gateway"})");
  auto& rule = json::arr(*spec, "rules")->at(0);
  EXPECT_EQ(dump(json::find(rule, "matches")), R"([{"path":{"type":"PathPrefix","value":"/"}}])");
  auto& ref = json::arr(rule, "backendRefs")->at(0);
  EXPECT_EQ(json::num(ref, -1, "weight"), 1);
  EXPECT_EQ(json::str(ref, "kind"), "Service");
  EXPECT_EQ(dump(json::find(ref, "group")), "\"\"");
}

TEST(Defaults, AnHttpRouteWithoutRulesMatchesEverything) {
  Value r = accept("HTTPRoute", "spec: {}");
  EXPECT_EQ(dump(json::find(r, "spec", "rules")), R"([{"matches":[{"path":{"type":"PathPrefix","value":"/"}}]}])");
}

TEST(Defaults, MatchesAndFilters) {
  Value r = accept("HTTPRoute", R"(spec: {rules: [{
    matches: [{headers: [{name: a, value: b}], queryParams: [{name: c, value: d}]}, {path: {value: /x}}],
    filters: [{type: RequestRedirect, requestRedirect: {}}]}]})");
  auto& rule = json::arr(r, "spec", "rules")->at(0);
  auto& matches = *json::arr(rule, "matches");
  EXPECT_EQ(json::str(matches[0], "path", "type"), "PathPrefix");
  EXPECT_EQ(json::str(matches[0], "path", "value"), "/");
  EXPECT_EQ(json::str(json::arr(matches[0], "headers")->at(0), "type"), "Exact");
  EXPECT_EQ(json::str(json::arr(matches[0], "queryParams")->at(0), "type"), "Exact");
  EXPECT_EQ(json::str(matches[1], "path", "type"), "PathPrefix");
  EXPECT_EQ(json::num(json::arr(rule, "filters")->at(0), 0, "requestRedirect", "statusCode"), 302);
}

TEST(Defaults, Gateway) {
  Value g = accept("Gateway", R"(spec: {gatewayClassName: c, addresses: [{value: 1.2.3.4}], listeners: [
    {name: a, port: 80, protocol: HTTP},
    {name: b, port: 81, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}]}},
    {name: c, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: s}]}}]})");
  auto& listeners = *json::arr(g, "spec", "listeners");
  EXPECT_EQ(json::str(listeners[0], "allowedRoutes", "namespaces", "from"), "Same");
  EXPECT_EQ(json::str(listeners[1], "allowedRoutes", "namespaces", "from"), "Same");
  EXPECT_EQ(json::str(json::arr(listeners[1], "allowedRoutes", "kinds")->at(0), "group"), kGatewayApi);
  EXPECT_EQ(json::str(listeners[2], "tls", "mode"), "Terminate");
  EXPECT_EQ(json::str(json::arr(listeners[2], "tls", "certificateRefs")->at(0), "kind"), "Secret");
  EXPECT_EQ(json::str(json::arr(g, "spec", "addresses")->at(0), "type"), "IPAddress");
}

TEST(Defaults, Kagent) {
  Value m = accept("ModelConfig", "spec: {model: m}");
  EXPECT_EQ(json::str(m, "spec", "provider"), "OpenAI");
  Value a = accept("Agent", "spec: {declarative: {systemMessage: s}}");
  EXPECT_EQ(json::str(a, "spec", "type"), "Declarative");
  EXPECT_EQ(json::str(a, "spec", "declarative", "modelConfig"), "default-model-config");
  EXPECT_EQ(json::str(a, "spec", "declarative", "runtime"), "go");
}

TEST(Defaults, NullIsAsGoodAsAbsent) {
  Value a = accept("Agent", "spec: {type: null, declarative: {modelConfig: null, tools: null}}");
  EXPECT_EQ(json::str(a, "spec", "declarative", "modelConfig"), "default-model-config");
  EXPECT_EQ(json::find(a, "spec", "declarative", "tools"), nullptr);
}

TEST(Defaults, Core) {
  EXPECT_EQ(json::str(accept("Secret", ""), "type"), "Opaque");
  Value s = accept("Service", "spec: {ports: [{port: 80}]}");
  EXPECT_EQ(json::str(s, "spec", "type"), "ClusterIP");
  EXPECT_EQ(json::str(json::arr(s, "spec", "ports")->at(0), "protocol"), "TCP");
}

// ---- core kinds

TEST(SecretRules, StringDataIsFoldedIntoData) {
  Value s = accept("Secret", "stringData: {a: hello, b: \"\"}\ndata: {a: b2xk, c: a2VwdA==}");
  EXPECT_EQ(json::find(s, "stringData"), nullptr);
  EXPECT_EQ(json::str(s, "data", "a"), "aGVsbG8=");
  EXPECT_EQ(dump(json::find(s, "data", "b")), "\"\"");
  EXPECT_EQ(json::str(s, "data", "c"), "a2VwdA==");
}

TEST(SecretRules, Data) {
  refuse("Secret", "data: {k: \"not base64!\"}", "data[k]", "base64");
  refuse("Secret", "stringData: {k: " + std::string(1024 * 1024 + 1, 'x') + "}", "data",
         "Too long: may not be more than 1048576 bytes");
}

TEST(SecretRules, WhatCannotChange) {
  Value old = accept("Secret", "type: a/b\ndata: {k: YQ==}\nimmutable: true");
  EXPECT_THAT(causes_of("Secret", "type: a/b\ndata: {k: Yg==}\nimmutable: true", &old),
              ElementsAre(AllOf(HasSubstr("data: "), HasSubstr("field is immutable when `immutable` is set"))));
  EXPECT_THAT(causes_of("Secret", "type: a/b\ndata: {k: YQ==}", &old),
              ElementsAre(AllOf(HasSubstr("immutable: "), HasSubstr("field is immutable when `immutable` is set"))));
  EXPECT_THAT(causes_of("Secret", "type: a/b\ndata: {k: YQ==}\nimmutable: true", &old), ::testing::IsEmpty());
  Value open = accept("Secret", "type: a/b");
  EXPECT_THAT(causes_of("Secret", "type: a/c", &open),
              ElementsAre(AllOf(HasSubstr("type: "), HasSubstr("field is immutable"))));
  EXPECT_THAT(causes_of("Secret", "type: a/b\ndata: {k: Yg==}", &open), ::testing::IsEmpty());
}

TEST(ConfigMapRules, Immutable) {
  Value old = accept("ConfigMap", "data: {k: a}\nbinaryData: {b: YQ==}\nimmutable: true");
  for (auto change : {"data: {k: b}\nbinaryData: {b: YQ==}\nimmutable: true", "data: {k: a}\nimmutable: true",
                      "data: {k: a}\nbinaryData: {b: YQ==}\nimmutable: false"})
    EXPECT_THAT(causes_of("ConfigMap", change, &old),
                ElementsAre(HasSubstr("field is immutable when `immutable` is set")))
        << change;
}

TEST(NamespaceRules, WhatTheServerAdds) {
  Value ns = accept("Namespace", "");
  EXPECT_EQ(json::str(ns, "metadata", "labels", "kubernetes.io/metadata.name"), "obj");
  EXPECT_EQ(json::str(ns, "status", "phase"), "Active");
  EXPECT_EQ(dump(json::find(ns, "spec", "finalizers")), R"(["kubernetes"])");
}

TEST(CoreRules, DataKeysAreFileNames) {
  for (auto* kind : {"ConfigMap", "Secret"}) {
    refuse(kind, "data: {\"a/b\": \"\"}", "data[a/b]", "a valid config key must consist of");
    refuse(kind, "data: {\"..\": \"\"}", "data[..]", "a valid config key must consist of");
    accept(kind, "data: {\"a.b-c_D\": \"\"}");
  }
  refuse("ConfigMap", "binaryData: {a: \"!\"}", "binaryData[a]", "must be base64");
  refuse("ConfigMap", "data: {a: x}\nbinaryData: {a: eA==}", "binaryData[a]", "duplicate of key present in data");
  refuse("Secret", "type: kubernetes.io/tls", "data[tls.crt]", "Required value");
}

TEST(ServiceRules, Ports) {
  refuse("Service", "spec: {ports: [{port: 0}]}", "spec.ports[0].port", "greater than or equal to 1");
  refuse("Service", "spec: {ports: [{port: 1}, {port: 1}]}", "spec.ports[1]", "Duplicate value");
  refuse("Service", "spec: {ports: [{}]}", "spec.ports[0].port", "Required value");
  refuse("Service", "spec: {type: Magic}", "spec.type", "Unsupported value: \"Magic\"");
  accept("Service", "spec: {ports: [{name: a, port: 1, protocol: TCP}, {name: b, port: 1, protocol: UDP}]}");
  accept("Service", "spec: {ports: [{name: a, port: 1, targetPort: http}, {name: b, port: 2, targetPort: 8080}]}");
  refuse("Service", "spec: {ports: [{port: 1}, {port: 2}]}", "spec.ports[0].name", "Required value");
  refuse("Service", "spec: {ports: [{name: a, port: 1}, {name: a, port: 2}]}", "spec.ports[1].name", "Duplicate value");
  refuse("Service", "spec: {type: ExternalName}", "spec.externalName", "Required value");
  refuse("Service", "spec: {clusterIP: 10.0.0.1}", "spec.ports", "Required value");
}

TEST(Crds, NameAndGroup) {
  auto crd = [](const std::string& name) {
    return object(
        "CustomResourceDefinition",
        "spec: {group: g.example, scope: Cluster, names: {kind: K, plural: ks}, versions: [{name: v1, storage: true, "
        "schema: {openAPIV3Schema: {type: object}}}]}\nmetadata: {name: " +
            name + "}");
  };
  auto type = type_of("CustomResourceDefinition");
  EXPECT_TRUE(testing::admit(*type, crd("ks.g.example")));
  auto bad = testing::admit(*type, crd("ks.other"));
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("must be spec.names.plural+\".\"+spec.group"));
  refuse("CustomResourceDefinition", "spec: {names: {kind: K, plural: ks}, versions: []}", "spec.group",
         "Required value");
}

// ---- unknown fields

TEST(UnknownFields, AreFoundInEveryDepth) {
  for (auto [kind, members, path] : {
           std::tuple{"HTTPRoute", "spec: {rules: [{matches: [{paths: {}}]}]}", "spec.rules[0].matches[0].paths"},
           {"Gateway", "spec: {gatewayClassName: c, listener: []}", "spec.listener"},
           {"Backend", "spec: {type: AI, ai: {llm: {openai: {token: x}}}}", "spec.ai.llm.openai.token"},
           {"Agent", "spec: {declarative: {sytemMessage: x}}", "spec.declarative.sytemMessage"},
           {"ModelConfig", "spec: {model: m, openAI: {baseURL: x}}", "spec.openAI.baseURL"},
           {"ConfigMap", "spec: {}", "spec"},
       })
    EXPECT_THAT(causes_of(kind, members), ElementsAre(std::string("unknown field ") + path));
}

TEST(UnknownFields, AreKeptInOpenBlocks) {
  Value a = accept("Agent", "spec: {declarative: {deployment: {affinity: {anything: {deep: [1]}}}}}");
  EXPECT_EQ(dump(json::find(a, "spec", "declarative", "deployment", "affinity")), R"({"anything":{"deep":[1]}})");
}

}  // namespace
}  // namespace sl::control

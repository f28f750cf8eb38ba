// The kinds as the API serves them: names, versions, defaults, and what is refused in which words.
// The rules are those that the CustomResourceDefinitions upstream carry; so are the words.
#include "control/kinds/kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "control/translate/fixture.h"

namespace sl::control {
namespace {

using json::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGatewayApi[] = "gateway.networking.k8s.io";

kube::Registry& registry() {
  static kube::Registry* one = [] {
    auto* made = new kube::Registry;
    register_kinds(*made);
    return made;
  }();
  return *one;
}

kube::TypePtr type_of(std::string_view kind) {
  for (auto& t : registry().all())
    if (t->kind == kind) return t;
  ADD_FAILURE() << "no kind " << kind;
  return nullptr;
}

Value yaml(const std::string& text) {
  auto documents = json::parse_yaml(text);
  EXPECT_TRUE(documents) << text << "\n" << (documents ? "" : documents.error().message);
  return documents && !documents->empty() ? std::move((*documents)[0].value) : Value();
}

// An object of the kind with members in YAML's flow style, as "spec: {...}".
Value object(std::string_view kind, const std::string& members) {
  auto type = type_of(kind);
  return yaml("apiVersion: " + type->api_version(type->versions[0]) + "\nkind: " + std::string(kind) +
              "\nmetadata: {name: obj, namespace: ns}\n" + members + "\n");
}

// As stored, or null and a failure.
Value accept(std::string_view kind, const std::string& members) {
  auto r = testing::admit(*type_of(kind), object(kind, members));
  EXPECT_TRUE(r) << members << "\n" << (r ? "" : r.error().message);
  return r ? *r : Value();
}

// "FIELD: WORDS" of every cause; none when it is accepted.
std::vector<std::string> causes_of(std::string_view kind, const std::string& members, const Value* old = nullptr) {
  auto r = testing::admit(*type_of(kind), object(kind, members), old);
  std::vector<std::string> out;
  if (r) return out;
  if (r.error().causes.empty()) out.push_back(r.error().message);
  for (auto& c : r.error().causes) out.push_back(c.field + ": " + c.message);
  return out;
}

void refuse(std::string_view kind, const std::string& members, const std::string& field, const std::string& words) {
  EXPECT_THAT(causes_of(kind, members),
              ::testing::Contains(AllOf(::testing::StartsWith(field + ": "), HasSubstr(words))))
      << members;
}

std::string dump(const Value* v) {
  return v ? json::dump(*v) : "absent";
}

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
    auto found = registry().find_loosely(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->kind, kind);
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

// ---- HTTPRoute

void refuse_rule(const std::string& rule, const std::string& field, const std::string& words) {
  refuse("HTTPRoute", "spec: {rules: [" + rule + "]}", "spec.rules[0]" + field, words);
}
void refuse_path(const std::string& type, const std::string& value, const std::string& words) {
  refuse_rule("{matches: [{path: {type: " + type + ", value: \"" + value + "\"}}]}", ".matches[0].path", words);
}

constexpr char kTypes[] = " when type one of ['Exact', 'PathPrefix']";

TEST(HttpRouteRules, Paths) {
  for (std::string type : {"Exact", "PathPrefix"}) {
    refuse_path(type, "a", std::string("value must be an absolute path and start with '/'") + kTypes);
    refuse_path(type, "", std::string("value must be an absolute path and start with '/'") + kTypes);
    for (std::string bad : {"//", "/./", "/../", "%2f", "%2F", "#"})
      refuse_path(type, "/a" + bad + "b", "must not contain '" + bad + "'" + kTypes);
    for (std::string bad : {"/..", "/."}) refuse_path(type, "/a" + bad, "must not end with '" + bad + "'" + kTypes);
    for (std::string bad : {"/a b", "/a?b", "/ä", "/%zz", "/a^b", "/{x}"})
      refuse_path(type, bad, "must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%]");
  }
  refuse_rule("{matches: [{path: {value: \"/" + std::string(1024, 'a') + "\"}}]}", ".matches[0].path.value",
              "Too long: may not be more than 1024 bytes");
}

TEST(HttpRouteRules, PathsThatAreFine) {
  for (std::string value : {"/", "/a", "/a/", "/a.b/..c/.d", "/-._~!$&'()*+,;=:@", "/%20%C3%A4"})
    accept("HTTPRoute", "spec: {rules: [{matches: [{path: {value: \"" + value + "\"}}]}]}");
  for (std::string value : {"a//b", "/../(x|y)#", "[ä ]*"})
    accept("HTTPRoute", "spec: {rules: [{matches: [{path: {type: RegularExpression, value: \"" + value + "\"}}]}]}");
  accept("HTTPRoute", "spec: {rules: [{matches: [{path: {value: \"/" + std::string(1023, 'a') + "\"}}]}]}");
}

TEST(HttpRouteRules, Matches) {
  refuse_rule("{matches: [{method: get}]}", ".matches[0].method", "Unsupported value: \"get\"");
  for (auto method : {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
    accept("HTTPRoute", std::string("spec: {rules: [{matches: [{method: ") + method + "}]}]}");
  refuse_rule("{matches: [{headers: [{name: \"a b\", value: x}]}]}", ".matches[0].headers[0].name", "should match");
  refuse_rule("{matches: [{headers: [{name: \":method\", value: x}]}]}", ".matches[0].headers[0].name", "should match");
  refuse_rule("{matches: [{headers: [{name: a, value: \"\"}]}]}", ".matches[0].headers[0].value", "at least 1 chars");
  refuse_rule("{matches: [{headers: [{name: a, value: " + std::string(4097, 'x') + "}]}]}",
              ".matches[0].headers[0].value", "Too long");
  refuse_rule("{matches: [{headers: [{name: a}]}]}", ".matches[0].headers[0].value", "Required value");
  refuse_rule("{matches: [{headers: [{type: Prefix, name: a, value: x}]}]}", ".matches[0].headers[0].type",
              "supported values: \"Exact\", \"RegularExpression\"");
  refuse_rule("{matches: [{headers: [{name: a, value: x}, {name: a, value: y}]}]}", ".matches[0].headers[1]",
              "Duplicate value");
  refuse_rule("{matches: [{queryParams: [{name: a, value: x}, {name: a, value: y}]}]}", ".matches[0].queryParams[1]",
              "Duplicate value");
  std::string many;
  for (int i = 0; i < 17; ++i) many += "{name: h" + std::to_string(i) + ", value: x}, ";
  refuse_rule("{matches: [{headers: [" + many + "]}]}", ".matches[0].headers", "must have at most 16 items");
  refuse_rule("{matches: [{queryParams: [" + many + "]}]}", ".matches[0].queryParams", "must have at most 16 items");
}

std::string times(const std::string& item, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += (i ? ", " : "") + item;
  return out;
}

TEST(HttpRouteRules, HowManyMatches) {
  std::string full = "{matches: [" + times("{}", 64) + "]}";
  accept("HTTPRoute", "spec: {rules: [" + full + ", " + full + "]}");
  refuse("HTTPRoute", "spec: {rules: [" + full + ", " + full + ", {matches: [{}]}]}", "spec.rules",
         "While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route "
         "must be less than 128");
  refuse_rule("{matches: [" + times("{}", 65) + "]}", ".matches", "Too many: 65: must have at most 64 items");
  refuse("HTTPRoute", "spec: {rules: [" + times("{}", 17) + "]}", "spec.rules",
         "Too many: 17: must have at most 16 items");
  refuse("HTTPRoute", "spec: {rules: []}", "spec.rules", "should have at least 1 items");
}

TEST(HttpRouteRules, Names) {
  accept("HTTPRoute", "spec: {rules: [{name: a}, {name: b}, {}, {}]}");
  refuse("HTTPRoute", "spec: {rules: [{name: a}, {name: a}]}", "spec.rules",
         "Rule name must be unique within the route");
}

// A filter of each type, with the member it needs.
const std::vector<std::pair<std::string, std::string>>& filters() {
  static const std::vector<std::pair<std::string, std::string>> all = {
      {"RequestHeaderModifier", "requestHeaderModifier: {remove: [a]}"},
      {"ResponseHeaderModifier", "responseHeaderModifier: {remove: [a]}"},
      {"RequestMirror", "requestMirror: {backendRef: {name: s, port: 80}}"},
      {"RequestRedirect", "requestRedirect: {scheme: https}"},
      {"URLRewrite", "urlRewrite: {hostname: h}"},
      {"CORS", "cors: {}"},
      {"ExternalAuth", "externalAuth: {}"},
      {"ExtensionRef", "extensionRef: {group: g, kind: K, name: nn}"}};
  return all;
}

TEST(HttpRouteRules, AFilterHasTheMemberOfItsTypeAndNoOther) {
  for (auto& [type, member] : filters()) {
    std::string name = member.substr(0, member.find(':'));
    accept("HTTPRoute", "spec: {rules: [{filters: [{type: " + type + ", " + member + "}]}]}");
    refuse_rule("{filters: [{type: " + type + "}]}", ".filters[0]",
                "filter." + name + " must be specified for " + type + " filter.type");
    std::string other = type == "CORS" ? "URLRewrite, urlRewrite: {}" : "CORS, cors: {}";
    refuse_rule("{filters: [{type: " + other + ", " + member + "}]}", ".filters[0]",
                "filter." + name + " must be nil if the filter.type is not " + type);
  }
  refuse_rule("{filters: [{type: Nope}]}", ".filters[0].type", "Unsupported value: \"Nope\"");
  refuse_rule("{filters: [{urlRewrite: {}}]}", ".filters[0].type", "Required value");
}

TEST(HttpRouteRules, WhichFiltersMayBeRepeated) {
  for (auto& [type, member] : filters()) {
    std::string twice = "[" + times("{type: " + type + ", " + member + "}", 2) + "]";
    if (type == "RequestMirror" || type == "ExtensionRef" || type == "ExternalAuth") {
      accept("HTTPRoute", "spec: {rules: [{filters: " + twice + "}]}");
      continue;
    }
    refuse_rule("{filters: " + twice + "}", ".filters", type + " filter cannot be repeated");
    refuse_rule("{backendRefs: [{name: s, port: 1, filters: " + twice + "}]}", ".backendRefs[0].filters",
                type + " filter cannot be repeated");
  }
  refuse_rule("{filters: [" + times("{type: RequestMirror, requestMirror: {}}", 17) + "]}", ".filters",
              "must have at most 16 items");
}

TEST(HttpRouteRules, RedirectsExcludeRewritesAndBackends) {
  refuse_rule("{filters: [{type: RequestRedirect, requestRedirect: {}}, {type: URLRewrite, urlRewrite: {}}]}",
              ".filters",
              "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both");
  refuse_rule("{backendRefs: [{name: s, port: 1}], filters: [{type: RequestRedirect, requestRedirect: {}}]}", "",
              "RequestRedirect filter must not be used together with backendRefs");
}

TEST(HttpRouteRules, ReplacingAPrefixNeedsOnePrefixMatch) {
  for (auto [type, member] : {std::pair{"RequestRedirect", "requestRedirect"}, {"URLRewrite", "urlRewrite"}}) {
    auto rule = [&](const std::string& matches) {
      return "{matches: " + matches + ", filters: [{type: " + type + ", " + member +
             ": {path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}]}";
    };
    std::string words = std::string("When using ") + type +
                        " filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified";
    accept("HTTPRoute", "spec: {rules: [" + rule("[{path: {value: /a}}]") + "]}");
    refuse_rule(rule("[{path: {type: Exact, value: /a}}]"), "", words);
    refuse_rule(rule("[{path: {value: /a}}, {path: {value: /b}}]"), "", words);
    refuse_rule(rule("[]"), "", words);
  }
}

TEST(HttpRouteRules, PathModifiers) {
  auto rewrite = [](const std::string& path) {
    return "{filters: [{type: URLRewrite, urlRewrite: {path: " + path + "}}]}";
  };
  std::string at = ".filters[0].urlRewrite.path";
  refuse_rule(rewrite("{type: ReplaceFullPath}"), at,
              "replaceFullPath must be specified when type is set to 'ReplaceFullPath'");
  refuse_rule(rewrite("{type: ReplacePrefixMatch}"), at,
              "replacePrefixMatch must be specified when type is set to 'ReplacePrefixMatch'");
  refuse_rule(rewrite("{type: ReplacePrefixMatch, replacePrefixMatch: /, replaceFullPath: /}"), at,
              "type must be 'ReplaceFullPath' when replaceFullPath is set");
  refuse_rule(rewrite("{type: ReplaceFullPath, replacePrefixMatch: /, replaceFullPath: /}"), at,
              "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set");
  refuse_rule(rewrite("{replaceFullPath: /}"), at + ".type", "Required value");
  refuse_rule(rewrite("{type: ReplaceFullPath, replaceFullPath: " + std::string(1025, 'a') + "}"),
              at + ".replaceFullPath", "Too long");
}

TEST(HttpRouteRules, Redirects) {
  auto redirect = [](const std::string& members) {
    return "{filters: [{type: RequestRedirect, requestRedirect: {" + members + "}}]}";
  };
  std::string at = ".filters[0].requestRedirect";
  for (auto code : {301, 302, 303, 307, 308})
    accept("HTTPRoute", "spec: {rules: [" + redirect("statusCode: " + std::to_string(code)) + "]}");
  for (auto code : {200, 300, 304, 404})
    refuse_rule(redirect("statusCode: " + std::to_string(code)), at + ".statusCode", "301");
  refuse_rule(redirect("scheme: ftp"), at + ".scheme", "Unsupported value: \"ftp\"");
  refuse_rule(redirect("port: 0"), at + ".port", "greater than or equal to 1");
  refuse_rule(redirect("port: 65536"), at + ".port", "less than or equal to 65535");
}

TEST(HttpRouteRules, HeaderFilters) {
  auto set = [](const std::string& list) {
    return "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: " + list + "}}]}";
  };
  std::string at = ".filters[0].requestHeaderModifier.set";
  refuse_rule(set("[{name: \"a:b\", value: x}]"), at + "[0].name", "should match");
  refuse_rule(set("[{name: a}]"), at + "[0].value", "Required value");
  refuse_rule(set("[{name: a, value: x}, {name: a, value: y}]"), at + "[1]", "Duplicate value");
  refuse_rule(set(R"([{name: a, value: "x\r\ny: z"}])"), at + "[0].value", "control characters");
  refuse_rule("{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a, a]}}]}",
              ".filters[0].requestHeaderModifier.remove[1]", "Duplicate value");
}

TEST(HttpRouteRules, BackendRefs) {
  refuse_rule("{backendRefs: [{name: s}]}", ".backendRefs[0]", "Must have port for Service reference");
  accept("HTTPRoute", "spec: {rules: [{backendRefs: [{name: s, group: gateway.kgateway.dev, kind: Backend}]}]}");
  refuse_rule("{backendRefs: [{port: 1}]}", ".backendRefs[0].name", "Required value");
  refuse_rule("{backendRefs: [{name: s, port: 1, weight: -1}]}", ".backendRefs[0].weight",
              "greater than or equal to 0");
  refuse_rule("{backendRefs: [{name: s, port: 1, weight: 1000001}]}", ".backendRefs[0].weight",
              "less than or equal to");
  accept("HTTPRoute",
         "spec: {rules: [{backendRefs: [{name: s, port: 1, weight: 1000000}, {name: s, port: 1, weight: 0}]}]}");
  refuse_rule("{backendRefs: [" + times("{name: s, port: 1}", 17) + "]}", ".backendRefs", "must have at most 16 items");
}

TEST(HttpRouteRules, Timeouts) {
  auto timeouts = [](const std::string& members) { return "{timeouts: {" + members + "}}"; };
  std::string words = "backendRequest timeout cannot be longer than request timeout";
  refuse_rule(timeouts("request: 1s, backendRequest: 1001ms"), ".timeouts", words);
  refuse_rule(timeouts("request: 1m, backendRequest: 1h"), ".timeouts", words);
  for (auto good : {"request: 1s, backendRequest: 1s", "request: 0s, backendRequest: 5h", "backendRequest: 5h",
                    "request: 1h2m3s4ms", "request: 90s, backendRequest: 1m30s"})
    accept("HTTPRoute", "spec: {rules: [" + timeouts(good) + "]}");
  for (auto bad : {"\"5\"", "5d", "1.5s", "-1s", "123456s", "s", "\" 1s\"", "1h1h1h1h1h"})
    refuse_rule(timeouts(std::string("request: ") + bad), ".timeouts.request", "should match");
}

TEST(HttpRouteSpecRules, Hostnames) {
  for (auto good : {"a", "a.example.com", "\"*.example.com\"", "xn--a.example"})
    accept("HTTPRoute", std::string("spec: {hostnames: [") + good + "]}");
  for (auto bad : {"UPPER.example", "under_score", "\"*\"", "\"*.*.example\"", "\"a.*.example\"", "\"a.example:80\"",
                   "\"-a.example\"", "\"a..example\"", "\"\""})
    refuse("HTTPRoute", std::string("spec: {hostnames: [") + bad + "]}", "spec.hostnames[0]", "in body should");
  refuse("HTTPRoute", "spec: {hostnames: [" + times("a", 17) + "]}", "spec.hostnames", "must have at most 16 items");
}

TEST(HttpRouteSpecRules, ParentRefs) {
  auto refs = [](const std::string& list) { return "spec: {parentRefs: [" + list + "]}"; };
  std::string specified =
      "sectionName or port must be specified when parentRefs includes 2 or more references to the "
      "same parent";
  std::string unique =
      "sectionName or port must be unique when parentRefs includes 2 or more references to the same "
      "parent";
  refuse("HTTPRoute", refs("{name: g}, {name: g, sectionName: a}"), "spec.parentRefs", specified);
  refuse("HTTPRoute", refs("{name: g, sectionName: a}, {name: g, sectionName: a}"), "spec.parentRefs", unique);
  refuse("HTTPRoute", refs("{name: g, port: 1}, {name: g, port: 1}"), "spec.parentRefs", unique);
  for (auto good : {"{name: g, sectionName: a}, {name: g, sectionName: b}", "{name: g, port: 1}, {name: g, port: 2}",
                    "{name: g, sectionName: a, port: 1}, {name: g, sectionName: a, port: 2}", "{name: g}, {name: h}",
                    "{name: g, namespace: a}, {name: g, namespace: b}", "{name: g}, {name: g, kind: Other}",
                    "{name: g}, {name: g, group: other.example}"})
    accept("HTTPRoute", refs(good));
  refuse("HTTPRoute", refs(times("{name: g}", 33)), "spec.parentRefs", "must have at most 32 items");
  refuse("HTTPRoute", refs("{}"), "spec.parentRefs[0].name", "Required value");
}

// ---- Gateway, GatewayClass, ReferenceGrant

void refuse_listeners(const std::string& list, const std::string& field, const std::string& words) {
  refuse("Gateway", "spec: {gatewayClassName: c, listeners: [" + list + "]}", "spec.listeners" + field, words);
}
void accept_listeners(const std::string& list) {
  accept("Gateway", "spec: {gatewayClassName: c, listeners: [" + list + "]}");
}

TEST(GatewayRules, Listeners) {
  for (std::string protocol : {"HTTP", "TCP", "UDP"})
    refuse_listeners("{name: a, port: 1, protocol: " + protocol + ", tls: {certificateRefs: [{name: s}]}}", "",
                     "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']");
  for (std::string protocol : {"TCP", "UDP"})
    refuse_listeners("{name: a, port: 1, protocol: " + protocol + ", hostname: a.example}", "",
                     "hostname must not be specified for protocols ['TCP', 'UDP']");
  refuse_listeners("{name: a, port: 1, protocol: HTTPS, tls: {mode: Passthrough}}", "",
                   "tls mode must be Terminate for protocol HTTPS");
  refuse_listeners("{name: a, port: 1, protocol: TLS}", "", "tls mode must be set for protocol TLS");
  refuse_listeners("{name: a, port: 1, protocol: HTTPS, tls: {mode: Terminate}}", "[0].tls",
                   "certificateRefs or options must be specified when mode is Terminate");
  accept_listeners("{name: a, port: 1, protocol: TLS, tls: {mode: Passthrough}}");
  accept_listeners("{name: a, port: 1, protocol: HTTPS, tls: {options: {a: b}}}");
  accept_listeners("{name: a, port: 1, protocol: example.com/own}");
}

TEST(GatewayRules, ListenersDiffer) {
  std::string words = "Combination of port, protocol and hostname must be unique for each listener";
  refuse_listeners("{name: a, port: 1, protocol: HTTP}, {name: b, port: 1, protocol: HTTP}", "", words);
  refuse_listeners("{name: a, port: 1, protocol: HTTP, hostname: h}, {name: b, port: 1, protocol: HTTP, hostname: h}",
                   "", words);
  accept_listeners(
      "{name: a, port: 1, protocol: HTTP}, {name: b, port: 1, protocol: HTTP, hostname: h}, {name: c, port: 2, "
      "protocol: HTTP}, {name: d, port: 1, protocol: TCP}");
  EXPECT_FALSE(causes_of("Gateway",
                         "spec: {gatewayClassName: c, listeners: [{name: a, port: 1, protocol: HTTP}, {name: a, port: "
                         "2, protocol: HTTP}]}")
                   .empty());
  refuse_listeners("", "", "should have at least 1 items");
  std::string many;
  for (int i = 1; i <= 65; ++i)
    many += "{name: l" + std::to_string(i) + ", port: " + std::to_string(i) + ", protocol: HTTP}, ";
  refuse_listeners(many, "", "must have at most 64 items");
}

TEST(GatewayRules, Addresses) {
  auto with = [](const std::string& list) {
    return "spec: {gatewayClassName: c, listeners: [{name: a, port: 1, protocol: HTTP}], addresses: [" + list + "]}";
  };
  refuse("Gateway", with("{value: 1.2.3.4}, {value: 1.2.3.4}"), "spec.addresses", "IPAddress values must be unique");
  accept("Gateway", with("{value: 1.2.3.4}, {value: 1.2.3.5}, {type: IPAddress}, {type: Hostname, value: h}"));
  refuse("Gateway", with(times("{type: Hostname}", 17)), "spec.addresses", "must have at most 16 items");
}

TEST(GatewayRules, InfrastructureIsBounded) {
  auto with = [](const std::string& field, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += "k" + std::to_string(i) + ": v, ";
    return "spec: {gatewayClassName: c, listeners: [{name: a, port: 1, protocol: HTTP}], infrastructure: {" + field +
           ": {" + out + "}}}";
  };
  accept("Gateway", with("labels", 8));
  refuse("Gateway", with("labels", 9), "spec.infrastructure.labels", "must have at most 8 items");
  accept("Gateway", with("annotations", 16));
  refuse("Gateway", with("annotations", 17), "spec.infrastructure.annotations", "must have at most 16 items");
}

TEST(GatewayClassRules, Controller) {
  for (auto bad : {"a", "/a", "Upper.example/a", "a.example/", "a_b/c"})
    refuse("GatewayClass", std::string("spec: {controllerName: ") + bad + "}", "spec.controllerName", "should match");
  accept("GatewayClass", "spec: {controllerName: example.com/a/b}");
  refuse("GatewayClass", "spec: {}", "spec.controllerName", "Required value");
  refuse("GatewayClass", "spec: {controllerName: a.b/c, description: " + std::string(65, 'x') + "}", "spec.description",
         "Too long: may not be more than 64 bytes");
}

TEST(GatewayClassRules, TheControllerIsImmutable) {
  Value old = accept("GatewayClass", "spec: {controllerName: example.com/a}");
  EXPECT_THAT(causes_of("GatewayClass", "spec: {controllerName: example.com/b}", &old),
              ElementsAre(AllOf(HasSubstr("spec.controllerName: "), HasSubstr("Value is immutable"))));
  EXPECT_THAT(causes_of("GatewayClass", "spec: {controllerName: example.com/a, description: x}", &old),
              ::testing::IsEmpty());
}

TEST(ReferenceGrantRules, Bounds) {
  std::string from = "{group: g, kind: K, namespace: nn}", to = "{group: \"\", kind: Service}";
  auto grant = [](const std::string& f, const std::string& t) { return "spec: {from: [" + f + "], to: [" + t + "]}"; };
  accept("ReferenceGrant", grant(times(from, 16), times(to, 16)));
  refuse("ReferenceGrant", grant("", to), "spec.from", "should have at least 1 items");
  refuse("ReferenceGrant", grant(from, ""), "spec.to", "should have at least 1 items");
  refuse("ReferenceGrant", grant(times(from, 17), to), "spec.from", "must have at most 16 items");
  refuse("ReferenceGrant", grant("{group: g, kind: K}", to), "spec.from[0].namespace", "Required value");
  refuse("ReferenceGrant", grant("{kind: K, namespace: nn}", to), "spec.from[0].group", "Required value");
  refuse("ReferenceGrant", grant(from, "{group: \"\"}"), "spec.to[0].kind", "Required value");
}

// ---- Backend

TEST(BackendRules, TheMemberOfItsTypeAndNoOther) {
  for (auto [type, member, content] : {std::tuple{"AI", "ai", "{llm: {openai: {authToken: {kind: Passthrough}}}}"},
                                       {"Static", "static", "{hosts: [{host: h, port: 1}]}"},
                                       {"MCP", "mcp", "{targets: []}"},
                                       {"AWS", "aws", "{}"},
                                       {"DynamicForwardProxy", "dynamicForwardProxy", "{}"}}) {
    std::string own = std::string(member) + ": " + content;
    accept("Backend", std::string("spec: {type: ") + type + ", " + own + "}");
    refuse("Backend", std::string("spec: {type: ") + type + "}", "spec",
           std::string(member) + " backend must be specified when type is '" + type + "'");
    std::string other = std::string(type) == "MCP" ? "AWS, aws: {}" : "MCP, mcp: {}";
    refuse("Backend", "spec: {type: " + other + ", " + own + "}", "spec",
           std::string(member) + " backend must be nil if the type is not '" + type + "'");
  }
  refuse("Backend", "spec: {type: ai}", "spec.type", "Unsupported value: \"ai\"");
  refuse("Backend", "spec: {}", "spec.type", "Required value");
}

TEST(BackendRules, ExactlyOneProvider) {
  std::string words = "exactly one of the fields in [openai azureopenai anthropic gemini vertexai bedrock] must be set";
  std::string token = "{authToken: {kind: Passthrough}}";
  refuse("Backend", "spec: {type: AI, ai: {llm: {}}}", "spec.ai.llm", words);
  refuse("Backend", "spec: {type: AI, ai: {llm: {openai: " + token + ", anthropic: " + token + "}}}", "spec.ai.llm",
         words);
  for (auto name : {"openai", "azureopenai", "anthropic", "gemini", "vertexai", "bedrock"})
    accept("Backend", std::string("spec: {type: AI, ai: {llm: {") + name + ": " + token + "}}}");
  words = "exactly one of the fields in [llm priorityGroups] must be set";
  refuse("Backend", "spec: {type: AI, ai: {}}", "spec.ai", words);
  refuse("Backend",
         "spec: {type: AI, ai: {llm: {openai: " + token +
             "}, priorityGroups: [{providers: [{name: a, openai: " + token + "}]}]}}",
         "spec.ai", words);
}

TEST(BackendRules, PriorityGroups) {
  auto groups = [](const std::string& list) { return "spec: {type: AI, ai: {priorityGroups: [" + list + "]}}"; };
  std::string one = "{name: a, openai: {authToken: {kind: Passthrough}}}";
  accept("Backend", groups("{providers: [" + one + "]}"));
  refuse("Backend", groups("{providers: []}"), "spec.ai.priorityGroups[0].providers", "should have at least 1 items");
  refuse("Backend", groups("{providers: [{name: a}]}"), "spec.ai.priorityGroups[0].providers[0]",
         "exactly one of the fields in [openai");
  refuse("Backend", groups("{providers: [{openai: {authToken: {kind: Passthrough}}}]}"),
         "spec.ai.priorityGroups[0].providers[0].name", "Required value");
  refuse("Backend", groups(""), "spec.ai.priorityGroups", "should have at least 1 items");
}

TEST(BackendRules, Tokens) {
  auto with = [](const std::string& token) {
    return "spec: {type: AI, ai: {llm: {openai: {authToken: " + token + "}}}}";
  };
  std::string at = "spec.ai.llm.openai.authToken";
  for (auto good : {"{kind: Inline, inline: x}", "{kind: SecretRef, secretRef: {name: s}}", "{kind: Passthrough}"})
    accept("Backend", with(good));
  refuse("Backend", with("{kind: Inline}"), at, "inline");
  refuse("Backend", with("{kind: SecretRef}"), at, "secretRef");
  refuse("Backend", with("{kind: Other}"), at + ".kind",
         "supported values: \"Inline\", \"SecretRef\", \"Passthrough\"");
  refuse("Backend", with("{}"), at + ".kind", "Required value");
  refuse("Backend", "spec: {type: AI, ai: {llm: {openai: {}}}}", at, "Required value");
}

TEST(BackendRules, HostAndPort) {
  auto with = [](const std::string& more) {
    return "spec: {type: AI, ai: {llm: {openai: {authToken: {kind: Passthrough}}, " + more + "}}}";
  };
  accept("Backend", with("host: h, port: 1"));
  refuse("Backend", with("host: h"), "spec.ai.llm", "host and port");
  refuse("Backend", with("port: 1"), "spec.ai.llm", "host and port");
  refuse("Backend", with("host: h, port: 65536"), "spec.ai.llm.port", "less than or equal to 65535");
}

// ---- ModelConfig

TEST(ModelConfigRules, BlocksOfOtherProviders) {
  for (auto [provider, block] : {std::pair{"OpenAI", "openAI"},
                                 {"Anthropic", "anthropic"},
                                 {"AzureOpenAI", "azureOpenAI"},
                                 {"Ollama", "ollama"},
                                 {"Gemini", "gemini"},
                                 {"GeminiVertexAI", "geminiVertexAI"},
                                 {"AnthropicVertexAI", "anthropicVertexAI"},
                                 {"Bedrock", "bedrock"},
                                 {"SAPAICore", "sapAICore"},
                                 {"Foundry", "foundry"}}) {
    std::string other = std::string(provider) == "Ollama" ? "OpenAI" : "Ollama";
    refuse("ModelConfig", "spec: {model: m, provider: " + other + ", " + block + ": {}}", "spec",
           std::string("provider.") + block + " must be nil if the provider is not " + provider);
    accept("ModelConfig", std::string("spec: {model: m, provider: ") + provider + "}");
  }
  refuse("ModelConfig", "spec: {model: m, provider: Cohere}", "spec.provider", "Unsupported value: \"Cohere\"");
  refuse("ModelConfig", "spec: {}", "spec.model", "Required value");
}

TEST(ModelConfigRules, Keys) {
  auto with = [](const std::string& more) { return "spec: {model: m, " + more + "}"; };
  refuse("ModelConfig", with("apiKeySecretKey: k"), "spec", "apiKeySecret must be set if apiKeySecretKey is set");
  refuse("ModelConfig", with("apiKeySecret: s"), "spec", "apiKeySecretKey must be set if apiKeySecret is set");
  for (auto free : {"Bedrock", "SAPAICore"}) {
    accept("ModelConfig", with(std::string("apiKeySecret: s, provider: ") + free));
    accept("ModelConfig", with(std::string("apiKeySecretKey: k, provider: ") + free));
  }
  refuse("ModelConfig", with("apiKeyPassthrough: true, apiKeySecret: s, apiKeySecretKey: k"), "spec",
         "apiKeyPassthrough and apiKeySecret are mutually exclusive");
  for (auto never : {"Gemini", "GeminiVertexAI", "AnthropicVertexAI"}) {
    refuse("ModelConfig", with(std::string("apiKeyPassthrough: true, provider: ") + never), "spec",
           "apiKeyPassthrough must be false if provider is Gemini;GeminiVertexAI;AnthropicVertexAI");
    accept("ModelConfig", with(std::string("apiKeyPassthrough: false, provider: ") + never));
  }
  accept("ModelConfig", with("apiKeyPassthrough: true"));
}

TEST(ModelConfigRules, OpenAi) {
  auto with = [](const std::string& more) { return "spec: {model: m, openAI: {" + more + "}}"; };
  refuse("ModelConfig", with("maxTokens: 1, maxCompletionTokens: 1"), "spec.openAI", "mutually exclusive");
  refuse("ModelConfig", with("maxTokens: 0"), "spec.openAI.maxTokens", "greater than or equal to 1");
  refuse("ModelConfig", with("maxCompletionTokens: 0"), "spec.openAI.maxCompletionTokens",
         "greater than or equal to 1");
  refuse("ModelConfig", with("temperature: 0.5"), "spec.openAI.temperature", "must be of type string");
  refuse("ModelConfig", with("apiFormat: xml"), "spec.openAI.apiFormat",
         "supported values: \"chatCompletions\", \"responses\"");
  refuse("ModelConfig", with("reasoningEffort: huge"), "spec.openAI.reasoningEffort", "Unsupported value: \"huge\"");
  for (auto effort : {"none", "minimal", "low", "medium", "high", "xhigh"})
    accept("ModelConfig", with(std::string("reasoningEffort: ") + effort));
}

TEST(ModelConfigRules, Tls) {
  auto with = [](const std::string& more) { return "spec: {model: m, tls: {" + more + "}}"; };
  refuse("ModelConfig", with("caCertSecretKey: k"), "spec.tls", "caCertSecretKey requires caCertSecretRef");
  refuse("ModelConfig", with("caCertSecretRef: s"), "spec.tls", "caCertSecretRef requires caCertSecretKey");
  refuse("ModelConfig", with("disableSystemCAs: true"), "spec.tls", "disableSystemCAs requires");
  for (auto good : {"caCertSecretRef: s, caCertSecretKey: k, disableSystemCAs: true",
                    "disableVerify: true, disableSystemCAs: true", "disableVerify: true"})
    accept("ModelConfig", with(good));
}

// ---- Agent

TEST(AgentRules, TypeAndItsMember) {
  std::string words = "declarative must be specified if type is Declarative, or byo must be specified if type is BYO";
  refuse("Agent", "spec: {}", "spec", words);
  refuse("Agent", "spec: {type: Declarative, byo: {}}", "spec", words);
  refuse("Agent", "spec: {type: BYO, declarative: {}}", "spec", words);
  refuse("Agent", "spec: {type: Other, declarative: {}}", "spec.type", "Unsupported value: \"Other\"");
  accept("Agent", "spec: {type: BYO, byo: {deployment: {image: i}}}");
}

void refuse_declarative(const std::string& members, const std::string& field, const std::string& words) {
  refuse("Agent", "spec: {declarative: {" + members + "}}", "spec.declarative" + field, words);
}

TEST(AgentRules, Declarative) {
  refuse_declarative("systemMessage: s, systemMessageFrom: {type: Secret, name: nn, key: k}", "",
                     "systemMessage and systemMessageFrom are mutually exclusive");
  refuse_declarative("systemMessageFrom: {type: File, name: nn, key: k}", ".systemMessageFrom.type",
                     "supported values: \"ConfigMap\", \"Secret\"");
  refuse_declarative("runtime: rust", ".runtime", "supported values: \"python\", \"go\"");
  refuse_declarative("promptTemplate: {dataSources: [" + times("{kind: ConfigMap, name: nn}", 21) + "]}",
                     ".promptTemplate.dataSources", "must have at most 20 items");
  refuse_declarative("a2aConfig: {skills: []}", ".a2aConfig.skills", "should have at least 1 items");
  refuse_declarative("a2aConfig: {skills: [{id: i, name: \"\"}]}", ".a2aConfig.skills[0].name", "at least 1 chars");
  refuse_declarative("a2aConfig: {skills: [{id: i, name: nn, tags: [" + times("t", 21) + "]}]}",
                     ".a2aConfig.skills[0].tags", "must have at most 20 items");
}

TEST(AgentRules, Tools) {
  std::string server = "mcpServer: {kind: RemoteMCPServer, name: s, toolNames: [a, b]}";
  accept("Agent", "spec: {declarative: {tools: [{type: McpServer, " + server + "}, {type: Agent, agent: {name: b}}]}}");
  refuse_declarative("tools: [{type: McpServer}]", ".tools[0]",
                     "type.mcpServer must be specified for McpServer filter.type");
  refuse_declarative("tools: [{type: Agent}]", ".tools[0]", "type.agent must be specified for Agent filter.type");
  refuse_declarative("tools: [{type: Agent, agent: {name: b}, " + server + "}]", ".tools[0]",
                     "type.mcpServer must be nil if the type is not McpServer");
  refuse_declarative("tools: [{type: McpServer, agent: {name: b}, " + server + "}]", ".tools[0]",
                     "type.agent must be nil if the type is not Agent");
  refuse_declarative("tools: [" + times("{type: McpServer, " + server + "}", 21) + "]", ".tools",
                     "Too many: 21: must have at most 20 items");
  refuse_declarative("tools: [{type: McpServer, mcpServer: {name: s, toolNames: [" + times("t", 51) + "]}}]",
                     ".tools[0].mcpServer.toolNames", "must have at most 50 items");
  refuse_declarative("tools: [{type: McpServer, mcpServer: {name: s, toolNames: [a], requireApproval: [b]}}]",
                     ".tools[0].mcpServer", "requireApproval");
  refuse_declarative("tools: [{type: McpServer, mcpServer: {name: s, requireApproval: [b]}}]", ".tools[0].mcpServer",
                     "requireApproval");
  accept("Agent",
         "spec: {declarative: {tools: [{type: McpServer, mcpServer: {name: s, toolNames: [a, b], requireApproval: "
         "[b]}}]}}");
}

TEST(AgentRules, Provider) {
  refuse("Agent", "spec: {declarative: {}, provider: {url: \"http://a\"}}", "spec.provider.organization",
         "Required value");
  refuse("Agent", "spec: {declarative: {}, provider: {organization: a}}", "spec.provider.url", "Required value");
  refuse("Agent", "spec: {declarative: {}, provider: {organization: \"\", url: \"http://a\"}}",
         "spec.provider.organization", "at least 1 chars");
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

TEST(ServiceRules, Ports) {
  refuse("Service", "spec: {ports: [{port: 0}]}", "spec.ports[0].port", "greater than or equal to 1");
  refuse("Service", "spec: {ports: [{port: 1}, {port: 1}]}", "spec.ports[1]", "Duplicate value");
  refuse("Service", "spec: {ports: [{}]}", "spec.ports[0].port", "Required value");
  refuse("Service", "spec: {type: Magic}", "spec.type", "Unsupported value: \"Magic\"");
  accept("Service", "spec: {ports: [{port: 1, protocol: TCP}, {port: 1, protocol: UDP}]}");
  accept("Service", "spec: {ports: [{port: 1, targetPort: http}, {port: 2, targetPort: 8080}]}");
}

TEST(Crds, NameAndGroup) {
  auto crd = [](const std::string& name) {
    return object("CustomResourceDefinition",
                  "spec: {group: g.example, names: {kind: K, plural: ks}, versions: [{name: v1}]}\nmetadata: {name: " +
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
  Value a = accept("Agent", "spec: {declarative: {memory: {anything: {deep: [1]}}}, sandbox: {x: y}}");
  EXPECT_EQ(dump(json::find(a, "spec", "declarative", "memory")), R"({"anything":{"deep":[1]}})");
}

}  // namespace
}  // namespace sl::control

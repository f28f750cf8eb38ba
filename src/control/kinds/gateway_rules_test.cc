// What the API refuses of HTTPRoute, Gateway, GatewayClass and ReferenceGrant.
// The rules are those that the CustomResourceDefinitions upstream carry; so are the words.
#include "control/kinds/kinds_test_kit.h"

namespace sl::control {
namespace {

using namespace kinds_test;

// ---- Gateway: who may attach

TEST(GatewayRules, FromNoneIsForListenersAlone) {
  std::string listeners = "listeners: [{name: a, port: 1, protocol: HTTP";
  refuse("Gateway", "spec: {gatewayClassName: c, " + listeners + ", allowedRoutes: {namespaces: {from: None}}}]}",
         "spec.listeners[0].allowedRoutes.namespaces.from", "supported values: \"All\", \"Selector\", \"Same\"");
  accept("Gateway", "spec: {gatewayClassName: c, allowedListeners: {namespaces: {from: None}}, " + listeners + "}]}");
  refuse("Gateway", "spec: {gatewayClassName: c, listeners: [{name: A, port: 1, protocol: HTTP}]}",
         "spec.listeners[0].name", "should match");
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

TEST(HttpRouteRules, ValuesOfQueryParameters) {
  accept("HTTPRoute",
         "spec: {rules: [{matches: [{queryParams: [{name: a, value: " + std::string(1024, 'x') + "}]}]}]}");
  refuse_rule("{matches: [{queryParams: [{name: a, value: " + std::string(1025, 'x') + "}]}]}",
              ".matches[0].queryParams[0].value", "Too long: may not be more than 1024 bytes");
}

TEST(HttpRouteRules, NamesAndHosts) {
  refuse("HTTPRoute", "spec: {parentRefs: [{name: g, sectionName: A_b}]}", "spec.parentRefs[0].sectionName",
         "should match");
  refuse("HTTPRoute", "spec: {parentRefs: [{name: g, namespace: a.b}]}", "spec.parentRefs[0].namespace",
         "should match");
  accept("HTTPRoute", "spec: {parentRefs: [{name: g, sectionName: a.b-1, namespace: a-b}]}");
  refuse_rule("{name: \"a b\"}", ".name", "should match");
  refuse_rule("{backendRefs: [{name: b, port: 1, namespace: A}]}", ".backendRefs[0].namespace", "should match");
  for (std::string host : {"*.a.example", "a.example:80", "A.example"}) {
    refuse_rule("{filters: [{type: RequestRedirect, requestRedirect: {hostname: \"" + host + "\"}}]}",
                ".filters[0].requestRedirect.hostname", "should match");
    refuse_rule("{filters: [{type: URLRewrite, urlRewrite: {hostname: \"" + host + "\"}}]}",
                ".filters[0].urlRewrite.hostname", "should match");
  }
  refuse_rule("{filters: [{type: ExtensionRef, extensionRef: {group: A, kind: k, name: n}}]}",
              ".filters[0].extensionRef.group", "should match");
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
      {"ExternalAuth", "externalAuth: {protocol: HTTP, http: {}, backendRef: {name: s, port: 80}}"},
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
    refuse_rule(redirect("statusCode: " + std::to_string(code)), at + ".statusCode",
                fmt::format(R"(Unsupported value: {}: supported values: "301", "302", "303", "307", "308")", code));
  refuse_rule(redirect("scheme: ftp"), at + ".scheme", "Unsupported value: \"ftp\"");
  refuse_rule(redirect("port: 0"), at + ".port", "greater than or equal to 1");
  refuse_rule(redirect("port: 65536"), at + ".port", "less than or equal to 65535");
}

TEST(HttpRouteRules, Mirrors) {
  auto mirror = [](const std::string& members) {
    return "{filters: [{type: RequestMirror, requestMirror: {" + members + "}}]}";
  };
  std::string at = ".filters[0].requestMirror", ref = "backendRef: {name: s, port: 80}";
  refuse_rule(mirror("percent: 5"), at + ".backendRef", "Required value");
  refuse_rule(mirror(ref + ", percent: 101"), at + ".percent", "less than or equal to 100");
  refuse_rule(mirror(ref + ", percent: 5, fraction: {numerator: 1}"), at,
              "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter");
  refuse_rule(mirror(ref + ", fraction: {numerator: 101}"), at + ".fraction",
              "numerator must be less than or equal to denominator");
  accept("HTTPRoute", "spec: {rules: [" + mirror(ref + ", fraction: {numerator: 1, denominator: 8}") + "]}");
}

TEST(HttpRouteRules, Cors) {
  auto cors = [](const std::string& members) { return "{filters: [{type: CORS, cors: {" + members + "}}]}"; };
  std::string at = ".filters[0].cors";
  refuse_rule(cors("maxAge: 0"), at + ".maxAge", "greater than or equal to 1");
  refuse_rule(cors("allowMethods: [NOPE]"), at + ".allowMethods[0]", "Unsupported value: \"NOPE\"");
  refuse_rule(cors("allowMethods: [GET, \"*\"]"), at + ".allowMethods",
              "AllowMethods cannot contain '*' alongside other methods");
  refuse_rule(cors("allowOrigins: [" + times("o", 65) + "]"), at + ".allowOrigins", "must have at most 64 items");
  auto stored = accept("HTTPRoute", "spec: {rules: [" + cors("allowMethods: [\"*\"]") + "]}");
  EXPECT_EQ(json::num((*json::arr((*json::arr(stored, "spec", "rules"))[0], "filters"))[0], 0, "cors", "maxAge"), 5);
}

TEST(HttpRouteRules, ExternalAuth) {
  auto auth = [](const std::string& members) {
    return "{filters: [{type: ExternalAuth, externalAuth: {backendRef: {name: s, port: 80}, " + members + "}}]}";
  };
  std::string at = ".filters[0].externalAuth";
  refuse_rule(auth("protocol: TCP"), at + ".protocol", "Unsupported value: \"TCP\"");
  refuse_rule(auth("protocol: GRPC"), at, "grpc must be specified when protocol is set to 'GRPC'");
  refuse_rule(auth("protocol: HTTP, http: {}, grpc: {}"), at, "protocol must be 'GRPC' when grpc is set");
}

TEST(HttpRouteRules, RetriesAndSessions) {
  refuse_rule("{retry: {codes: [99]}}", ".retry.codes", "codes must be between 400 and 599");
  refuse_rule("{retry: {attempts: 0}}", ".retry.attempts", "greater than or equal to 1");
  refuse_rule("{retry: {backoff: soon}}", ".retry.backoff", "should match");
  refuse_rule("{sessionPersistence: {type: Magic}}", ".sessionPersistence.type", "Unsupported value: \"Magic\"");
  for (auto member : {"cookie", "cookieConfig"})
    refuse_rule(std::string("{sessionPersistence: {") + member + ": {lifetimeType: Permanent}}}", ".sessionPersistence",
                "AbsoluteTimeout must be specified when cookie lifetimeType is Permanent");
  accept("HTTPRoute", "spec: {rules: [{retry: {codes: [500, 503], attempts: 2, backoff: 100ms}}]}");
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
  refuse("Gateway", with("{type: Hostname, value: h}, {type: Hostname, value: h}"), "spec.addresses",
         "Hostname values must be unique");
  refuse("Gateway", with(times("{type: Hostname}", 17)), "spec.addresses", "must have at most 16 items");
  refuse("Gateway", with("{value: not-an-ip}"), "spec.addresses[0]", "IPAddress value must be an IPv4 or IPv6 address");
  refuse("Gateway", with("{type: Hostname, value: \"a b\"}"), "spec.addresses[0]",
         "Hostname value must be empty or contain only valid characters");
  refuse("Gateway", with("{type: \"BAD TYPE!\", value: x}"), "spec.addresses[0].type", "should match");
  accept("Gateway", with("{value: \"::1\"}, {type: example.com/pool, value: any}"));
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

TEST(GatewayRules, InfrastructureHasKeysOfKubernetes) {
  auto with = [](const std::string& members) {
    return "spec: {gatewayClassName: c, listeners: [{name: a, port: 1, protocol: HTTP}], infrastructure: {" + members +
           "}}";
  };
  accept("Gateway", with("labels: {a.example/b_c: v, d: \"\"}, annotations: {x/y: any text}"));
  std::string at = "spec.infrastructure.", form = " keys must be in the form of an optional DNS subdomain prefix";
  for (auto bad : {"\"bad key!\"", "a/b/c", "/a", "\"\""}) {
    refuse("Gateway", with(std::string("labels: {") + bad + ": v}"), at + "labels", "Label" + form);
    refuse("Gateway", with(std::string("annotations: {") + bad + ": v}"), at + "annotations", "Annotation" + form);
  }
  std::string prefix;
  for (int i = 0; i < 127; ++i) prefix += "a.";
  refuse("Gateway", with("labels: {" + prefix + "a/n: v}"), at + "labels",
         "the label key's prefix must be a DNS subdomain not longer than 253 characters in total.");
  for (auto& bad : {std::string("\"a b\""), std::string(64, 'x')})
    refuse("Gateway", with("labels: {a: " + bad + "}"), at + "labels", "label values must be of up to 63 characters");
}

TEST(GatewayRules, TlsOfClientsAndBackends) {
  auto with = [](const std::string& tls) {
    return "spec: {gatewayClassName: c, listeners: [{name: a, port: 1, protocol: HTTP}], tls: {" + tls + "}}";
  };
  accept("Gateway",
         with("backend: {clientCertificateRef: {name: s}}, frontend: {default: {validation: {caCertificateRefs: "
              "[{group: \"\", kind: ConfigMap, name: ca}]}}}"));
  refuse("Gateway", with("frontend: {}"), "spec.tls.frontend.default", "Required value");
  refuse("Gateway", with("frontend: {default: {validation: {caCertificateRefs: []}}}"),
         "spec.tls.frontend.default.validation.caCertificateRefs", "should have at least 1 items");
}

TEST(GatewayRules, NothingIsKnownBeforeTheControllerHasSeenIt) {
  auto shown = [](const Value& o) {
    std::string out;
    for (auto& c : *json::arr(o, "status", "conditions"))
      out += fmt::format("{}={}/{} ", json::str(c, "type"), json::str(c, "status"), json::str(c, "reason"));
    return out;
  };
  EXPECT_EQ(shown(accept("GatewayClass", "spec: {controllerName: a.io/b}")), "Accepted=Unknown/Pending ");
  EXPECT_EQ(shown(accept("Gateway", "spec: {gatewayClassName: c, listeners: [{name: a, port: 1, protocol: HTTP}]}")),
            "Accepted=Unknown/Pending Programmed=Unknown/Pending ");
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

}  // namespace
}  // namespace sl::control

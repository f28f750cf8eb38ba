// HTTPRoute: descriptions and the rules its CRD carries upstream, with their messages.
#include <re2/re2.h>

#include <map>
#include <set>

#include "resource/gateway/gateway.h"
#include "resource/gateway/patterns.h"

namespace sl::resource {

using json::Array;
using json::Object;
using json::Value;

namespace {

constexpr char kTypes[] = " when type one of ['Exact', 'PathPrefix']";

using Predicate = std::function<bool(const Value&, const Value*)>;

size_t count_filters(const Value& list, std::string_view type) {
  size_t n = 0;
  if (auto* a = list.if_array())
    for (auto& f : *a) n += json::str(f, "type") == type;
  return n;
}

bool replaces_prefix(const Value& rule, std::string_view filter_type, std::string_view member) {
  if (auto* filters = json::arr(rule, "filters"))
    for (auto& f : *filters)
      if (json::str(f, "type") == filter_type && json::str(f, member, "path", "type") == "ReplacePrefixMatch")
        return true;
  return false;
}

bool refs_replace_prefix(const Value& rule, std::string_view filter_type, std::string_view member) {
  auto* refs = json::arr(rule, "backendRefs");
  return refs &&
         std::any_of(refs->begin(), refs->end(), [&](auto& ref) { return replaces_prefix(ref, filter_type, member); });
}

bool one_prefix_match(const Value& rule) {
  auto* matches = json::arr(rule, "matches");
  return matches && matches->size() == 1 && json::str((*matches)[0], "path", "type") == "PathPrefix";
}

struct RouteParentStatus {
  Value parent_ref;
  std::string controller;
  std::vector<Condition> conditions;
};
void describe(json::Fields<RouteParentStatus>& f) {
  f.add("parentRef", &RouteParentStatus::parent_ref).doc("The parent, as in spec.").required().object();
  f.add("controllerName", &RouteParentStatus::controller).doc("Who wrote this entry.").required();
  f.add("conditions", &RouteParentStatus::conditions)
      .doc("Accepted, ResolvedRefs and more.")
      .items(0, 8)
      .list_map({"type"});
}
struct HttpRouteStatus {
  std::vector<RouteParentStatus> parents;
};
void describe(json::Fields<HttpRouteStatus>& f) {
  f.doc("State of the route, for each parent.");
  f.add("parents", &HttpRouteStatus::parents).doc("One entry per parent and controller.").required().items(0, 32);
}

}  // namespace

void describe(json::Fields<ParentReference>& f) {
  f.doc("The gateway or listener that the route attaches to.");
  f.add("group", &ParentReference::group).doc("API group.").defaults(kGatewayGroup).pattern(kGroup).length(0, 253);
  f.add("kind", &ParentReference::kind).doc("Kind.").defaults("Gateway").pattern(kKind).length(1, 63);
  f.add("namespace", &ParentReference::ns)
      .doc("Namespace; the route's own when absent.")
      .length(1, 63)
      .pattern(kNamespace);
  f.add("name", &ParentReference::name).doc("Name.").required().length(1, 253);
  f.add("sectionName", &ParentReference::section_name).doc("Listener name.").length(1, 253).pattern(kSectionName);
  f.add("port", &ParentReference::port).doc("Listener port.").min(1).max(65535);
}

void describe(json::Fields<BackendObjectReference>& f) {
  f.add("group", &BackendObjectReference::group)
      .doc("API group; empty for core.")
      .defaults("")
      .pattern(kGroup)
      .length(0, 253);
  f.add("kind", &BackendObjectReference::kind).doc("Kind.").defaults("Service").pattern(kKind).length(1, 63);
  f.add("name", &BackendObjectReference::name).doc("Name.").required().length(1, 253);
  f.add("namespace", &BackendObjectReference::ns)
      .doc("Namespace; another one needs a ReferenceGrant.")
      .length(1, 63)
      .pattern(kNamespace);
  f.add("port", &BackendObjectReference::port).doc("Port; required for a Service.").min(1).max(65535);
  f.rule("Must have port for Service reference", [](const Value& s, const Value*) {
    return !json::str(s, "group").empty() || json::str(s, "kind") != "Service" || has(s, "port");
  });
}

void describe(json::Fields<HttpHeader>& f) {
  f.add("name", &HttpHeader::name).doc("Name, case-insensitive.").required().length(1, 256).pattern(kHeaderName);
  f.add("value", &HttpHeader::value)
      .doc("Value.")
      .required()
      .length(1, 4096)
      .rule("must not contain control characters", [](const Value& v, const Value*) {
        for (unsigned char c : json::view(v.get_string()))
          if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
        return true;
      });
}

void describe(json::Fields<HeaderFilter>& f) {
  f.doc("Changes header fields.");
  f.add("set", &HeaderFilter::set).doc("Overwrite.").items(0, 16).list_map({"name"});
  f.add("add", &HeaderFilter::add).doc("Append.").items(0, 16).list_map({"name"});
  f.add("remove", &HeaderFilter::remove).doc("Remove.").items(0, 16).list_set();
}

void describe(json::Fields<PathModifier>& f) {
  f.doc("How the path is changed.");
  f.add("type", &PathModifier::type)
      .doc("ReplaceFullPath or ReplacePrefixMatch.")
      .required()
      .one_of({"ReplaceFullPath", "ReplacePrefixMatch"});
  f.add("replaceFullPath", &PathModifier::full).doc("The new path.").length(0, 1024);
  f.add("replacePrefixMatch", &PathModifier::prefix).doc("What replaces the matched prefix.").length(0, 1024);
  auto pair = [&](std::string type, std::string member) {
    f.rule(member + " must be specified when type is set to '" + type + "'",
           [=](const Value& s, const Value*) { return json::str(s, "type") != type || has(s, member); });
    f.rule("type must be '" + type + "' when " + member + " is set",
           [=](const Value& s, const Value*) { return !has(s, member) || json::str(s, "type") == type; });
  };
  pair("ReplaceFullPath", "replaceFullPath");
  pair("ReplacePrefixMatch", "replacePrefixMatch");
}

void describe(json::Fields<RedirectFilter>& f) {
  f.doc("Answers with a redirect.");
  f.add("scheme", &RedirectFilter::scheme).doc("http or https.").one_of({"http", "https"});
  f.add("hostname", &RedirectFilter::hostname).doc("Host of the Location.").length(1, 253).pattern(kPreciseHostname);
  f.add("path", &RedirectFilter::path).doc("Path of the Location.");
  f.add("port", &RedirectFilter::port).doc("Port of the Location.").min(1).max(65535);
  f.add("statusCode", &RedirectFilter::status_code)
      .doc("301, 302, 303, 307 or 308.")
      .defaults(302)
      .one_of_values({301, 302, 303, 307, 308});
}

void describe(json::Fields<RewriteFilter>& f) {
  f.doc("Changes the request before it is forwarded.");
  f.add("hostname", &RewriteFilter::hostname).doc("New Host.").length(1, 253).pattern(kPreciseHostname);
  f.add("path", &RewriteFilter::path).doc("New path.");
}

void describe(json::Fields<LocalObjectReference>& f) {
  f.add("group", &LocalObjectReference::group).doc("API group.").required().pattern(kGroup).length(0, 253);
  f.add("kind", &LocalObjectReference::kind).doc("Kind.").required().pattern(kKind).length(1, 63);
  f.add("name", &LocalObjectReference::name).doc("Name.").required().length(1, 253);
}

void describe(json::Fields<HttpRouteFilter>& f) {
  f.doc("A step of request or response processing.");
  const std::vector<std::pair<std::string, std::string>> members = {
      {"RequestHeaderModifier", "requestHeaderModifier"},
      {"ResponseHeaderModifier", "responseHeaderModifier"},
      {"RequestMirror", "requestMirror"},
      {"RequestRedirect", "requestRedirect"},
      {"URLRewrite", "urlRewrite"},
      {"CORS", "cors"},
      {"ExternalAuth", "externalAuth"},
      {"ExtensionRef", "extensionRef"}};
  std::vector<std::string> types;
  for (auto& [type, member] : members) types.push_back(type);
  f.add("type", &HttpRouteFilter::type).doc("Which filter.").required().one_of(types);
  f.add("requestHeaderModifier", &HttpRouteFilter::request_header).doc("Changes request fields.");
  f.add("responseHeaderModifier", &HttpRouteFilter::response_header).doc("Changes response fields.");
  f.add("requestMirror", &HttpRouteFilter::mirror).doc("Sends a copy elsewhere.");
  f.add("requestRedirect", &HttpRouteFilter::redirect).doc("Answers with a redirect.");
  f.add("urlRewrite", &HttpRouteFilter::rewrite).doc("Changes host or path.");
  f.add("cors", &HttpRouteFilter::cors).doc("Cross-origin rules.");
  f.add("externalAuth", &HttpRouteFilter::external_auth).doc("Asks another service (experimental).");
  f.add("extensionRef", &HttpRouteFilter::extension_ref).doc("A filter of the implementation.");
  for (auto& [type, member] : members) {
    f.rule("filter." + member + " must be nil if the filter.type is not " + type,
           [=](const Value& s, const Value*) { return !has(s, member) || json::str(s, "type") == type; });
    f.rule("filter." + member + " must be specified for " + type + " filter.type",
           [=](const Value& s, const Value*) { return json::str(s, "type") != type || has(s, member); });
  }
}

static void describe_filter_list(json::FieldRef list) {
  list.items(0, 16).rule(
      "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both",
      [](const Value& s, const Value*) {
        return !count_filters(s, "RequestRedirect") || !count_filters(s, "URLRewrite");
      });
  for (std::string type : {"CORS", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite"})
    list.rule(type + " filter cannot be repeated",
              [type](const Value& s, const Value*) { return count_filters(s, type) <= 1; });
}

void describe(json::Fields<HttpBackendRef>& f) {
  f.include<BackendObjectReference>();
  f.doc("Where requests go.");
  f.add("weight", &HttpBackendRef::weight)
      .doc("Share of requests among the rule's backends.")
      .defaults(1)
      .min(0)
      .max(1000000);
  describe_filter_list(f.add("filters", &HttpBackendRef::filters).doc("Filters for this backend alone."));
}

template <class T>
static void describe_match(json::Fields<T>& f, size_t value_max) {
  auto of = [](std::string NamedMatch::* member) { return static_cast<std::string T::*>(member); };
  f.add("type", of(&NamedMatch::type))
      .doc("Exact or RegularExpression.")
      .one_of({"Exact", "RegularExpression"})
      .defaults("Exact");
  f.add("name", of(&NamedMatch::name)).doc("Name.").required().length(1, 256).pattern(kHeaderName);
  f.add("value", of(&NamedMatch::value)).doc("Value or expression.").required().length(1, value_max);
}
void describe(json::Fields<HeaderMatch>& f) {
  describe_match(f, 4096);
}
void describe(json::Fields<QueryMatch>& f) {
  describe_match(f, 1024);
}

void describe(json::Fields<PathMatch>& f) {
  f.doc("Matches the path.");
  f.add("type", &PathMatch::type)
      .doc("Exact, PathPrefix or RegularExpression.")
      .one_of({"Exact", "PathPrefix", "RegularExpression"})
      .defaults("PathPrefix");
  f.add("value", &PathMatch::value).doc("Path or expression.").defaults("/").length(0, 1024);
  auto literal = [](const Value& s) { return json::str(s, "type") != "RegularExpression"; };
  f.rule(std::string("value must be an absolute path and start with '/'") + kTypes,
         [=](const Value& s, const Value*) { return !literal(s) || json::str(s, "value").starts_with('/'); });
  for (std::string bad : {"//", "/./", "/../", "%2f", "%2F", "#"})
    f.rule("must not contain '" + bad + "'" + kTypes, [=](const Value& s, const Value*) {
      return !literal(s) || json::str(s, "value").find(bad) == std::string_view::npos;
    });
  for (std::string bad : {"/..", "/."})
    f.rule("must not end with '" + bad + "'" + kTypes,
           [=](const Value& s, const Value*) { return !literal(s) || !json::str(s, "value").ends_with(bad); });
  static const re2::RE2 kValid("^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$");
  f.rule(
      "must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types "
      "['Exact', 'PathPrefix']",
      [=](const Value& s, const Value*) {
        auto v = json::str(s, "value");
        return !literal(s) || re2::RE2::FullMatch({v.data(), v.size()}, kValid);
      });
}

void describe(json::Fields<HttpRouteMatch>& f) {
  f.doc("All conditions of a match must hold.");
  f.add("path", &HttpRouteMatch::path).doc("Path.").defaults(Object{{"type", "PathPrefix"}, {"value", "/"}});
  f.add("headers", &HttpRouteMatch::headers).doc("Header fields.").items(0, 16).list_map({"name"});
  f.add("queryParams", &HttpRouteMatch::query_params).doc("Query parameters.").items(0, 16).list_map({"name"});
  f.add("method", &HttpRouteMatch::method)
      .doc("Method.")
      .one_of({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"});
}

void describe(json::Fields<HttpRouteTimeouts>& f) {
  f.add("request", &HttpRouteTimeouts::request)
      .doc("For the whole exchange with the client; 0s is none.")
      .pattern(kDuration);
  f.add("backendRequest", &HttpRouteTimeouts::backend_request).doc("For one request to a backend.").pattern(kDuration);
  f.rule("backendRequest timeout cannot be longer than request timeout", [](const Value& s, const Value*) {
    if (!has(s, "request") || !has(s, "backendRequest")) return true;
    auto request = parse_duration_ms(json::str(s, "request")),
         backend = parse_duration_ms(json::str(s, "backendRequest"));
    return !request || !backend || *request == 0 || *backend <= *request;
  });
}

void describe(json::Fields<HttpRouteRule>& f) {
  f.doc("Matches, what is done to a matching request, and where it goes.");
  f.add("name", &HttpRouteRule::name).doc("Unique in the route.").length(1, 253).pattern(kSectionName);
  f.add("matches", &HttpRouteRule::matches)
      .doc("Any of these.")
      .items(0, 64)
      .defaults(Array{Object{{"path", Object{{"type", "PathPrefix"}, {"value", "/"}}}}});
  describe_filter_list(f.add("filters", &HttpRouteRule::filters).doc("Processing steps."));
  f.add("backendRefs", &HttpRouteRule::backend_refs).doc("Backends by weight.").items(0, 16);
  f.add("timeouts", &HttpRouteRule::timeouts).doc("Time limits.");
  f.add("retry", &HttpRouteRule::retry).doc("Retries (experimental).");
  f.add("sessionPersistence", &HttpRouteRule::session_persistence).doc("Stickiness (experimental).");
  f.rule("RequestRedirect filter must not be used together with backendRefs", [](const Value& s, const Value*) {
    auto *refs = json::arr(s, "backendRefs"), *filters = json::arr(s, "filters");
    return !refs || refs->empty() || !filters || !count_filters(*filters, "RequestRedirect");
  });
  f.rule(
      "When using RequestRedirect filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified",
      [](const Value& s, const Value*) {
        return !replaces_prefix(s, "RequestRedirect", "requestRedirect") || one_prefix_match(s);
      });
  f.rule("When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified",
         [](const Value& s, const Value*) {
           return !replaces_prefix(s, "URLRewrite", "urlRewrite") || one_prefix_match(s);
         });
  f.rule(
      "Within backendRefs, when using RequestRedirect filter with path.replacePrefixMatch, exactly one PathPrefix "
      "match "
      "must be specified",
      [](const Value& s, const Value*) {
        return !refs_replace_prefix(s, "RequestRedirect", "requestRedirect") || one_prefix_match(s);
      });
  f.rule(
      "Within backendRefs, When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match "
      "must "
      "be specified",
      [](const Value& s, const Value*) {
        return !refs_replace_prefix(s, "URLRewrite", "urlRewrite") || one_prefix_match(s);
      });
}

static bool parents_distinct(const Value& list, bool need_section) {
  std::map<std::string, std::vector<std::string>> seen;
  for (auto& p : list.get_array()) {
    std::string key = std::string(json::str(p, "group")) + "/" + std::string(json::str(p, "kind")) + "/" +
                      std::string(json::str(p, "namespace")) + "/" + std::string(json::str(p, "name"));
    std::string section = std::string(json::str(p, "sectionName"));
    if (has(p, "port")) section += ":" + std::to_string(json::num(p, 0, "port"));
    seen[key].push_back(section);
  }
  for (auto& [key, sections] : seen) {
    if (sections.size() < 2) continue;
    std::set<std::string> distinct(sections.begin(), sections.end());
    if (need_section ? distinct.contains("") : distinct.size() != sections.size()) return false;
  }
  return true;
}

void describe(json::Fields<HttpRouteSpec>& f) {
  f.doc("The routing that is wanted.");
  f.add("parentRefs", &HttpRouteSpec::parent_refs)
      .doc("Gateways to attach to.")
      .items(0, 32)
      .rule("sectionName or port must be specified when parentRefs includes 2 or more references to the same parent",
            [](const Value& s, const Value*) { return parents_distinct(s, true); })
      .rule("sectionName or port must be unique when parentRefs includes 2 or more references to the same parent",
            [](const Value& s, const Value*) { return parents_distinct(s, false); });
  f.add("hostnames", &HttpRouteSpec::hostnames).doc("Hosts matched; all when empty.").items(0, 16);
  f.add("rules", &HttpRouteSpec::rules)
      .doc("Rules.")
      .items(1, 16)
      .defaults(Array{Object{{"matches", Array{Object{{"path", Object{{"type", "PathPrefix"}, {"value", "/"}}}}}}}})
      .rule(
          "While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route "
          "must be less than 128",
          [](const Value& s, const Value*) {
            size_t n = 0;
            for (auto& r : s.get_array())
              if (auto* m = json::arr(r, "matches")) n += m->size();
            return n <= 128;
          })
      .rule("Rule name must be unique within the route", [](const Value& s, const Value*) {
        std::set<std::string> seen;
        for (auto& r : s.get_array())
          if (has(r, "name") && !seen.emplace(json::str(r, "name")).second) return false;
        return true;
      });
  f.add("useDefaultGateways", &HttpRouteSpec::use_default_gateways).doc("Attach to default gateways (experimental).");
}

KindInfo http_route_kind() {
  KindInfo k;
  k.group = kGatewayGroup;
  k.kind = "HTTPRoute";
  k.plural = "httproutes";
  k.singular = "httproute";
  k.versions = {"v1", "v1beta1"};
  k.categories = {"gateway-api"};
  k.doc = "Routes HTTP requests from gateways to backends.";
  auto spec = std::make_shared<json::Schema>(json::schema_of<HttpRouteSpec>());
  for (auto& p : spec->properties) {
    if (p.name != "hostnames") continue;
    auto list = std::make_shared<json::Schema>(*p.schema);
    auto item = std::make_shared<json::Schema>(*list->items);
    item->pattern = kHostname;
    item->min_length = 1;
    item->max_length = 253;
    list->items = item;
    p.schema = list;
  }
  k.members = {{"spec", spec, true}, member<HttpRouteStatus>("status")};
  k.columns = {{"Hostnames", "string", ".spec.hostnames"}, {"Age", "date", ".metadata.creationTimestamp"}};
  return k;
}

}  // namespace sl::resource

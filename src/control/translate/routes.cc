// HTTPRoutes: attachment to listeners, rules of the RouteSpec, and conditions per parent.
#include <fmt/format.h>

#include "base/strings.h"
#include "control/status/conditions.h"
#include "control/translate/translate.h"
#include "route/spec/regex.h"

namespace sl::control {

using json::Array;
using json::Object;
using json::Value;
using resource::HttpRouteRule;

namespace {

// 0: the route says nothing.
int64_t timeout_ms(const std::string& text) {
  auto ms = resource::parse_duration_ms(text);
  return !ms ? 0 : *ms == 0 ? route::kNoTimeoutMs : *ms;
}

struct Refs {  // of a whole route
  bool resolved = true;
  std::string reason = "ResolvedRefs", message = "all references resolved";
  void fail(std::string why, std::string words) {
    if (!resolved) return;  // the first one is told
    resolved = false;
    reason = std::move(why);
    message = std::move(words);
  }
};

struct Unsupported {
  std::vector<std::string> fields;      // kept, not acted on
  std::map<size_t, std::string> rules;  // by index: a rule that cannot be carried out
  std::vector<std::string> shares;      // backendRefs that cannot

  std::string words() const {
    std::vector<std::string> all = shares;
    for (auto& [i, why] : rules) all.push_back(fmt::format("rule {}: {}", i, why));
    return join(all, ", ");
  }
};

// ---- rules

route::PathChange path_change(const resource::PathModifier& p) {
  return p.type == "ReplaceFullPath" ? route::PathChange{"full", p.full.value_or("")}
                                     : route::PathChange{"prefix", p.prefix.value_or("")};
}

route::HeaderChange header_change(const resource::HeaderFilter& f) {
  route::HeaderChange out;
  for (auto& h : f.set) out.set.push_back({h.name, h.value});
  for (auto& h : f.add) out.add.push_back({h.name, h.value});
  out.remove = f.remove;
  return out;
}

// The words for a filter that cannot be carried out, or "".
std::string translate_filter(const resource::HttpRouteFilter& f, route::Filters& out) {
  if (f.request_header)
    out.request_headers = header_change(*f.request_header);
  else if (f.response_header)
    out.response_headers = header_change(*f.response_header);
  else if (f.redirect) {
    route::Redirect r;
    r.scheme = f.redirect->scheme;
    r.hostname = f.redirect->hostname;
    if (f.redirect->path) r.path = path_change(*f.redirect->path);
    if (f.redirect->port) r.port = *f.redirect->port;
    r.status = f.redirect->status_code;
    out.redirect = std::move(r);
  } else if (f.rewrite) {
    route::Rewrite r;
    r.hostname = f.rewrite->hostname;
    if (f.rewrite->path) r.path = path_change(*f.rewrite->path);
    out.rewrite = std::move(r);
  } else {
    return fmt::format("filter {} is not supported yet", f.type);
  }
  return "";
}

std::string translate_filters(const std::vector<resource::HttpRouteFilter>& list, route::Filters& out) {
  for (auto& f : list)
    if (auto words = translate_filter(f, out); !words.empty()) return words;
  return "";
}

std::string check_regex(const std::string& text) {
  auto re = route::compile_regex(text);
  return re ? "" : re.error().message;
}

// `fields`: header fields, whose names have no case.
std::string translate_named(const auto& from, bool fields, std::vector<route::HeaderMatch>& to) {
  for (auto& h : from) {
    bool regex = h.type == "RegularExpression";
    if (regex)
      if (auto bad = check_regex(h.value); !bad.empty()) return bad;
    bool seen = false;  // of equivalent names only the first counts
    for (auto& t : to) seen |= fields ? iequals(t.name, h.name) : t.name == h.name;
    if (!seen) to.push_back({h.name, h.value, regex});
  }
  return "";
}

// The words for a match that cannot be carried out, or "".
std::string translate_match(const resource::HttpRouteMatch& m, route::Match& out) {
  if (m.path) {
    out.path.type = m.path->type == "Exact" ? "exact" : m.path->type == "RegularExpression" ? "regex" : "prefix";
    out.path.value = m.path->value;
    if (out.path.type == "regex")
      if (auto bad = check_regex(out.path.value); !bad.empty()) return bad;
  }
  out.method = m.method;
  std::string bad = translate_named(m.headers, true, out.headers);
  return bad.empty() ? translate_named(m.query_params, false, out.query) : bad;
}

class RouteTranslator {
 public:
  RouteTranslator(const ResourceIndex& index, const Held<resource::HttpRouteSpec>& route)
      : index_(index), route_(route) {}

  Refs refs;
  Unsupported unsupported;

  std::vector<route::Rule> rules(Translation& out) {
    std::vector<route::Rule> made;
    for (size_t i = 0; i < route_.spec.rules.size(); ++i) made.push_back(rule(route_.spec.rules[i], i, out));
    return made;
  }

 private:
  route::Rule rule(const HttpRouteRule& r, size_t i, Translation& out) {
    route::Rule made;
    made.name = r.name;
    auto broken = [&](const std::string& words) {
      made.error = words;
      unsupported.rules.try_emplace(i, words);
    };
    for (auto& m : r.matches) {
      route::Match match;
      if (auto words = translate_match(m, match); !words.empty()) {
        broken(words);
        match = {};
        if (m.path && m.path->type != "RegularExpression")
          match.path = {m.path->type == "Exact" ? "exact" : "prefix", m.path->value};
        else
          continue;  // an unreadable expression matches nothing
      }
      made.matches.push_back(std::move(match));
    }
    if (made.matches.empty() && !r.matches.empty())
      made.matches.push_back({{"exact", "\x01"}, "", {}, {}});  // never matches
    if (auto words = translate_filters(r.filters, made.filters); !words.empty()) broken(words);
    if (r.timeouts) {
      made.request_timeout_ms = timeout_ms(r.timeouts->request);
      made.backend_timeout_ms = timeout_ms(r.timeouts->backend_request);
    }
    if (r.retry) unsupported.fields.push_back(fmt::format("spec.rules[{}].retry", i));
    if (r.session_persistence) unsupported.fields.push_back(fmt::format("spec.rules[{}].sessionPersistence", i));
    for (auto& b : r.backend_refs) made.backends.push_back(share(b, out));
    return made;
  }

  route::WeightedBackend share(const resource::HttpBackendRef& b, Translation& out) {
    route::WeightedBackend made;
    made.weight = b.weight;
    auto words = translate_filters(b.filters, made.filters);
    if (made.filters.redirect) words = "filter RequestRedirect is of no use at a backendRef; put it on the rule";
    if (!words.empty()) {
      made.error = words;
      unsupported.shares.push_back(fmt::format("backendRef {}: {}", b.name, words));
    }
    std::string ns = b.ns.empty() ? route_.ns() : b.ns;
    bool backend = b.group == resource::kKgatewayGroup && b.kind == "Backend";
    bool service = b.group.empty() && b.kind == "Service";
    std::string what = fmt::format("{} {}/{}", b.kind, ns, b.name);
    auto unresolved = [&](std::string reason, const std::string& words) {
      refs.fail(std::move(reason), words);
      if (made.error.empty()) made.error = words;
    };
    if (!backend && !service) {
      unresolved(
          "InvalidKind",
          fmt::format("backendRef {}: kind {} of group \"{}\" is not supported; supported are Service and {} Backend",
                      b.name, b.kind, b.group, resource::kKgatewayGroup));
    } else if (ns != route_.ns() &&
               !granted(index_, {resource::kGatewayGroup, "HTTPRoute", route_.ns()}, ns, {b.group, b.kind, b.name})) {
      unresolved(
          "RefNotPermitted",
          fmt::format("backendRef {}: no ReferenceGrant in namespace {} lets HTTPRoutes of namespace {} refer to it",
                      what, ns, route_.ns()));
    } else if (backend && index_.backends.contains(ns + "/" + b.name)) {
      std::string name = ns + "/" + b.name;
      bool accepted = std::any_of(out.routes.backends.begin(), out.routes.backends.end(),
                                  [&](auto& have) { return have.name == name; });
      if (accepted)
        made.backend = name;
      else if (made.error.empty())
        made.error = fmt::format("{} is not accepted: its conditions say why", what);
      return made;
    } else if (service && index_.services.contains(ns + "/" + b.name)) {
      auto& object = *index_.services.at(ns + "/" + b.name);
      auto* port = port_of(object, b.port.value_or(0));
      std::string_view protocol = port ? json::str(*port, "appProtocol") : std::string_view();
      if (!port && has_ports(object))
        unresolved("BackendNotFound",
                   fmt::format("{} has no port {}; its ports are {}", what, b.port.value_or(0), ports_of(object)));
      else if (!protocol.empty() && !iequals(protocol, "http"))
        unresolved("UnsupportedProtocol",
                   fmt::format("{} port {}: appProtocol {} is not supported yet; supported is http", what,
                               b.port.value_or(0), protocol));
      else
        made.backend = service_backend(ns, b, out);
    } else {
      unresolved("BackendNotFound", fmt::format("{} not found", what));
    }
    return made;
  }

  static bool has_ports(const Value& service) {
    auto* ports = json::arr(service, "spec", "ports");
    return ports && !ports->empty();
  }
  static const Value* port_of(const Value& service, int64_t number) {
    if (has_ports(service))
      for (auto& p : *json::arr(service, "spec", "ports"))
        if (json::num(p, 0, "port") == number) return &p;
    return nullptr;
  }
  static std::string ports_of(const Value& service) {
    std::vector<std::string> out;
    for (auto& p : *json::arr(service, "spec", "ports")) out.push_back(std::to_string(json::num(p, 0, "port")));
    return join(out, ", ");
  }

  // A Service is reached at its external name or cluster address: there are no pods here to balance over.
  std::string service_backend(const std::string& ns, const resource::HttpBackendRef& b, Translation& out) {
    auto& service = *index_.services.at(ns + "/" + b.name);
    std::string host(json::str(service, "spec", "externalName"));
    if (host.empty()) host = json::str(service, "spec", "clusterIP");
    std::string name = fmt::format("service/{}/{}:{}", ns, b.name, b.port.value_or(0));
    for (auto& have : out.routes.backends)
      if (have.name == name) return name;
    route::Backend made;
    made.name = name;
    // A Service without an address is one without ready endpoints: the reference resolves, and requests get 503.
    if (!host.empty() && host != "None") made.endpoints.push_back({host, b.port.value_or(80)});
    out.routes.backends.push_back(std::move(made));
    return name;
  }

  const ResourceIndex& index_;
  const Held<resource::HttpRouteSpec>& route_;
};

// ---- attachment

bool hosts_intersect(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty() || iequals(a, b)) return true;
  auto wild = [](std::string_view w, std::string_view h) {
    return w.starts_with("*.") && h.size() > w.size() - 1 && iequals(h.substr(h.size() - w.size() + 1), w.substr(1));
  };
  return wild(a, b) || wild(b, a);
}

bool namespace_allowed(const ResourceIndex& index, const resource::Listener& l, const std::string& gateway_ns,
                       const std::string& route_ns) {
  std::string from = "Same";
  if (l.allowed_routes && l.allowed_routes->namespaces && !l.allowed_routes->namespaces->from.empty())
    from = l.allowed_routes->namespaces->from;
  if (from == "All") return true;
  if (from == "Same") return gateway_ns == route_ns;
  if (from != "Selector") return false;
  auto ns = index.namespaces.find(route_ns);
  if (ns == index.namespaces.end() || !l.allowed_routes->namespaces->selector) return false;
  auto selector = kube::LabelSelector::from_object(json::encode(*l.allowed_routes->namespaces->selector));
  return selector && selector->matches(*ns->second);
}

bool kind_allowed(const resource::Listener& l) {
  if (!l.allowed_routes || l.allowed_routes->kinds.empty()) return true;
  for (auto& k : l.allowed_routes->kinds)
    if (k.kind == "HTTPRoute" && (k.group.empty() || k.group == resource::kGatewayGroup)) return true;
  return false;
}

struct Attachment {
  bool accepted = false;
  std::string reason = "NoMatchingParent", message;
  std::vector<std::string> listeners;  // keys
};

Attachment attach(const ResourceIndex& index, const Held<resource::HttpRouteSpec>& route,
                  const resource::ParentReference& ref, const Held<resource::GatewaySpec>& gateway) {
  Attachment out;
  std::string protocol;  // that is not supported
  bool section = false, served = false, allowed = false, host = false;
  for (auto& l : gateway.spec.listeners) {
    if (!ref.section_name.empty() && ref.section_name != l.name) continue;
    if (ref.port && *ref.port != l.port) continue;
    section = true;
    if (!listener_supported(l)) {
      protocol = l.protocol;
      continue;
    }
    served = true;
    if (!namespace_allowed(index, l, gateway.ns(), route.ns()) || !kind_allowed(l)) continue;
    allowed = true;
    bool fits = route.spec.hostnames.empty();
    for (auto& h : route.spec.hostnames) fits |= hosts_intersect(l.hostname, h);
    if (!fits) continue;
    host = true;
    out.listeners.push_back(gateway.key() + "/" + l.name);
  }
  out.accepted = host;
  if (host) {
    out.reason = "Accepted";
    out.message = "route accepted";
  } else if (allowed) {
    out.reason = "NoMatchingListenerHostname";
    out.message =
        fmt::format("no listener of Gateway {} has a hostname that intersects the route's hostnames", gateway.key());
  } else if (section && !served) {
    out.reason = "NotAllowedByListeners";
    out.message = fmt::format("the listener of Gateway {} does not serve: protocol {} is not supported yet",
                              gateway.key(), protocol);
  } else if (section) {
    out.reason = "NotAllowedByListeners";
    out.message =
        fmt::format("no listener of Gateway {} allows HTTPRoutes from namespace {}", gateway.key(), route.ns());
  } else {
    out.message = fmt::format("Gateway {} has no listener{}{}", gateway.key(),
                              ref.section_name.empty() ? "" : " named " + ref.section_name,
                              ref.port ? fmt::format(" on port {}", *ref.port) : "");
  }
  return out;
}

const Value* old_parent(const Value& object, const Value& parent_ref, std::string_view controller) {
  if (auto* parents = json::arr(object, "status", "parents"))
    for (auto& p : *parents) {
      auto* ref = json::find(p, "parentRef");
      if (ref && json::equal(*ref, parent_ref) && json::str(p, "controllerName") == controller) return &p;
    }
  return nullptr;
}

// Nothing of the route can be carried out: it is not accepted, and answers 500.
bool useless(const Held<resource::HttpRouteSpec>& route, const Unsupported& unsupported) {
  return !unsupported.rules.empty() && unsupported.rules.size() == route.spec.rules.size();
}

Object parent_status(const Held<resource::HttpRouteSpec>& route, const resource::ParentReference& ref,
                     std::string_view controller, const Attachment& a, const RouteTranslator& t) {
  Value parent_ref = json::encode(ref);
  Conditions c(old_parent(*route.object, parent_ref, controller), route.generation());
  auto& unsupported = t.unsupported;
  if (a.accepted && useless(route, unsupported))
    c.set("Accepted", false, "UnsupportedValue", unsupported.words());
  else
    c.set("Accepted", a.accepted, a.reason, a.message);
  c.set("ResolvedRefs", t.refs.resolved, t.refs.reason, t.refs.message);
  if (auto words = unsupported.words(); !words.empty() && c.holds("Accepted"))
    c.set("PartiallyInvalid", true, "UnsupportedValue", "Dropped Rule " + words);
  if (!unsupported.fields.empty())
    c.set("UnsupportedFeatures", true, "UnsupportedFeatures",
          "kept but not acted on yet: " + join(unsupported.fields, ", "));
  return Object{{"parentRef", std::move(parent_ref)}, {"controllerName", controller}, {"conditions", c.take()}};
}

// Entries that other controllers wrote stay.
void keep_foreign(const Value& object, Array& parents) {
  if (auto* old = json::arr(object, "status", "parents"))
    for (auto& p : *old)
      if (!our_controller(json::str(p, "controllerName"))) parents.push_back(p);
}

void translate_route(const ResourceIndex& index, const Held<resource::HttpRouteSpec>& route, Translation& out,
                     RouteAttachments& attached) {
  RouteTranslator t(index, route);
  route::Route made;
  made.name = route.key();
  made.hostnames = route.spec.hostnames;
  made.created_unix_s = parse_rfc3339(json::str(*route.object, "metadata", "creationTimestamp")).value_or(0) / 1000;
  made.rules = t.rules(out);
  if (!route.spec.use_default_gateways.empty()) t.unsupported.fields.push_back("spec.useDefaultGateways");
  Array parents;
  keep_foreign(*route.object, parents);
  bool ours = false;
  for (auto& ref : route.spec.parent_refs) {
    bool gateway_kind =
        (ref.group.empty() || ref.group == resource::kGatewayGroup) && (ref.kind.empty() || ref.kind == "Gateway");
    auto it = index.gateways.find((ref.ns.empty() ? route.ns() : ref.ns) + "/" + ref.name);
    if (!gateway_kind || it == index.gateways.end() || !our_gateway(index, it->second.spec)) continue;
    ours = true;
    Attachment a = attach(index, route, ref, it->second);
    std::string_view controller = index.classes.at(it->second.spec.class_name).spec.controller_name;
    Object status = parent_status(route, ref, controller, a, t);
    parents.push_back(std::move(status));
    for (auto& l : a.listeners) {
      if (std::find(made.listeners.begin(), made.listeners.end(), l) != made.listeners.end()) continue;
      made.listeners.push_back(l);
      if (!useless(route, t.unsupported)) ++attached.per_listener[l];
    }
  }
  if (ours || json::find(*route.object, "status", "parents"))
    out.statuses.push_back(
        {"httproutes.gateway.networking.k8s.io", route.ns(), route.name(), Object{{"parents", std::move(parents)}}});
  if (!made.listeners.empty()) out.routes.routes.push_back(std::move(made));
}

}  // namespace

void translate_routes(const ResourceIndex& index, Translation& out, RouteAttachments& attached) {
  for (auto& [key, route] : index.routes) translate_route(index, route, out, attached);
}

}  // namespace sl::control

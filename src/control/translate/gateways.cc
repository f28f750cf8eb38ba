// Gateways: listeners of the RouteSpec, and the conditions of Gateway and listeners.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "control/status/conditions.h"
#include "control/translate/translate.h"

namespace sl::control {

using json::Array;
using json::Object;
using json::Value;

namespace {

struct ListenerVerdict {
  bool serves = true;  // it is opened, or tried to be
  bool accepted = true, resolved = true, programmed = true, conflicted = false;
  std::string accepted_reason = "Accepted", accepted_message = "listener accepted";
  std::string resolved_reason = "ResolvedRefs", resolved_message = "all references resolved";
  std::string programmed_reason = "Programmed", programmed_message = "listener is serving";
  std::string conflict_reason = "NoConflicts", conflict_message = "no conflicts";
  std::vector<resource::RouteGroupKind> kinds;
};

void judge_kinds(const resource::Listener& l, ListenerVerdict& v) {
  if (!l.allowed_routes || l.allowed_routes->kinds.empty()) {
    v.kinds = {{resource::kGatewayGroup, "HTTPRoute"}};
    return;
  }
  for (auto& k : l.allowed_routes->kinds) {
    bool known = k.kind == "HTTPRoute" && (k.group.empty() || k.group == resource::kGatewayGroup);
    if (known) {
      v.kinds.push_back({resource::kGatewayGroup, k.kind});
      continue;
    }
    v.resolved = false;
    v.resolved_reason = "InvalidRouteKinds";
    v.resolved_message =
        fmt::format("route kind {} is not supported on an {} listener; supported is HTTPRoute", k.kind, l.protocol);
  }
}

// What is wrong with the namespaces a listener selects; "" when nothing is.
std::string bad_selector(const resource::Listener& l) {
  if (!l.allowed_routes || !l.allowed_routes->namespaces || l.allowed_routes->namespaces->from != "Selector") return "";
  if (!l.allowed_routes->namespaces->selector) return "allowedRoutes.namespaces: from Selector needs a selector";
  auto selector = kube::LabelSelector::from_object(json::encode(*l.allowed_routes->namespaces->selector));
  return selector ? "" : "allowedRoutes.namespaces.selector: " + selector.error().message;
}

// Who has a port and hostname: between Gateways the older one keeps it.
using Claims = std::map<std::pair<int32_t, std::string>, std::string>;

void conflict(const resource::Listener& l, const std::string& owner, ListenerVerdict& v) {
  v.conflicted = true;
  v.serves = v.accepted = v.programmed = false;
  v.conflict_reason = "HostnameConflict";
  v.conflict_message = fmt::format("port {} with {} is taken by the older Gateway {}; choose another port or hostname",
                                   l.port, l.hostname.empty() ? "all hostnames" : "hostname " + l.hostname, owner);
  v.accepted_reason = "PortUnavailable";
  v.programmed_reason = "Invalid";
  v.accepted_message = v.programmed_message = v.conflict_message;
}

ListenerVerdict judge(const resource::Listener& l, const TranslateOptions& options) {
  ListenerVerdict v;
  if (!listener_supported(l)) {
    v.serves = v.accepted = v.programmed = false;
    v.accepted_reason = "UnsupportedProtocol";
    v.accepted_message = fmt::format("protocol {} is not supported yet; supported is HTTP", l.protocol);
    v.programmed_reason = "Invalid";
    v.programmed_message = v.accepted_message;
    return v;
  }
  judge_kinds(l, v);
  if (auto bad = bad_selector(l); !bad.empty()) {
    v.serves = v.accepted = v.programmed = false;
    v.accepted_reason = "UnsupportedValue";
    v.programmed_reason = "Invalid";
    v.accepted_message = v.programmed_message = bad;
  }
  std::string bind = fmt::format("{}:{}", options.listen_host, l.port);
  if (auto it = options.failed_binds.find(bind); it != options.failed_binds.end()) {
    v.accepted = v.programmed = false;
    v.accepted_reason = "PortUnavailable";
    v.accepted_message = it->second;
    v.programmed_reason = "Invalid";
    v.programmed_message = it->second;
  }
  if (!v.resolved && v.kinds.empty()) {
    v.serves = v.programmed = false;
    v.programmed_reason = "Invalid";
    v.programmed_message = v.resolved_message;
  }
  return v;
}

Object listener_status(const Held<resource::GatewaySpec>& g, const resource::Listener& l, const ListenerVerdict& v,
                       int attached) {
  const Value* before = nullptr;
  if (auto* list = json::arr(*g.object, "status", "listeners"))
    for (auto& s : *list)
      if (json::str(s, "name") == l.name) before = &s;
  Conditions c(before, g.generation());
  c.set("Accepted", v.accepted, v.accepted_reason, v.accepted_message);
  c.set("Conflicted", v.conflicted, v.conflict_reason, v.conflict_message);
  c.set("ResolvedRefs", v.resolved, v.resolved_reason, v.resolved_message);
  c.set("Programmed", v.programmed, v.programmed_reason, v.programmed_message);
  Array kinds;
  for (auto& k : v.kinds) kinds.push_back(Object{{"group", k.group}, {"kind", k.kind}});
  return Object{
      {"name", l.name}, {"supportedKinds", std::move(kinds)}, {"attachedRoutes", attached}, {"conditions", c.take()}};
}

std::string unsupported_fields(const resource::GatewaySpec& spec) {
  std::vector<std::string> names;
  if (spec.infrastructure && spec.infrastructure->parameters_ref) names.push_back("spec.infrastructure.parametersRef");
  if (spec.allowed_listeners) names.push_back("spec.allowedListeners");
  if (spec.tls) names.push_back("spec.tls");
  if (!spec.default_scope.empty()) names.push_back("spec.defaultScope");
  std::string out;
  for (auto& n : names) out += (out.empty() ? "" : ", ") + n;
  return out;
}

// Why the whole Gateway cannot serve, and the reasons of its conditions; no words when it can.
struct Refusal {
  std::string words, accepted_reason, programmed_reason;
};

Refusal refusal_of(const ResourceIndex& index, const resource::GatewaySpec& spec, const TranslateOptions& options) {
  if (auto words = refused_class(index.classes.at(spec.class_name).spec); !words.empty())
    return {fmt::format("GatewayClass {}: {}", spec.class_name, words), "InvalidParameters", "Invalid"};
  for (auto& a : spec.addresses) {
    if (a.type != "IPAddress")
      return {fmt::format("addresses of type {} are not supported, only IPAddress", a.type), "UnsupportedAddress",
              "AddressNotUsable"};
    if (!a.value.empty() && a.value != options.listen_host)
      return {fmt::format("address {} is not the one this program listens on ({}); start it with --listen-host {}",
                          a.value, options.listen_host, a.value),
              "", "AddressNotUsable"};
  }
  return {};
}

std::string serving_words(const Held<resource::GatewaySpec>& g, const TranslateOptions& options) {
  std::string out = "listening on " + options.listen_host;
  if (name_taken(g.key()))
    out +=
        "; its Service and Pod are not shown, because their name belongs to a part of this program: choose another "
        "name";
  if (auto it = options.object_problems.find(g.key()); it != options.object_problems.end()) out += "; " + it->second;
  return out;
}

// What the listeners come to.
struct Sum {
  size_t good = 0, programmed = 0;
  std::string trouble, unresolved;

  void add(const resource::Listener& l, const ListenerVerdict& v) {
    good += v.accepted;
    programmed += v.programmed;
    if (!v.resolved && unresolved.empty()) unresolved = fmt::format("listener {}: {}", l.name, v.resolved_message);
    if (!v.programmed && trouble.empty())
      trouble = fmt::format("listener {}: {}", l.name, v.accepted ? v.programmed_message : v.accepted_message);
  }
};

Conditions gateway_conditions(const Held<resource::GatewaySpec>& g, const TranslateOptions& options,
                              const Refusal& refusal, const Sum& sum) {
  Conditions c(json::find(*g.object, "status"), g.generation());
  if (!refusal.accepted_reason.empty())
    c.set("Accepted", false, refusal.accepted_reason, refusal.words);
  else if (sum.good == g.spec.listeners.size())
    c.set("Accepted", true, "Accepted", "Gateway accepted");
  else
    c.set("Accepted", sum.good > 0, "ListenersNotValid", sum.trouble);
  if (!refusal.words.empty())
    c.set("Programmed", false, refusal.programmed_reason, refusal.words);
  else if (sum.programmed > 0)
    c.set("Programmed", true, "Programmed", serving_words(g, options));
  else
    c.set("Programmed", false, "Invalid", sum.trouble);
  if (sum.unresolved.empty())
    c.set("ResolvedRefs", true, "ResolvedRefs", "all references resolved");
  else
    c.set("ResolvedRefs", false, "ListenersNotResolved", sum.unresolved);
  if (auto fields = unsupported_fields(g.spec); !fields.empty())
    c.set("UnsupportedFeatures", true, "UnsupportedFeatures", "kept but not acted on yet: " + fields);
  return c;
}

void translate_gateway(const ResourceIndex& index, const Held<resource::GatewaySpec>& g,
                       const TranslateOptions& options, const RouteAttachments& attached, Claims& claims,
                       Translation& out) {
  Refusal refusal = refusal_of(index, g.spec, options);
  Array listeners;
  Sum sum;
  for (auto& l : g.spec.listeners) {
    ListenerVerdict v = judge(l, options);
    if (!refusal.words.empty()) {
      v.serves = v.programmed = false;
      v.programmed_reason = "Invalid";
      v.programmed_message = refusal.words;
    } else if (v.serves) {
      auto [claim, first] = claims.try_emplace({l.port, to_lower(l.hostname)}, g.key());
      if (!first && claim->second != g.key()) conflict(l, claim->second, v);
    }
    auto it = attached.per_listener.find(g.key() + "/" + l.name);
    listeners.push_back(listener_status(g, l, v, it == attached.per_listener.end() ? 0 : it->second));
    sum.add(l, v);
    if (v.serves) out.routes.listeners.push_back({g.key(), l.name, options.listen_host, l.port, "HTTP", l.hostname});
  }
  Object status{{"conditions", gateway_conditions(g, options, refusal, sum).take()},
                {"listeners", std::move(listeners)}};
  if (sum.programmed > 0) status["addresses"] = Array{Object{{"type", "IPAddress"}, {"value", options.listen_host}}};
  out.statuses.push_back({"gateways.gateway.networking.k8s.io", g.ns(), g.name(), std::move(status)});
}

// Another controller's words are not ours to take back.
bool spoken_by_us(const Value& gateway) {
  if (auto* entries = json::arr(gateway, "metadata", "managedFields"))
    for (auto& e : *entries)
      if (json::str(e, "manager") == kFieldManager && (json::find(e, "fieldsV1", "f:status", "f:listeners") ||
                                                       json::find(e, "fieldsV1", "f:status", "f:addresses")))
        return true;
  return false;
}

// A Gateway that was ours and is no longer: nothing serves it, and its status must not say otherwise.
void release_gateway(const Held<resource::GatewaySpec>& g, Translation& out) {
  auto* before = json::find(*g.object, "status");
  bool spoken_for = before && (json::arr(*before, "listeners") || json::arr(*before, "addresses"));
  if (!spoken_for || !spoken_by_us(*g.object)) return;
  Conditions c(before, g.generation());
  std::string why = fmt::format("no controller here serves GatewayClass \"{}\"", g.spec.class_name);
  c.set_text("Accepted", "Unknown", "Pending", why);
  c.set_text("Programmed", "Unknown", "Pending", why);
  out.statuses.push_back({"gateways.gateway.networking.k8s.io", g.ns(), g.name(), Object{{"conditions", c.take()}}});
}

}  // namespace

bool name_taken(std::string_view gateway) {
  return gateway == "kagent/kagent-ui" || gateway == "kagent/kagent-controller" ||
         gateway == "kgateway-system/kgateway";
}

void translate_gateways(const ResourceIndex& index, const TranslateOptions& options, const RouteAttachments& attached,
                        Translation& out) {
  std::vector<const Held<resource::GatewaySpec>*> ours;
  for (auto& [key, g] : index.gateways)
    if (our_gateway(index, g.spec))
      ours.push_back(&g);
    else
      release_gateway(g, out);
  auto age = [](auto* g) { return std::pair(json::str(*g->object, "metadata", "creationTimestamp"), g->key()); };
  std::sort(ours.begin(), ours.end(), [&](auto* a, auto* b) { return age(a) < age(b); });
  Claims claims;
  for (auto* g : ours) translate_gateway(index, *g, options, attached, claims, out);
}

}  // namespace sl::control

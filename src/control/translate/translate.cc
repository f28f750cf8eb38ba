#include "control/translate/translate.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "control/status/conditions.h"

namespace sl::control {

bool our_controller(std::string_view c) {
  return c == kAgentgatewayController || c == kKgatewayController;
}

bool our_gateway(const ResourceIndex& index, const resource::GatewaySpec& gateway) {
  auto it = index.classes.find(gateway.class_name);
  return it != index.classes.end() && our_controller(it->second.spec.controller_name);
}

std::string refused_class(const resource::GatewayClassSpec& spec) {
  return spec.parameters_ref
             ? "parametersRef is not supported: gateways here run inside this program and take no parameters"
             : "";
}

bool leads_to(std::string_view host, std::string_view listen_host, const std::vector<std::string>& local_addresses) {
  if (auto mapped = to_lower(host); mapped.starts_with("::ffff:") && mapped.find('.') != std::string::npos)
    return leads_to(mapped.substr(7), listen_host, local_addresses);
  auto loopback = [](std::string_view h) { return h.starts_with("127.") || h == "::1"; };
  bool everywhere = listen_host == "0.0.0.0" || listen_host == "::" || listen_host == "[::]";
  if (iequals(host, "localhost")) return everywhere || loopback(listen_host);
  if (host == listen_host || (listen_host.starts_with('[') && host == listen_host.substr(1, listen_host.size() - 2)))
    return true;
  if (listen_host == "0.0.0.0" && host.find(':') != std::string_view::npos) return false;
  return everywhere &&
         (loopback(host) || std::find(local_addresses.begin(), local_addresses.end(), host) != local_addresses.end());
}

bool listener_supported(const resource::Listener& listener) {
  return listener.protocol == "HTTP";
}

void translate_classes(const ResourceIndex& index, Translation& out) {
  for (auto& [name, c] : index.classes) {
    if (!our_controller(c.spec.controller_name)) continue;
    Conditions conditions(json::find(*c.object, "status"), c.generation());
    if (auto refused = refused_class(c.spec); !refused.empty())
      conditions.set("Accepted", false, "InvalidParameters", refused);
    else
      conditions.set("Accepted", true, "Accepted", "GatewayClass accepted by agentgateway controller");
    conditions.set("SupportedVersion", true, "SupportedVersion",
                   "the Gateway API versions served here are v1 and v1beta1");
    json::Array features;
    for (auto f : {"Gateway",
                   "GatewayPort8080",
                   "HTTPRoute",
                   "HTTPRoute303RedirectStatusCode",
                   "HTTPRoute307RedirectStatusCode",
                   "HTTPRoute308RedirectStatusCode",
                   "HTTPRouteBackendRequestHeaderModification",
                   "HTTPRouteBackendTimeout",
                   "HTTPRouteHostRewrite",
                   "HTTPRouteMethodMatching",
                   "HTTPRouteNamedRouteRule",
                   "HTTPRouteParentRefPort",
                   "HTTPRoutePathRedirect",
                   "HTTPRoutePathRewrite",
                   "HTTPRoutePortRedirect",
                   "HTTPRouteQueryParamMatching",
                   "HTTPRouteRequestTimeout",
                   "HTTPRouteResponseHeaderModification",
                   "HTTPRouteSchemeRedirect",
                   "ReferenceGrant"})
      features.push_back(json::Object{{"name", f}});
    out.statuses.push_back(
        {"gatewayclasses.gateway.networking.k8s.io", "", name,
         json::Object{{"conditions", conditions.take()}, {"supportedFeatures", std::move(features)}}});
  }
}

// Such an object passed validation once, when the rules were others.
void translate_problems(const ResourceIndex& index, Translation& out) {
  for (auto& p : index.problems) {
    int64_t generation = kube::generation_of(*p.object);
    Conditions c(json::find(*p.object, "status"), generation);
    std::string_view kind = kube::kind_of(*p.object);
    c.set("Accepted", false,
          kind == "ModelConfig" ? "ModelConfigReconcileFailed"
          : kind == "Agent"     ? "ReconcileFailed"
                                : "Invalid",
          "the object cannot be read: " + p.message);
    json::Object status{{"conditions", c.take()}};
    if (kind == "ModelConfig" || kind == "Agent") status["observedGeneration"] = generation;
    bool has_conditions = kind != "HTTPRoute" && kind != "ReferenceGrant";  // the log names those
    if (has_conditions)
      out.statuses.push_back({p.resource, std::string(kube::namespace_of(*p.object)),
                              std::string(kube::name_of(*p.object)), std::move(status)});
  }
}

// Routes name the listeners that they fit; of those, some do not serve.
static void drop_silent_listeners(route::RouteSpec& routes) {
  std::set<std::string> serving;
  for (auto& l : routes.listeners) serving.insert(l.gateway + "/" + l.name);
  for (auto& r : routes.routes) std::erase_if(r.listeners, [&](auto& key) { return !serving.contains(key); });
  std::erase_if(routes.routes, [](auto& r) { return r.listeners.empty(); });
}

static void mark_own_gateways(route::RouteSpec& routes, const TranslateOptions& options) {
  auto own = [&](const route::Endpoint& e) {
    return std::any_of(routes.listeners.begin(), routes.listeners.end(), [&](const route::Listener& l) {
      return l.port == e.port && leads_to(e.host, l.host, options.local_addresses);
    });
  };
  for (auto& b : routes.backends) b.own_gateway = std::any_of(b.endpoints.begin(), b.endpoints.end(), own);
}

Translation translate(const ResourceIndex& index, const TranslateOptions& options) {
  Translation out;
  RouteAttachments attached;
  translate_classes(index, out);
  translate_backends(index, out);
  translate_routes(index, out, attached);
  translate_gateways(index, options, attached, out);
  drop_silent_listeners(out.routes);
  mark_own_gateways(out.routes, options);
  translate_agents(index, options, out);
  translate_problems(index, out);
  return out;
}

}  // namespace sl::control

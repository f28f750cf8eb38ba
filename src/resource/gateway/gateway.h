// gateway.networking.k8s.io: GatewayClass, Gateway, HTTPRoute, ReferenceGrant, as v1.6 serves them.
//
// Typed forms of what the API has defaulted and validated; the descriptions in gateway.cc and http_route.cc are the
// source of schema, docs and rules. Who calls: control. Thread: plain values. Source: Gateway API v1, v1beta1.
#pragma once

#include "resource/kind/kind.h"

namespace sl::resource {

inline constexpr char kGatewayGroup[] = "gateway.networking.k8s.io";

struct ParametersRef {
  std::string group, kind, name, ns;
};
struct GatewayClassSpec {
  std::string controller_name, description;
  std::optional<ParametersRef> parameters_ref;
};

struct SecretObjectReference {
  std::string group, kind, name, ns;
};
struct RouteGroupKind {
  std::string group, kind;
};
struct RouteNamespaces {
  std::string from;
  std::optional<LabelSelectorSpec> selector;
};
struct ListenerNamespaces {
  std::string from;
  std::optional<LabelSelectorSpec> selector;
};
struct AllowedRoutes {
  std::optional<RouteNamespaces> namespaces;
  std::vector<RouteGroupKind> kinds;
};
struct ListenerTls {
  std::string mode;
  std::vector<SecretObjectReference> certificate_refs;
  std::map<std::string, std::string> options;
};
struct Listener {
  std::string name, hostname, protocol;
  int32_t port = 0;
  std::optional<ListenerTls> tls;
  std::optional<AllowedRoutes> allowed_routes;
};
struct GatewayAddress {
  std::string type, value;
};
struct GatewayInfrastructure {
  std::map<std::string, std::string> labels, annotations;
  std::optional<ParametersRef> parameters_ref;
};
struct AllowedListeners {
  std::optional<ListenerNamespaces> namespaces;
};
struct GatewaySpec {
  std::string class_name, default_scope;
  std::vector<Listener> listeners;
  std::vector<GatewayAddress> addresses;
  std::optional<GatewayInfrastructure> infrastructure;
  std::optional<AllowedListeners> allowed_listeners;
  json::Value tls;
};

struct ParentReference {
  std::string group, kind, name, ns, section_name;
  std::optional<int32_t> port;
};
struct BackendObjectReference {
  std::string group, kind, name, ns;
  std::optional<int32_t> port;
};
struct HttpHeader {
  std::string name, value;
};
struct HeaderFilter {
  std::vector<HttpHeader> set, add;
  std::vector<std::string> remove;
};
struct PathModifier {
  std::string type;
  std::optional<std::string> full, prefix;
};
struct RedirectFilter {
  std::string scheme, hostname;
  std::optional<PathModifier> path;
  std::optional<int32_t> port;
  int32_t status_code = 302;
};
struct RewriteFilter {
  std::string hostname;
  std::optional<PathModifier> path;
};
struct LocalObjectReference {
  std::string group, kind, name;
};
struct HttpRouteFilter {
  std::string type;
  std::optional<HeaderFilter> request_header, response_header;
  std::optional<RedirectFilter> redirect;
  std::optional<RewriteFilter> rewrite;
  std::optional<LocalObjectReference> extension_ref;
  json::Value mirror, cors, external_auth;
};
struct HttpBackendRef : BackendObjectReference {
  int32_t weight = 1;
  std::vector<HttpRouteFilter> filters;
};
struct NamedMatch {  // header or query parameter
  std::string type, name, value;
};
struct HeaderMatch : NamedMatch {};
struct QueryMatch : NamedMatch {};
struct PathMatch {
  std::string type, value;
};
struct HttpRouteMatch {
  std::optional<PathMatch> path;
  std::vector<HeaderMatch> headers;
  std::vector<QueryMatch> query_params;
  std::string method;
};
struct HttpRouteTimeouts {
  std::string request, backend_request;
};
struct HttpRouteRule {
  std::string name;
  std::vector<HttpRouteMatch> matches;
  std::vector<HttpRouteFilter> filters;
  std::vector<HttpBackendRef> backend_refs;
  std::optional<HttpRouteTimeouts> timeouts;
  json::Value retry, session_persistence;
};
struct HttpRouteSpec {
  std::vector<ParentReference> parent_refs;
  std::vector<std::string> hostnames;
  std::vector<HttpRouteRule> rules;
  std::string use_default_gateways;
};

struct GrantFrom {
  std::string group, kind, ns;
};
struct GrantTo {
  std::string group, kind, name;
};
struct ReferenceGrantSpec {
  std::vector<GrantFrom> from;
  std::vector<GrantTo> to;
};

void describe(json::Fields<GatewayClassSpec>& f);
void describe(json::Fields<GatewaySpec>& f);
void describe(json::Fields<HttpRouteSpec>& f);
void describe(json::Fields<ReferenceGrantSpec>& f);
void describe(json::Fields<ParentReference>& f);

// "1h30m", "500ms" (GEP-2257) to milliseconds.
Result<int64_t> parse_duration_ms(std::string_view text);

KindInfo http_route_kind();

}  // namespace sl::resource

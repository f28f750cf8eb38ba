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
struct ObjectReference {
  std::string group, kind, name, ns;
};
// Validation of client certificates, and what is shown to backends.
struct FrontendValidation {
  std::vector<ObjectReference> ca_refs;
  std::string mode;
};
struct FrontendTls {
  std::optional<FrontendValidation> validation;
};
struct PortTls {
  int32_t port = 0;
  std::optional<FrontendTls> tls;
};
struct GatewayFrontendTls {
  std::optional<FrontendTls> all;
  std::vector<PortTls> per_port;
};
struct GatewayBackendTls {
  std::optional<SecretObjectReference> client_certificate;
};
struct GatewayTls {
  std::optional<GatewayBackendTls> backend;
  std::optional<GatewayFrontendTls> frontend;
};
struct GatewaySpec {
  std::string class_name, default_scope;
  std::vector<Listener> listeners;
  std::vector<GatewayAddress> addresses;
  std::optional<GatewayInfrastructure> infrastructure;
  std::optional<AllowedListeners> allowed_listeners;
  std::optional<GatewayTls> tls;
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
struct Fraction {
  int32_t numerator = 0;
  std::optional<int32_t> denominator;
};
struct MirrorFilter {
  std::optional<BackendObjectReference> backend;
  std::optional<int32_t> percent;
  std::optional<Fraction> fraction;
};
struct CorsFilter {
  std::vector<std::string> allow_origins, allow_methods, allow_headers, expose_headers;
  std::optional<bool> allow_credentials;
  std::optional<int32_t> max_age;
};
struct GrpcAuth {
  std::vector<std::string> allowed_headers;
};
struct HttpAuth {
  std::string path;
  std::vector<std::string> allowed_headers, allowed_response_headers;
};
struct ForwardedBody {
  std::optional<int32_t> max_size;
};
struct ExternalAuthFilter {
  std::string protocol;
  std::optional<BackendObjectReference> backend;
  std::optional<GrpcAuth> grpc;
  std::optional<HttpAuth> http;
  std::optional<ForwardedBody> forward_body;
};
struct HttpRouteFilter {
  std::string type;
  std::optional<HeaderFilter> request_header, response_header;
  std::optional<RedirectFilter> redirect;
  std::optional<RewriteFilter> rewrite;
  std::optional<LocalObjectReference> extension_ref;
  std::optional<MirrorFilter> mirror;
  std::optional<CorsFilter> cors;
  std::optional<ExternalAuthFilter> external_auth;
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
struct HttpRouteRetry {
  std::vector<int32_t> codes;
  std::optional<int32_t> attempts;
  std::string backoff;
};
struct CookieConfig {
  std::string name, path, lifetime_type;
};
struct HeaderConfig {
  std::string name;
};
struct SessionPersistence {
  std::string session_name, absolute_timeout, idle_timeout, type;
  std::optional<CookieConfig> cookie, cookie_config;
  std::optional<HeaderConfig> header;
};
struct HttpRouteRule {
  std::string name;
  std::vector<HttpRouteMatch> matches;
  std::vector<HttpRouteFilter> filters;
  std::vector<HttpBackendRef> backend_refs;
  std::optional<HttpRouteTimeouts> timeouts;
  std::optional<HttpRouteRetry> retry;
  std::optional<SessionPersistence> session_persistence;
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
void describe(json::Fields<BackendObjectReference>& f);
void describe(json::Fields<SecretObjectReference>& f);
void describe(json::Fields<GatewayTls>& f);
void describe(json::Fields<MirrorFilter>& f);
void describe(json::Fields<CorsFilter>& f);
void describe(json::Fields<ExternalAuthFilter>& f);
void describe(json::Fields<HttpRouteRetry>& f);
void describe(json::Fields<SessionPersistence>& f);

// "1h30m", "500ms" (GEP-2257) to milliseconds.
Result<int64_t> parse_duration_ms(std::string_view text);

KindInfo http_route_kind();

}  // namespace sl::resource

// Members of Gateway and HTTPRoute that are kept and validated, and not yet acted on.
#include <set>

#include "resource/gateway/gateway.h"
#include "resource/gateway/patterns.h"

namespace sl::resource {

using json::Value;

// ---- Gateway

static void describe(json::Fields<ObjectReference>& f) {
  f.add("group", &ObjectReference::group).doc("API group.").required().pattern(kGroup).length(0, 253);
  f.add("kind", &ObjectReference::kind).doc("Kind.").required().pattern(kKind).length(1, 63);
  f.add("name", &ObjectReference::name).doc("Name.").required().length(1, 253);
  f.add("namespace", &ObjectReference::ns)
      .doc("Namespace; the gateway's own when absent.")
      .pattern(kNamespace)
      .length(1, 63);
}
static void describe(json::Fields<FrontendValidation>& f) {
  f.doc("How client certificates are checked.");
  f.add("caCertificateRefs", &FrontendValidation::ca_refs)
      .doc("Whom clients may be signed by.")
      .required()
      .items(1, 16);
  f.add("mode", &FrontendValidation::mode)
      .doc("Whether others are let in too.")
      .one_of({"AllowValidOnly", "AllowInsecureFallback"})
      .defaults("AllowValidOnly");
}
static void describe(json::Fields<FrontendTls>& f) {
  f.add("validation", &FrontendTls::validation).doc("How client certificates are checked.");
}
static void describe(json::Fields<PortTls>& f) {
  f.add("port", &PortTls::port).doc("Port of listeners.").required().min(1).max(65535);
  f.add("tls", &PortTls::tls).doc("For that port, instead of the default.").required();
}
static void describe(json::Fields<GatewayFrontendTls>& f) {
  f.add("default", &GatewayFrontendTls::all).doc("For all ports.").required();
  f.add("perPort", &GatewayFrontendTls::per_port).doc("For single ports.").items(0, 64).list_map({"port"});
}
static void describe(json::Fields<GatewayBackendTls>& f) {
  f.add("clientCertificateRef", &GatewayBackendTls::client_certificate).doc("Certificate shown to backends.");
}
void describe(json::Fields<GatewayTls>& f) {
  f.doc("Client certificate towards backends and validation of clients.");
  f.add("backend", &GatewayTls::backend).doc("Towards backends.");
  f.add("frontend", &GatewayTls::frontend).doc("Towards clients.");
}

// ---- filters of HTTPRoute

static void describe(json::Fields<Fraction>& f) {
  f.add("numerator", &Fraction::numerator).doc("Of so many requests.").required().min(0);
  f.add("denominator", &Fraction::denominator).doc("Out of these.").defaults(100).min(1);
  f.rule("numerator must be less than or equal to denominator",
         [](const Value& s, const Value*) { return json::num(s, 0, "numerator") <= json::num(s, 100, "denominator"); });
}
void describe(json::Fields<MirrorFilter>& f) {
  f.doc("Sends a copy elsewhere.");
  f.add("backendRef", &MirrorFilter::backend).doc("Where the copy goes.").required();
  f.add("percent", &MirrorFilter::percent).doc("Share of requests, in hundredths.").min(0).max(100);
  f.add("fraction", &MirrorFilter::fraction).doc("Share of requests.");
  f.rule("Only one of percent or fraction may be specified in HTTPRequestMirrorFilter",
         [](const Value& s, const Value*) { return !has(s, "percent") || !has(s, "fraction"); });
}

// "*" says all there is to say.
static json::FieldRef star_alone(json::FieldRef list, const std::string& message) {
  return list.rule(message, [](const Value& all, const Value*) {
    auto& a = all.get_array();
    return a.size() <= 1 || std::find(a.begin(), a.end(), Value("*")) == a.end();
  });
}
void describe(json::Fields<CorsFilter>& f) {
  f.doc("Cross-origin rules.");
  star_alone(f.add("allowOrigins", &CorsFilter::allow_origins).doc("Origins.").items(0, 64).list_set(),
             "AllowOrigins cannot contain '*' alongside other origins");
  f.add("allowCredentials", &CorsFilter::allow_credentials).doc("Whether credentials may be sent.");
  star_alone(f.add("allowMethods", &CorsFilter::allow_methods)
                 .doc("Methods.")
                 .items(0, 9)
                 .each_one_of({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"})
                 .list_set(),
             "AllowMethods cannot contain '*' alongside other methods");
  star_alone(f.add("allowHeaders", &CorsFilter::allow_headers).doc("Request fields.").items(0, 64).list_set(),
             "AllowHeaders cannot contain '*' alongside other methods");
  f.add("exposeHeaders", &CorsFilter::expose_headers).doc("Fields shown to scripts.").items(0, 64).list_set();
  f.add("maxAge", &CorsFilter::max_age).doc("Seconds that a preflight holds.").defaults(5).min(1);
}

static void describe(json::Fields<GrpcAuth>& f) {
  f.add("allowedHeaders", &GrpcAuth::allowed_headers).doc("Fields told to it.").items(0, 64).list_set();
}
static void describe(json::Fields<HttpAuth>& f) {
  f.add("path", &HttpAuth::path).doc("Put before the request's path.");
  f.add("allowedHeaders", &HttpAuth::allowed_headers).doc("Fields told to it.").items(0, 64).list_set();
  f.add("allowedResponseHeaders", &HttpAuth::allowed_response_headers)
      .doc("Fields taken from it.")
      .items(0, 64)
      .list_set();
}
static void describe(json::Fields<ForwardedBody>& f) {
  f.add("maxSize", &ForwardedBody::max_size).doc("Bytes of the body told to it.").min(0);
}
void describe(json::Fields<ExternalAuthFilter>& f) {
  f.doc("Asks another service (experimental).");
  f.add("protocol", &ExternalAuthFilter::protocol).doc("HTTP or GRPC.").required().one_of({"HTTP", "GRPC"});
  f.add("backendRef", &ExternalAuthFilter::backend).doc("The service.").required();
  f.add("grpc", &ExternalAuthFilter::grpc).doc("For GRPC.");
  f.add("http", &ExternalAuthFilter::http).doc("For HTTP.");
  f.add("forwardBody", &ExternalAuthFilter::forward_body).doc("Whether it is told the body.");
  for (auto [protocol, member] : {std::pair{"GRPC", "grpc"}, {"HTTP", "http"}}) {
    std::string p = protocol, m = member;
    f.rule(m + " must be specified when protocol is set to '" + p + "'",
           [=](const Value& s, const Value*) { return json::str(s, "protocol") != p || has(s, m); });
    f.rule("protocol must be '" + p + "' when " + m + " is set",
           [=](const Value& s, const Value*) { return json::str(s, "protocol") == p || !has(s, m); });
  }
}

// ---- rules of HTTPRoute

void describe(json::Fields<HttpRouteRetry>& f) {
  f.doc("Retries (experimental).");
  f.add("codes", &HttpRouteRetry::codes)
      .doc("Statuses that are tried again.")
      .list_set()
      .rule("codes must be between 400 and 599", [](const Value& all, const Value*) {
        for (auto& c : all.get_array())
          if (!c.is_int64() || c.get_int64() < 400 || c.get_int64() > 599) return false;
        return true;
      });
  f.add("attempts", &HttpRouteRetry::attempts).doc("How often.").min(1);
  f.add("backoff", &HttpRouteRetry::backoff).doc("At least so long between them.").pattern(kDuration);
}

static void describe(json::Fields<CookieConfig>& f) {
  f.add("name", &CookieConfig::name).doc("Name of the cookie.").length(1, 4096);
  f.add("path", &CookieConfig::path).doc("Its path.");
  f.add("lifetimeType", &CookieConfig::lifetime_type)
      .doc("Permanent or Session.")
      .one_of({"Permanent", "Session"})
      .defaults("Session");
}
static void describe(json::Fields<HeaderConfig>& f) {
  f.add("name", &HeaderConfig::name).doc("Name of the field.").length(1, 256);
}
void describe(json::Fields<SessionPersistence>& f) {
  f.doc("Stickiness (experimental).");
  f.add("sessionName", &SessionPersistence::session_name).doc("Name of the session.").length(0, 128);
  f.add("absoluteTimeout", &SessionPersistence::absolute_timeout).doc("It ends after.").pattern(kDuration);
  f.add("idleTimeout", &SessionPersistence::idle_timeout).doc("It ends when unused for.").pattern(kDuration);
  f.add("type", &SessionPersistence::type).doc("Cookie or Header.").one_of({"Cookie", "Header"}).defaults("Cookie");
  f.add("cookie", &SessionPersistence::cookie).doc("For Cookie.");
  f.add("cookieConfig", &SessionPersistence::cookie_config).doc("For Cookie, as it was spelled before.");
  f.add("header", &SessionPersistence::header).doc("For Header.");
  f.rule("AbsoluteTimeout must be specified when cookie lifetimeType is Permanent", [](const Value& s, const Value*) {
    bool permanent = json::str(s, "cookie", "lifetimeType") == "Permanent" ||
                     json::str(s, "cookieConfig", "lifetimeType") == "Permanent";
    return !permanent || json::str(s, "type") == "Header" || has(s, "absoluteTimeout");
  });
}

}  // namespace sl::resource

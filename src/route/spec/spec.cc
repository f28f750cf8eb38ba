#include "route/spec/spec.h"

#include "base/strings.h"

namespace sl::route {

void describe(json::Fields<HeaderValue>& f) {
  f.add("name", &HeaderValue::name).doc("Header name.").required();
  f.add("value", &HeaderValue::value).doc("Header value.").required();
}
void describe(json::Fields<HeaderMatch>& f) {
  f.add("name", &HeaderMatch::name).doc("Name.").required();
  f.add("value", &HeaderMatch::value).doc("Value or regular expression.").required();
  f.add("regex", &HeaderMatch::regex).doc("Value is a regular expression that must match whole.");
}
void describe(json::Fields<PathMatch>& f) {
  f.add("type", &PathMatch::type).doc("exact, prefix or regex.").one_of({"exact", "prefix", "regex"});
  f.add("value", &PathMatch::value).doc("Path or expression.").required();
}
void describe(json::Fields<Match>& f) {
  f.doc("All parts must hold.");
  f.add("path", &Match::path).doc("Path.");
  f.add("method", &Match::method).doc("Method.");
  f.add("headers", &Match::headers).doc("Header fields.");
  f.add("query", &Match::query).doc("Query parameters.");
}
void describe(json::Fields<HeaderChange>& f) {
  f.add("set", &HeaderChange::set).doc("Overwrite.");
  f.add("add", &HeaderChange::add).doc("Append.");
  f.add("remove", &HeaderChange::remove).doc("Remove.");
}
void describe(json::Fields<PathChange>& f) {
  f.add("type", &PathChange::type).doc("full or prefix.").required().one_of({"full", "prefix"});
  f.add("value", &PathChange::value).doc("New path or prefix.");
}
void describe(json::Fields<Redirect>& f) {
  f.add("scheme", &Redirect::scheme).doc("http or https.");
  f.add("hostname", &Redirect::hostname).doc("Host.");
  f.add("path", &Redirect::path).doc("Path.");
  f.add("port", &Redirect::port).doc("Port.");
  f.add("status", &Redirect::status).doc("Status code.").min(300).max(399);
}
void describe(json::Fields<Rewrite>& f) {
  f.add("hostname", &Rewrite::hostname).doc("Host.");
  f.add("path", &Rewrite::path).doc("Path.");
}
void describe(json::Fields<Filters>& f) {
  f.add("requestHeaders", &Filters::request_headers).doc("Changes to the request.");
  f.add("responseHeaders", &Filters::response_headers).doc("Changes to the response.");
  f.add("redirect", &Filters::redirect).doc("Answer with a redirect.");
  f.add("rewrite", &Filters::rewrite).doc("Change host or path.");
}
void describe(json::Fields<WeightedBackend>& f) {
  f.add("backend", &WeightedBackend::backend).doc("Name of a backend.");
  f.add("weight", &WeightedBackend::weight).doc("Share.").min(0).max(1e6);
  f.add("filters", &WeightedBackend::filters).doc("Filters of this share.");
  f.add("error", &WeightedBackend::error).doc("Answer 500 with these words.");
}
void describe(json::Fields<Rule>& f) {
  f.add("name", &Rule::name).doc("Name.");
  f.add("matches", &Rule::matches).doc("Any of these; none matches everything.");
  f.add("filters", &Rule::filters).doc("Filters.");
  f.add("backends", &Rule::backends).doc("Backends by weight.");
  f.add("requestTimeoutMs", &Rule::request_timeout_ms)
      .doc("Whole exchange; 0: not set, the usual wait for an answer holds.")
      .min(0);
  f.add("backendTimeoutMs", &Rule::backend_timeout_ms).doc("One backend request; 0: not set.").min(0);
  f.add("error", &Rule::error).doc("Answer 500 with these words.");
}
void describe(json::Fields<Route>& f) {
  f.add("name", &Route::name).doc("NS/NAME.").required();
  f.add("listeners", &Route::listeners).doc("NS/GATEWAY/LISTENER of each attachment.").required();
  f.add("hostnames", &Route::hostnames).doc("Hosts; the listener's when absent.");
  f.add("createdUnixS", &Route::created_unix_s).doc("Creation, for precedence.");
  f.add("rules", &Route::rules).doc("Rules.").required();
}
void describe(json::Fields<Listener>& f) {
  f.add("gateway", &Listener::gateway).doc("NS/NAME.").required();
  f.add("name", &Listener::name).doc("Name.").required();
  f.add("host", &Listener::host).doc("Address bound.");
  f.add("port", &Listener::port).doc("Port; 0 picks one.").required().min(0).max(65535);
  f.add("protocol", &Listener::protocol).doc("HTTP.").one_of({"HTTP"});
  f.add("hostname", &Listener::hostname).doc("Host served; all when absent.");
}
void describe(json::Fields<Endpoint>& f) {
  f.add("host", &Endpoint::host).doc("Name or address.").required();
  f.add("port", &Endpoint::port).doc("Port.").required().min(1).max(65535);
}
void describe(json::Fields<Auth>& f) {
  f.add("kind", &Auth::kind).doc("none, key or passthrough.").one_of({"none", "key", "passthrough"});
  f.add("source", &Auth::source).doc("secret or inline, for the record.");
  f.add("credential", &Auth::credential).doc("The key; never printed.");
  f.add("header", &Auth::header).doc("Header instead of the provider's own.");
  f.add("prefix", &Auth::prefix).doc("Put before the credential.");
  f.add("missing", &Auth::missing).doc("Why the named key is not there.");
}
void describe(json::Fields<AiTarget>& f) {
  f.add("provider", &AiTarget::provider).doc("Provider.").required();
  f.add("model", &AiTarget::model).doc("Model used whatever the client asks for.");
  f.add("apiVersion", &AiTarget::api_version).doc("Provider's API version.");
  f.add("path", &AiTarget::path).doc("Path instead of the provider's own.");
  f.add("auth", &AiTarget::auth).doc("Credential.");
}
void describe(json::Fields<Backend>& f) {
  f.add("name", &Backend::name).doc("NS/NAME.").required();
  f.add("endpoints", &Backend::endpoints).doc("Where it is.").required();
  f.add("tls", &Backend::tls).doc("Speak TLS to it.");
  f.add("serverName", &Backend::server_name).doc("Name sent and verified; the endpoint's host when absent.");
  f.add("ownGateway", &Backend::own_gateway)
      .doc("An endpoint is a listener of this configuration: how often a request passes is counted.");
  f.add("ai", &Backend::ai).doc("It is a language model.");
}
void describe(json::Fields<RouteSpec>& f) {
  f.doc("Configuration of a data plane.");
  f.add("apiVersion", &RouteSpec::api_version).doc("sightline/v1.").one_of({"sightline/v1"});
  f.add("listeners", &RouteSpec::listeners).doc("Listeners.");
  f.add("routes", &RouteSpec::routes).doc("Routes.");
  f.add("backends", &RouteSpec::backends).doc("Backends.");
}

static void hide_values(std::optional<HeaderChange>& change) {
  if (!change) return;
  for (auto* list : {&change->set, &change->add})
    for (auto& h : *list) {
      std::string name = to_lower(h.name);
      for (auto word : {"auth", "key", "token", "cookie", "secret", "password", "credential"})
        if (name.find(word) != std::string::npos) h.value = "[redacted]";
    }
}

json::Value redacted(const RouteSpec& spec) {
  RouteSpec copy = spec;
  auto hide = [](Filters& f) {
    hide_values(f.request_headers);
    hide_values(f.response_headers);
  };
  for (auto& r : copy.routes)
    for (auto& rule : r.rules) {
      hide(rule.filters);
      for (auto& b : rule.backends) hide(b.filters);
    }
  for (auto& b : copy.backends)
    if (b.ai && !b.ai->auth.credential.empty()) b.ai->auth.credential = "[redacted]";
  return json::encode(copy);
}

}  // namespace sl::route

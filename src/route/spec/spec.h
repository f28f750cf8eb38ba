// RouteSpec: everything a data plane needs, plain and JSON-able: the contract between the planes.
//
// Made by control/translate from resources, or read from a file; compiled by route/snapshot. It is what goldens
// compare, what /config_dump prints (redacted) and what a standalone gateway is configured with.
// Who calls: control, route, proxy, app. Thread: plain values. Unknown fields are errors (json/describe).
#pragma once

#include "json/describe.h"

namespace sl::route {

// Stands for "0s" of a route, which lifts even the usual wait for an answer: ten years. Limits on silence hold.
inline constexpr int64_t kNoTimeoutMs = 3650LL * 86'400'000;

struct HeaderValue {
  std::string name, value;
};
struct HeaderMatch {  // also query parameters
  std::string name, value;
  bool regex = false;
};
struct PathMatch {
  std::string type = "prefix";  // exact, prefix, regex
  std::string value = "/";
};
struct Match {
  PathMatch path;
  std::string method;
  std::vector<HeaderMatch> headers, query;
};
struct HeaderChange {
  std::vector<HeaderValue> set, add;
  std::vector<std::string> remove;
};
struct PathChange {
  std::string type;  // full, prefix
  std::string value;
};
struct Redirect {
  std::string scheme, hostname;
  std::optional<PathChange> path;
  std::optional<int64_t> port;
  int64_t status = 302;
};
struct Rewrite {
  std::string hostname;
  std::optional<PathChange> path;
};
struct Filters {
  std::optional<HeaderChange> request_headers, response_headers;
  std::optional<Redirect> redirect;
  std::optional<Rewrite> rewrite;
};
// A share of a rule's requests. With `error` set the share is answered 500 with these words.
struct WeightedBackend {
  std::string backend;
  int64_t weight = 1;
  Filters filters;
  std::string error;
};
struct Rule {
  std::string name;
  std::vector<Match> matches;  // none: matches everything
  Filters filters;
  std::vector<WeightedBackend> backends;
  int64_t request_timeout_ms = 0;  // 0: none is set, and the usual wait for an answer holds
  int64_t backend_timeout_ms = 0;
  std::string error;  // the whole rule cannot be carried out: 500 with these words
};
struct Route {
  std::string name;                    // NS/NAME
  std::vector<std::string> listeners;  // NS/GATEWAY/LISTENER
  std::vector<std::string> hostnames;  // none: the listener's
  int64_t created_unix_s = 0;          // precedence: the oldest first
  std::vector<Rule> rules;
};
struct Listener {
  std::string gateway;  // NS/NAME
  std::string name;
  std::string host = "127.0.0.1";  // address bound
  int64_t port = 0;
  std::string protocol = "HTTP";
  std::string hostname;  // "" matches all
};
struct Endpoint {
  std::string host;
  int64_t port = 0;
};
// How a backend is authenticated to.
struct Auth {
  std::string kind = "none";   // none, key, passthrough
  std::string source;          // for the record: secret, inline
  std::string credential;      // for key; never printed
  std::string header, prefix;  // instead of the provider's own
  std::string missing;         // key named but not found: the message a caller without its own credential gets
};
struct AiTarget {
  std::string provider;  // folder name under providers/
  std::string model;     // overrides the client's when set
  std::string api_version;
  std::string path;  // overrides the provider's own when set
  Auth auth;
};
struct Backend {
  std::string name;  // NS/NAME
  std::vector<Endpoint> endpoints;
  bool tls = false;
  std::string server_name;  // SNI and verification; the endpoint's host when empty
  std::optional<AiTarget> ai;
  bool own_gateway = false;  // an endpoint is a listener of this configuration: requests may go round in a circle
};
struct RouteSpec {
  std::string api_version = "sightline/v1";
  std::vector<Listener> listeners;
  std::vector<Route> routes;
  std::vector<Backend> backends;
};

void describe(json::Fields<Match>& f);
void describe(json::Fields<Filters>& f);
void describe(json::Fields<RouteSpec>& f);

// JSON for people: credentials replaced by "[redacted]".
json::Value redacted(const RouteSpec& spec);

}  // namespace sl::route

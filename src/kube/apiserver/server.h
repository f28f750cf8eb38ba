// ApiServer: the embedded Kubernetes API over HTTPS, as unmodified kubectl and client libraries use it.
//
// Who calls: app/up builds it and passes handler() to an HttpServer. Thread: the server's loop.
// Security: every path but the health and version ones wants the bearer token; anonymous callers get 401.
// Errors are Status objects, over-large requests included. Limits: body 3 MiB.
// Source: Kubernetes API concepts; semantics are kube/api's.
#pragma once

#include <memory>

#include "base/log.h"
#include "kube/api/api.h"
#include "net/http_server/server.h"

namespace sl::kube {

struct ApiServerOptions {
  std::string token;  // the bearer token of the kubeconfig
  std::string user = "admin";
  // The log component behind a synthetic Pod, or "" if it has none.
  std::function<std::string(const std::string& ns, const std::string& pod)> log_component;
  std::function<bool()> ready;  // for /readyz
};

// A Status for a request that never reached the handler (too large, malformed).
net::ErrorBody render_error(int status, const Error& error);

class ApiServer {
 public:
  ApiServer(net::Loop& loop, Api& api, LogHub& logs, ApiServerOptions options);
  ~ApiServer();
  net::HttpHandler handler();

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace sl::kube

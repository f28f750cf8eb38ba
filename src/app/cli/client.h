// How client commands reach a running sightline: the addresses of a state directory, and the Kubernetes API through its
// kubeconfig. Who calls: the verbs. Thread: the command's own; requests run on a loop of the client.
#pragma once

#include <memory>
#include <string>

#include "json/value.h"
#include "net/http_client/client.h"
#include "net/loop/loop.h"

namespace sl::cli {

struct Where {
  std::string state_dir, kubeconfig;
};
// Adds --state-dir and --kubeconfig.
void add_where(CLI::App* verb, const std::shared_ptr<Where>& where);

class Client {
 public:
  explicit Client(Where where) : where_(std::move(where)) {}
  ~Client();

  // An address of endpoints.json: "ui", "admin", ...
  Result<std::string> endpoint(const std::string& name);
  Result<json::Value> endpoints();
  // JSON from the REST address ("data" of its envelope).
  Result<json::Value> rest(const std::string& path, std::string* said = nullptr);
  Result<net::ClientAnswer> http(net::ClientRequest request, std::function<void(std::string_view)> piece = nullptr);
  // A request to the Kubernetes API; answers of 400 and above become errors. `piece` streams the body.
  Result<std::string> kube(const std::string& method, const std::string& path, const std::string& body = {},
                           const std::string& content_type = "application/json",
                           const std::string& accept = "application/json",
                           std::function<void(std::string_view)> piece = nullptr);
  Result<std::string> kubeconfig_text();

 private:
  Result<void> open_kube();
  net::Loop& loop();

  Where where_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<net::HttpClient> plain_, kube_;
  std::string server_, token_;
};

}  // namespace sl::cli

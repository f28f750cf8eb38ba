#include <CLI/CLI.hpp>

#include "app/cli/client.h"

#include "app/cli/verbs.h"
#include "app/up/state_dir.h"
#include "base/strings.h"
#include "json/yaml.h"
#include "kube/object/status.h"
#include "net/tls/context.h"

namespace sl::cli {

void add_where(CLI::App* verb, const std::shared_ptr<Where>& where) {
  verb->add_option("--state-dir", where->state_dir, "State directory of the server");
  verb->add_option("--kubeconfig", where->kubeconfig, "Kubeconfig of the API; default that of the state directory");
}

Client::~Client() {
  if (loop_) {
    loop_->stop();
    loop_->join();
  }
}

net::Loop& Client::loop() {
  if (!loop_) {
    loop_ = std::make_unique<net::Loop>("client");
    loop_->start();
  }
  return *loop_;
}

Result<json::Value> Client::endpoints() {
  std::string folder = up::default_state_dir(where_.state_dir);
  if (!where_.kubeconfig.empty()) {  // both files lie side by side
    size_t slash = where_.kubeconfig.rfind('/');
    folder = slash == std::string::npos ? "." : where_.kubeconfig.substr(0, slash);
  }
  auto text = read_file(folder + "/endpoints.json");
  if (!text)
    return fail(Code::Unavailable,
                fmt::format("no sightline serves from {}; start one with `sightline up`, or name its state directory "
                            "with --state-dir",
                            folder));
  return json::parse(*text);
}

Result<std::string> Client::endpoint(const std::string& name) {
  SL_TRY(all, endpoints());
  return std::string(json::str(all, name));
}

Result<net::ClientAnswer> Client::http(net::ClientRequest request, std::function<void(std::string_view)> piece) {
  if (!plain_) plain_ = std::make_unique<net::HttpClient>(loop(), nullptr);
  return plain_->stream(std::move(request), std::move(piece));
}

Result<json::Value> Client::rest(const std::string& path, std::string* said) {
  SL_TRY(base, endpoint("ui"));
  net::ClientRequest r;
  r.url = base + path;
  SL_TRY(answer, http(std::move(r)));
  SL_TRY(body, json::parse(answer.body));
  if (answer.status >= 400)
    return fail(answer.status == 404 ? Code::NotFound : Code::Internal, std::string(json::str(body, "error")));
  if (said) *said = json::str(body, "message");
  auto* data = json::find(body, "data");
  return data ? *data : body;
}

Result<std::string> Client::kubeconfig_text() {
  return read_file(where_.kubeconfig.empty() ? up::default_state_dir(where_.state_dir) + "/kubeconfig"
                                             : where_.kubeconfig);
}

Result<void> Client::open_kube() {
  if (kube_) return {};
  SL_TRY(text, kubeconfig_text());
  SL_TRY(documents, json::parse_yaml(text));
  if (documents.empty()) return fail(Code::InvalidArgument, "the kubeconfig is empty");
  const json::Value& config = documents[0].value;
  std::string context(json::str(config, "current-context")), cluster, user, ca;
  auto each = [&](std::string_view list, std::string_view name, auto fn) {
    if (auto* a = json::arr(config, list))
      for (auto& e : *a)
        if (json::str(e, "name") == name) fn(e);
  };
  each("contexts", context, [&](auto& e) {
    cluster = json::str(e, "context", "cluster");
    user = json::str(e, "context", "user");
  });
  each("clusters", cluster, [&](auto& e) {
    server_ = json::str(e, "cluster", "server");
    ca = base64_decode(json::str(e, "cluster", "certificate-authority-data")).value_or("");
  });
  each("users", user, [&](auto& e) { token_ = json::str(e, "user", "token"); });
  if (server_.empty() || ca.empty())
    return fail(Code::InvalidArgument, "the kubeconfig names no server with certificate-authority-data");
  SL_TRY(tls, net::make_client_context_for_ca(ca));
  kube_ = std::make_unique<net::HttpClient>(loop(), tls);
  return {};
}

Result<std::string> Client::kube(const std::string& method, const std::string& path, const std::string& body,
                                 const std::string& content_type, const std::string& accept,
                                 std::function<void(std::string_view)> piece) {
  SL_CHECK(open_kube());
  net::ClientRequest r;
  r.method = method;
  r.url = server_ + path;
  r.headers = {
      {"Authorization", "Bearer " + token_}, {"Accept", accept}, {"User-Agent", "sightline/" SIGHTLINE_VERSION}};
  if (!body.empty()) r.headers.emplace_back("Content-Type", content_type);
  r.body = body;
  r.idle_ms = 24 * 3600'000;
  SL_TRY(answer, kube_->stream(std::move(r), std::move(piece)));
  if (answer.status >= 400) return fail(kube::from_status(answer.status, answer.body));
  return std::move(answer.body);
}

}  // namespace sl::cli

#include "app/up/side_servers.h"

#include "app/rest/guard.h"

namespace sl::up {

Result<std::string> SideServers::serve(const std::string& address,
                                       std::function<Answer(const net::HttpRequest&)> handler) {
  if (address.empty()) return std::string();
  auto answer = [handler = std::move(handler)](net::HttpRequest r, const net::HttpResponderPtr& out) {
    Answer a = handler(r);
    net::Headers headers;
    headers.emplace_back("Content-Type", std::move(a.type));
    out->respond(a.status, std::move(headers), std::move(a.text));
  };
  servers_.push_back(std::make_unique<net::HttpServer>(loop_, nullptr, std::move(answer)));
  SL_TRY(bound, servers_.back()->listen(address));
  return "http://" + bound;
}

Result<void> SideServers::listen(const Addresses& a) {
  SL_TRY(admin, serve(a.admin, [this](auto& r) { return config_dump(r); }));
  SL_TRY(metrics_at, serve(a.metrics, [this](auto& r) { return metrics(r); }));
  SL_TRY(ready_at, serve(a.ready, [this](auto& r) { return readiness(r); }));
  admin_url_ = std::move(admin);
  metrics_url_ = std::move(metrics_at);
  ready_url_ = std::move(ready_at);
  return {};
}

void SideServers::close() {
  for (auto& server : servers_) server->close();
}

static constexpr char kForeign[] = "this address answers only to an IP address or localhost\n";

SideServers::Answer SideServers::config_dump(const net::HttpRequest& r) {
  if (rest::foreign_host(r)) return {403, "text/plain", kForeign};
  if (r.path != "/config_dump") return {404, "text/plain", "served here: /config_dump\n"};
  auto snapshot = plane_.snapshot();
  json::Object dump{{"generation", plane_.generation()}};
  if (snapshot) dump["spec"] = route::redacted(snapshot->spec());
  return {200, "application/json", json::dump_pretty(dump)};
}

SideServers::Answer SideServers::metrics(const net::HttpRequest& r) {
  if (rest::foreign_host(r)) return {403, "text/plain", kForeign};
  if (r.path != "/metrics") return {404, "text/plain", "served here: /metrics\n"};
  plane_.flush_records();
  recorder_.flush();
  return {200, "text/plain; version=0.0.4; charset=utf-8", recorder_.metrics().text()};
}

SideServers::Answer SideServers::readiness(const net::HttpRequest& r) {
  if (r.path != "/healthz/ready") return {404, "text/plain", "served here: /healthz/ready\n"};
  bool ready = ready_();
  return {ready ? 200 : 503, "text/plain", ready ? "ready\n" : "not ready\n"};
}

}  // namespace sl::up

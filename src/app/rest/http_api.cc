#include "app/rest/http_api.h"

#include <fmt/format.h>

#include "agent/server/caller.h"
#include "app/rest/guard.h"
#include "app/rest/page.h"
#include "base/strings.h"

namespace sl::rest {

using json::Array;
using json::Object;
using net::Headers;

static Path pieces(std::string_view path) {
  Path out;
  for (auto p : split(path, '/'))
    if (!p.empty()) out.emplace_back(p);
  return out;
}

void HttpApi::handle(net::HttpRequest r, const net::HttpResponderPtr& out) {
  if (foreign_host(r) || foreign_origin(r))
    return out->respond(
        403, Headers{{"Content-Type", "application/json"}},
        R"({"error":"this address answers only pages it served itself; use its IP address or localhost"})");
  if (r.path.starts_with("/api/a2a/")) {
    if (!a2a_.handle(r, out))
      out->respond(404, Headers{{"Content-Type", "application/json"}},
                   R"({"error":"A2A paths are /api/a2a/NAMESPACE/NAME/"})");
    return;
  }
  if (r.path == "/health") return out->respond(200, Headers{{"Content-Type", "text/plain"}}, "OK");
  if (r.path == "/version")
    return out->respond(
        200, Headers{{"Content-Type", "application/json"}},
        json::dump(
            Object{{"kagent_version", "0.10.0+sightline." SIGHTLINE_VERSION}, {"git_commit", ""}, {"build_date", ""}}));
  auto path = pieces(r.path);
  if (path.empty() || path[0] != "api") return serve_page(r, out);
  auto answer = route(r, path);
  Headers headers{{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  if (answer)
    out->respond(answer->status, std::move(headers), json::dump(answer->body));
  else
    out->respond(http_status(answer.error().code), std::move(headers),
                 json::dump(Object{{"error", answer.error().message}}));
}

Result<Answer> HttpApi::route(const net::HttpRequest& r, const Path& path) {
  const std::string& what = path.size() > 1 ? path[1] : path[0];
  if (what == "me" && r.method == "GET") return Answer{200, Object{{"sub", agent::user_of(r)}}};
  if (what == "agents") return resources_.agents(r, path);
  if (what == "modelconfigs") return resources_.model_configs(r, path);
  if (what == "sessions") return sessions_.sessions(r, path);
  if (what == "tasks") return sessions_.tasks(r, path);
  if (what == "records" || what == "traces") return records(r, path);
  if (what == "namespaces" && r.method == "GET") return resources_.namespaces();
  if ((what == "tools" || what == "toolservers") && r.method == "GET")
    return Answer{200, envelope(Array{}, "Successfully listed " + what)};
  for (auto name : {"me", "namespaces", "tools", "toolservers"})
    if (what == name) return fail(Code::MethodNotAllowed, fmt::format("/api/{} takes GET", name));
  return fail(Code::NotFound, fmt::format("{} is not served", r.path));
}

Result<Answer> HttpApi::records(const net::HttpRequest& r, const Path& path) {
  flush_();
  recorder_.flush();
  if (path[1] == "traces") {
    if (path.size() != 3) return fail(Code::NotFound, "traces are read with GET /api/traces/ID");
    SL_TRY(found, ledger_.trace_of(path[2]));
    return Answer{200, envelope(std::move(found), "")};
  }
  observe::LedgerQuery q;
  q.agent = r.query_value("agent");
  q.session = r.query_value("session");
  q.turn = r.query_value("turn");
  q.trace = r.query_value("trace");
  q.since_us = parse_int(r.query_value("since_us")).value_or(0);
  q.after_id = parse_int(r.query_value("after")).value_or(0);
  q.limit = std::min<uint64_t>(10'000, parse_uint(r.query_value("limit")).value_or(1000));
  SL_TRY(found, ledger_.find(q));
  std::string said;
  if (auto n = recorder_.metrics().ledger_skipped())
    said = fmt::format("of plain requests above 100 a second, {} since the start are in the access log only", n);
  return Answer{200, envelope(std::move(found), said)};
}

}  // namespace sl::rest

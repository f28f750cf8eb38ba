// `sightline route`: which listener, rule and backend a request would take, and why the others did not match.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "base/strings.h"
#include "route/match/match.h"

namespace sl::cli {
namespace {

struct Options {
  std::shared_ptr<Where> where = std::make_shared<Where>();
  std::string gateway, method = "GET", host, path = "/", output = "text";
  std::vector<std::string> headers;
};

void print_text(const Options& o, const route::MatchResult& found, const std::vector<std::string>& why) {
  fmt::print("{} {} host={}\n", o.method, o.path, o.host);
  if (found.listener)
    fmt::print("listener  {} ({})\n", found.listener->key,
               found.listener->spec.hostname.empty() ? "every host" : found.listener->spec.hostname);
  if (found.match) {
    fmt::print("route     {}\nmatch     path {} {}\n", found.match->rule->route, found.match->spec->path.type,
               found.match->spec->path.value);
    for (auto& share : found.match->rule->shares) {
      if (!share.backend) fmt::print("backend   500: {}\n", share.error);
      for (auto& e : share.backend ? share.backend->spec.endpoints : std::vector<route::Endpoint>{})
        fmt::print("backend   {} at {}:{}{}{}, weight {}\n", share.backend->spec.name, e.host, e.port,
                   share.backend->spec.tls ? " (TLS)" : "",
                   share.backend->spec.ai ? " as " + share.backend->spec.ai->provider : "", share.weight);
    }
  } else {
    fmt::print("no route matches: 404\n");
  }
  for (auto& line : why) fmt::print("not       {}\n", line);
}

void print_json(const route::MatchResult& found, const std::vector<std::string>& why) {
  json::Object out{{"matched", found.match != nullptr}, {"not", json::Array(why.begin(), why.end())}};
  if (found.listener) out["listener"] = found.listener->key;
  if (found.match) {
    out["route"] = found.match->rule->route;
    json::Array backends;
    for (auto& share : found.match->rule->shares)
      backends.push_back(json::Object{{"backend", share.backend ? share.backend->spec.name : ""},
                                      {"weight", share.weight},
                                      {"error", share.error}});
    out["backends"] = std::move(backends);
  }
  fmt::print("{}", json::dump_pretty(out));
}

Result<int> run(const Options& o) {
  Client client(*o.where);
  SL_TRY(base, client.endpoint("admin"));
  net::ClientRequest r;
  r.url = base + "/config_dump";
  SL_TRY(answer, client.http(std::move(r)));
  SL_TRY(dump, json::parse(answer.body));
  auto* spec_json = json::find(dump, "spec");
  if (!spec_json) return fail(Code::Unavailable, "the data plane has no configuration yet");
  SL_TRY(spec, json::decode<route::RouteSpec>(*spec_json));
  SL_TRY(snapshot, route::Snapshot::build(std::move(spec), 1));
  std::vector<const route::CompiledListener*> listeners;
  for (auto& bind : snapshot->binds())
    for (auto* l : *snapshot->listeners_at(bind))
      if (l->spec.gateway == o.gateway) listeners.push_back(l);
  if (listeners.empty())
    return fail(Code::NotFound,
                fmt::format("gateway \"{}\" has no listener; --gateway takes NAMESPACE/NAME", o.gateway));
  std::vector<std::pair<std::string, std::string>> headers;
  for (auto& h : o.headers) {
    size_t eq = h.find('=');
    if (eq == std::string::npos)
      return fail(Code::InvalidArgument, fmt::format("--header \"{}\" must be NAME=VALUE", h));
    headers.emplace_back(h.substr(0, eq), h.substr(eq + 1));
  }
  route::RequestView view;
  view.method = o.method;
  view.host = o.host;
  size_t question = o.path.find('?');
  view.path = std::string_view(o.path).substr(0, question);
  if (question != std::string::npos) view.query = std::string_view(o.path).substr(question + 1);
  view.header = [&](std::string_view name) -> std::optional<std::string_view> {
    for (auto& [k, v] : headers)
      if (iequals(k, name)) return v;
    return std::nullopt;
  };
  if (route::has_dot_segment(view.path)) return fail(Code::InvalidArgument, std::string(route::kDotSegment));
  std::vector<std::string> why;
  auto found = route::match_request(listeners, view, &why);
  if (o.output == "json")
    print_json(found, why);
  else
    print_text(o, found, why);
  return found.match ? 0 : 1;
}

}  // namespace

void add_route(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("route", "Which route a request would take, and why the others did not match");
  auto o = std::make_shared<Options>();
  add_where(verb, o->where);
  verb->add_option("--gateway", o->gateway, "Gateway, NAMESPACE/NAME")->required();
  verb->add_option("--method", o->method, "Method")->capture_default_str();
  verb->add_option("--host", o->host, "Host");
  verb->add_option("--path", o->path, "Path, with query")->capture_default_str();
  verb->add_option("--header", o->headers, "NAME=VALUE; repeatable");
  verb->add_option("-o,--output", o->output, "text or json")->check(CLI::IsMember({"text", "json"}));
  verb->callback([=] {
    auto done = run(*o);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

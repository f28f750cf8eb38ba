// `sightline route`: which listener, rule and backend a request would take, and why the others did not match.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <map>

#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "base/strings.h"
#include "route/match/match.h"

namespace sl::cli {
namespace {

struct Options {
  std::shared_ptr<Where> where = std::make_shared<Where>();
  std::string gateway, method = "GET", host, path = "/", output = "text";
  uint16_t port = 0;
  std::vector<std::string> headers;
};

using Headers = std::vector<std::pair<std::string, std::string>>;
using Listeners = std::vector<const route::CompiledListener*>;

// What the gateway would answer by itself; 0 when a backend answers.
int own_status(const route::MatchResult& found) {
  if (!found.match) return 404;
  auto& rule = *found.match->rule;
  if (!rule.error.empty()) return 500;
  if (rule.spec->filters.redirect) return static_cast<int>(rule.spec->filters.redirect->status);
  return rule.weight_total > 0 ? 0 : 500;
}
std::string own_words(const route::MatchResult& found) {
  if (!found.listener) return "no listener serves the host";
  if (!found.match) return "no route matches";
  auto& rule = *found.match->rule;
  if (!rule.error.empty()) return rule.error;
  if (rule.spec->filters.redirect) return "redirect";
  if (rule.shares.empty()) return "the rule has no backends";
  return rule.weight_total > 0 ? "" : "every backend of the rule has weight 0";
}

// "scheme=https host=x path=prefix:/y port=8443", of what a redirect or rewrite changes.
std::string changes(const std::string& scheme, const std::string& host, const std::optional<route::PathChange>& path,
                    std::optional<int64_t> port) {
  std::vector<std::string> out;
  if (!scheme.empty()) out.push_back("scheme=" + scheme);
  if (!host.empty()) out.push_back("host=" + host);
  if (path) out.push_back(fmt::format("path={}:{}", path->type, path->value));
  if (port) out.push_back(fmt::format("port={}", *port));
  return join(out, " ");
}

// The conditions of a match: "path prefix /x, method GET, header a=b, query c~d".
std::string match_text(const route::CompiledMatch& m) {
  std::string out = fmt::format("path {} {}", m.spec->path.type, m.spec->path.value);
  if (!m.spec->method.empty()) out += ", method " + m.spec->method;
  auto named = [&](std::string_view what, const std::vector<route::HeaderMatch>& list) {
    for (auto& h : list) out += fmt::format(", {} {}{}{}", what, h.name, h.regex ? "~" : "=", h.value);
  };
  named("header", m.spec->headers);
  named("query", m.spec->query);
  return out;
}

void print_share(const route::CompiledShare& share) {
  if (!share.backend) return fmt::print("backend   500: {}, weight {}\n", share.error, share.weight);
  auto& spec = share.backend->spec;
  if (spec.endpoints.empty()) fmt::print("backend   503: {} has no endpoints, weight {}\n", spec.name, share.weight);
  for (auto& e : spec.endpoints)
    fmt::print("backend   {} at {}:{}{}{}, weight {}\n", spec.name, e.host, e.port, spec.tls ? " (TLS)" : "",
               spec.ai ? " as " + spec.ai->provider : "", share.weight);
}

void print_text(const Options& o, const route::MatchResult& found, const std::vector<std::string>& others) {
  fmt::print("{} {} host={}\n", o.method, o.path, o.host);
  if (found.listener)
    fmt::print("listener  {} ({}, port {})\n", found.listener->key,
               found.listener->spec.hostname.empty() ? "every host" : found.listener->spec.hostname,
               found.listener->spec.port);
  if (found.listener && found.listener->spec.gateway != o.gateway)
    fmt::print("gateway   {} takes this host on the port that both listen on\n", found.listener->spec.gateway);
  if (found.match) {
    auto& rule = *found.match->rule;
    fmt::print("route     {} rule {}\nmatch     {}\n", rule.route, route::rule_name(rule), match_text(*found.match));
    auto& f = rule.spec->filters;
    if (f.redirect)
      fmt::print("redirect  {}\n",
                 changes(f.redirect->scheme, f.redirect->hostname, f.redirect->path, f.redirect->port));
    if (f.rewrite) fmt::print("rewrite   {}\n", changes("", f.rewrite->hostname, f.rewrite->path, std::nullopt));
    if (!own_status(found))
      for (auto& share : rule.shares) print_share(share);
  }
  if (int status = own_status(found)) fmt::print("answer    {}: {}\n", status, own_words(found));
  for (auto& line : others) fmt::print("not       {}\n", line);
}

void print_json(const route::MatchResult& found, const std::vector<std::string>& others) {
  json::Object out{{"matched", found.match != nullptr}, {"not", json::Array(others.begin(), others.end())}};
  if (found.listener) {
    out["listener"] = found.listener->key;
    out["port"] = found.listener->spec.port;
  }
  if (int status = own_status(found)) out["answer"] = json::Object{{"status", status}, {"message", own_words(found)}};
  if (found.match) {
    auto& rule = *found.match->rule;
    out["route"] = rule.route;
    out["rule"] = json::Object{{"index", rule.index}, {"name", rule.spec->name}, {"error", rule.error}};
    out["match"] = json::encode(*found.match->spec);
    out["filters"] = json::encode(rule.spec->filters);
    json::Array backends;
    for (auto& share : rule.shares) {
      json::Object b{
          {"backend", share.backend ? share.backend->spec.name : ""}, {"weight", share.weight}, {"error", share.error}};
      if (share.backend) {
        auto& spec = share.backend->spec;
        b["endpoints"] = json::Array(share.backend->authorities.begin(), share.backend->authorities.end());
        b["tls"] = spec.tls;
        if (spec.ai) b["provider"] = spec.ai->provider;
      }
      backends.push_back(std::move(b));
    }
    out["backends"] = std::move(backends);
  }
  fmt::print("{}", json::dump_pretty(out));
}

Result<Headers> headers_of(const Options& o) {
  Headers out;
  for (auto& h : o.headers) {
    size_t at = h.find_first_of("=:");  // a name holds neither
    if (at == std::string::npos || at == 0)
      return fail(Code::InvalidArgument, fmt::format("--header \"{}\" must be NAME=VALUE or NAME: VALUE", h));
    std::string_view value = std::string_view(h).substr(at + 1);
    out.emplace_back(h.substr(0, at), h[at] == ':' ? trim(value) : value);
  }
  return out;
}

// The listeners on one port: --port, or that of --host if a listener has it, or the only one.
Result<Listeners> listeners_of(const Options& o, const route::Snapshot& snapshot) {
  // All that are bound there, of whichever gateway: the data plane picks among them.
  std::map<int64_t, Listeners> by_port;
  for (auto& bind : snapshot.binds()) {
    auto& there = *snapshot.listeners_at(bind);
    auto ours = std::find_if(there.begin(), there.end(), [&](auto* l) { return l->spec.gateway == o.gateway; });
    if (ours != there.end()) by_port[(*ours)->spec.port] = there;
  }
  if (by_port.empty())
    return fail(Code::NotFound,
                fmt::format("gateway \"{}\" has no listener; --gateway takes NAMESPACE/NAME", o.gateway));
  std::string ports;
  for (auto& [port, list] : by_port) ports += fmt::format("{}{}", ports.empty() ? "" : ", ", port);
  if (o.port) {
    if (auto it = by_port.find(o.port); it != by_port.end()) return it->second;
    return fail(Code::NotFound,
                fmt::format("gateway {} does not listen on port {}; it does on {}", o.gateway, o.port, ports));
  }
  auto bare = route::host_without_port(o.host);
  if (bare.size() + 1 < o.host.size())
    if (auto port = parse_uint(std::string_view(o.host).substr(bare.size() + 1)))
      if (auto it = by_port.find(static_cast<int64_t>(*port)); it != by_port.end()) return it->second;
  if (by_port.size() > 1)
    return fail(Code::InvalidArgument,
                fmt::format("gateway {} listens on ports {}: say --port, or --host HOST:PORT", o.gateway, ports));
  return by_port.begin()->second;
}

Result<int> run(const Options& o) {
  SL_TRY(headers, headers_of(o));
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
  SL_TRY(listeners, listeners_of(o, *snapshot));
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
  auto found = route::match_request(listeners, view);
  auto others = route::explain_others(listeners, view, found);
  if (o.output == "json")
    print_json(found, others);
  else
    print_text(o, found, others);
  return found.match ? 0 : 1;
}

}  // namespace

void add_route(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("route", "Which route a request would take, and why the others did not match");
  auto o = std::make_shared<Options>();
  add_where(verb, o->where);
  verb->add_option("--gateway", o->gateway, "Gateway, NAMESPACE/NAME")->required();
  verb->add_option("--method", o->method, "Method")->capture_default_str();
  verb->add_option("--host", o->host, "Host, perhaps with port");
  verb->add_option("--port", o->port, "Port of the listener, where the gateway has several");
  verb->add_option("--path", o->path, "Path, with query")->capture_default_str();
  verb->add_option("--header", o->headers, "NAME=VALUE or NAME: VALUE; repeatable");
  verb->add_option("-o,--output", o->output, "text or json")->check(CLI::IsMember({"text", "json"}));
  verb->callback([=] {
    auto done = run(*o);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

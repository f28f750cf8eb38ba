#include "route/match/match.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace sl::route {
namespace {

bool host_fits(std::string_view pattern, std::string_view host) {
  if (pattern.empty()) return true;
  if (!pattern.starts_with("*.")) return iequals(pattern, host);
  std::string_view suffix = pattern.substr(1);
  return host.size() > suffix.size() && iequals(host.substr(host.size() - suffix.size()), suffix);
}

bool value_fits(const HeaderMatch& want, const re2::RE2* regex, std::string_view found) {
  return regex ? re2::RE2::FullMatch({found.data(), found.size()}, *regex) : found == want.value;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  for (auto part : split(query, '&')) {
    size_t eq = part.find('=');
    auto key = percent_decode(part.substr(0, eq), true);
    if (key && *key == name)
      return percent_decode(eq == std::string_view::npos ? std::string_view() : part.substr(eq + 1), true);
  }
  return std::nullopt;
}

// "" when every condition but the path holds, else what failed. `explain` asks for words.
bool conditions_hold(const CompiledMatch& m, const RequestView& r, std::string* reason) {
  if (m.unreadable) return true;
  if (!m.spec->method.empty() && m.spec->method != r.method) {
    if (reason) *reason = fmt::format("method is {}, not {}", r.method, m.spec->method);
    return false;
  }
  for (size_t i = 0; i < m.spec->headers.size(); ++i) {
    auto& want = m.spec->headers[i];
    auto found = r.header ? r.header(want.name) : std::nullopt;
    if (found && value_fits(want, m.header_regex[i].get(), *found)) continue;
    if (reason)
      *reason = found ? fmt::format("header {} is \"{}\", not \"{}\"", want.name, *found, want.value)
                      : fmt::format("header {} is absent", want.name);
    return false;
  }
  for (size_t i = 0; i < m.spec->query.size(); ++i) {
    auto& want = m.spec->query[i];
    auto found = query_value(r.query, want.name);
    if (found && value_fits(want, m.query_regex[i].get(), *found)) continue;
    if (reason) *reason = fmt::format("query parameter {} does not match", want.name);
    return false;
  }
  return true;
}

const CompiledMatch* first_of(const std::vector<const CompiledMatch*>& list, const RequestView& r,
                              std::vector<std::string>* why) {
  for (auto* m : list) {
    std::string reason;
    if (conditions_hold(*m, r, why ? &reason : nullptr)) return m;
    if (why)
      why->push_back(
          fmt::format("route {} path {} {}: {}", m->rule->route, m->spec->path.type, m->spec->path.value, reason));
  }
  return nullptr;
}

const CompiledMatch* match_table(const HostTable& table, const RequestView& r, std::vector<std::string>* why) {
  std::string key(r.path);
  if (auto it = table.exact.find(key); it != table.exact.end())
    if (auto* m = first_of(it->second, r, why)) return m;
  // Prefixes from the longest: whole path, then without its last element, down to the root ("").
  while (key.ends_with('/')) key.pop_back();
  if (!table.prefix.empty()) {
    for (;;) {
      if (auto it = table.prefix.find(key); it != table.prefix.end())
        if (auto* m = first_of(it->second, r, why)) return m;
      if (key.empty()) break;
      key.resize(key.rfind('/') == std::string::npos ? 0 : key.rfind('/'));
    }
  }
  for (auto* m : table.regex) {
    if (!re2::RE2::FullMatch({r.path.data(), r.path.size()}, *m->path_regex)) {
      if (why) why->push_back(fmt::format("route {} path regex {}: does not match", m->rule->route, m->path_value));
      continue;
    }
    std::string reason;
    if (conditions_hold(*m, r, why ? &reason : nullptr)) return m;
    if (why) why->push_back(fmt::format("route {} path regex {}: {}", m->rule->route, m->path_value, reason));
  }
  if (why) {
    for (auto& m : table.owned) {
      bool path_fits = m->path_rank == 2 || (m->path_rank == 0 ? m->path_value == r.path : false);
      if (!path_fits && m->path_rank == 1) {
        std::string_view p = r.path;
        path_fits =
            p.starts_with(m->path_value) && (p.size() == m->path_value.size() || p[m->path_value.size()] == '/');
      }
      if (!path_fits)
        why->push_back(fmt::format("route {} path {} {}: path is {}", m->rule->route, m->spec->path.type,
                                   m->spec->path.value, r.path));
    }
  }
  return nullptr;
}

}  // namespace

// Also written "%2e": who matches a path as it is written and who resolves it first would see two paths, and a rule for
// one would open another.
bool has_dot_segment(std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    size_t at = slash + 1, dots = 0;
    while (at < path.size()) {
      bool encoded = path[at] == '%' && at + 2 < path.size() && path[at + 1] == '2' && (path[at + 2] | 0x20) == 'e';
      if (path[at] != '.' && !encoded) break;
      at += encoded ? 3 : 1;
      ++dots;
    }
    if ((dots == 1 || dots == 2) && (at == path.size() || path[at] == '/')) return true;
  }
  return false;
}

std::string_view host_without_port(std::string_view host) {
  if (host.starts_with('[')) {
    size_t close = host.find(']');
    return close == std::string_view::npos ? host : host.substr(0, close + 1);
  }
  return host.substr(0, host.find(':'));
}

const CompiledListener* pick_listener(const std::vector<const CompiledListener*>& listeners, std::string_view host) {
  for (auto* l : listeners)  // most specific first
    if (host_fits(l->spec.hostname, host)) return l;
  return nullptr;
}

MatchResult match_request(const std::vector<const CompiledListener*>& listeners, const RequestView& request,
                          std::vector<std::string>* why) {
  std::string host = to_lower(host_without_port(request.host));
  MatchResult out;
  out.listener = pick_listener(listeners, host);
  if (!out.listener) {
    if (why) why->push_back(fmt::format("no listener serves host \"{}\"", host));
    return out;
  }
  auto& hosts = out.listener->hosts;
  auto try_host = [&](const std::string& pattern) {
    auto it = hosts.find(pattern);
    if (it != hosts.end()) out.match = match_table(*it->second, request, why);
    return out.match != nullptr;
  };
  if (hosts.size() == 1 && hosts.begin()->first.empty()) {  // the common case: no host names at all
    out.match = match_table(*hosts.begin()->second, request, why);
    return out;
  }
  if (try_host(host)) return out;
  for (size_t dot = host.find('.'); dot != std::string::npos; dot = host.find('.', dot + 1))
    if (try_host("*" + host.substr(dot))) return out;
  if (why)
    for (auto& [pattern, table] : hosts)
      if (!host_fits(pattern, host)) why->push_back(fmt::format("host {}: host is {}", pattern, host));
  try_host("");
  return out;
}

}  // namespace sl::route

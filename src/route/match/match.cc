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

const CompiledMatch* first_of(const std::vector<const CompiledMatch*>& list, const RequestView& r) {
  for (auto* m : list)
    if (conditions_hold(*m, r, nullptr)) return m;
  return nullptr;
}

const CompiledMatch* match_table(const HostTable& table, const RequestView& r) {
  std::string key(r.path);
  if (auto it = table.exact.find(key); it != table.exact.end())
    if (auto* m = first_of(it->second, r)) return m;
  // Prefixes from the longest: whole path, then without its last element, down to the root ("").
  while (key.ends_with('/')) key.pop_back();
  if (!table.prefix.empty()) {
    for (;;) {
      if (auto it = table.prefix.find(key); it != table.prefix.end())
        if (auto* m = first_of(it->second, r)) return m;
      if (key.empty()) break;
      key.resize(key.rfind('/') == std::string::npos ? 0 : key.rfind('/'));
    }
  }
  for (auto* m : table.regex)
    if (re2::RE2::FullMatch({r.path.data(), r.path.size()}, *m->path_regex) && conditions_hold(*m, r, nullptr))
      return m;
  return nullptr;
}

bool path_fits(const CompiledMatch& m, std::string_view path) {
  if (m.path_rank == 0) return m.path_value == path;
  if (m.path_rank == 2) return re2::RE2::FullMatch({path.data(), path.size()}, *m.path_regex);
  if (m.path_value.empty()) return true;  // the root, also of "*"
  return path.starts_with(m.path_value) && (path.size() == m.path_value.size() || path[m.path_value.size()] == '/');
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

MatchResult match_request(const std::vector<const CompiledListener*>& listeners, const RequestView& request) {
  std::string host = to_lower(host_without_port(request.host));
  MatchResult out;
  out.listener = pick_listener(listeners, host);
  if (!out.listener) return out;
  auto& hosts = out.listener->hosts;
  auto try_host = [&](const std::string& pattern) {
    auto it = hosts.find(pattern);
    if (it != hosts.end()) out.match = match_table(*it->second, request);
    return out.match != nullptr;
  };
  if (hosts.size() == 1 && hosts.begin()->first.empty()) {  // the common case: no host names at all
    out.match = match_table(*hosts.begin()->second, request);
    return out;
  }
  if (try_host(host)) return out;
  for (size_t dot = host.find('.'); dot != std::string::npos; dot = host.find('.', dot + 1))
    if (try_host("*" + host.substr(dot))) return out;
  try_host("");
  return out;
}

std::string rule_name(const CompiledRule& rule) {
  if (rule.spec && !rule.spec->name.empty()) return fmt::format("{} ({})", rule.index, rule.spec->name);
  return std::to_string(rule.index);
}

std::vector<std::string> explain_others(const std::vector<const CompiledListener*>& listeners,
                                        const RequestView& request, const MatchResult& found) {
  std::string host = to_lower(host_without_port(request.host));
  if (!found.listener) {
    std::vector<std::string> names;
    for (auto* l : listeners) names.push_back(fmt::format("{} ({})", l->key, l->spec.hostname));
    return {fmt::format("no listener serves host \"{}\"; there are {}", host, join(names, ", "))};
  }
  // As they would be tried: by host name from the most specific, path, then the rest of precedence.
  std::vector<std::pair<const HostTable*, const CompiledMatch*>> all;
  for (auto& [pattern, table] : found.listener->hosts)
    for (auto& m : table->owned) all.emplace_back(table.get(), m.get());
  auto place = [](auto& entry) {
    auto& [table, m] = entry;
    auto& p = table->pattern;
    return std::tuple(p.empty()             ? 2
                      : p.starts_with("*.") ? 1
                                            : 0,
                      -static_cast<int64_t>(p.size()), std::string_view(p), m->path_rank,
                      -static_cast<int64_t>(m->path_value.size()));
  };
  std::sort(all.begin(), all.end(), [&](auto& a, auto& b) {
    auto x = place(a), y = place(b);
    return x != y ? x < y : before(a.second, b.second);
  });
  std::vector<std::string> out;
  for (auto& [table, m] : all) {
    if (m == found.match) continue;
    std::string reason;
    if (!host_fits(table->pattern, host))
      reason = fmt::format("host is {}, not {}", host, table->pattern);
    else if (!path_fits(*m, request.path))
      reason = fmt::format("path is {}", request.path);
    else if (conditions_hold(*m, request, &reason))
      reason = "fits too, but comes after the one that is taken";
    if (!m->rule->error.empty()) reason += fmt::format(" (and the rule cannot be carried out: {})", m->rule->error);
    std::string_view path = m->spec->path.value;
    out.push_back(fmt::format("route {} rule {} path {} {}: {}", m->rule->route, rule_name(*m->rule),
                              m->spec->path.type, path.starts_with('/') || m->path_rank == 2 ? path : "(unreadable)",
                              reason));
  }
  return out;
}

}  // namespace sl::route

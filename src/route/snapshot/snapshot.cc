#include "route/snapshot/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace sl::route {
namespace {

std::string bind_of(const Listener& l) {
  return fmt::format("{}:{}", l.host, l.port);
}

// Is host `narrow` (exact or wildcard) covered by `wide`?
bool covers(std::string_view wide, std::string_view narrow) {
  if (wide.empty() || wide == narrow) return true;
  if (!wide.starts_with("*.")) return false;
  std::string_view suffix = wide.substr(1);
  return narrow.size() > suffix.size() && narrow.ends_with(suffix);
}

// The host names of a route that serve at a listener, as the route has them ("": it has none): whatever the listener
// takes is the listener's already, and precedence goes by the route's name, not by what both have in common.
std::vector<std::string> hosts_at(const Route& route, const Listener& listener) {
  if (route.hostnames.empty()) return {""};
  std::vector<std::string> out;
  std::string mine = to_lower(listener.hostname);
  for (auto& raw : route.hostnames) {
    std::string host = to_lower(raw);
    if (covers(mine, host) || covers(host, mine)) out.push_back(std::move(host));
  }
  return out;
}

Result<std::unique_ptr<re2::RE2>> compile_at(const std::string& text, std::string_view where) {
  auto re = compile_regex(text);
  if (!re) return fail(with_context(re.error(), where));
  return re;
}

Result<void> compile_match(const Match& m, CompiledMatch& out) {
  out.spec = &m;
  out.path_value = m.path.value;
  if (m.path.type == "exact") {
    out.path_rank = 0;
  } else if (m.path.type == "prefix") {
    out.path_rank = 1;
    while (out.path_value.ends_with('/')) out.path_value.pop_back();
  } else {
    out.path_rank = 2;
    SL_TRY(re, compile_at(m.path.value, "path"));
    out.path_regex = std::move(re);
  }
  auto each = [](const std::vector<HeaderMatch>& list, auto& regexes, std::string_view what) -> Result<void> {
    for (auto& h : list) {
      regexes.emplace_back();
      if (!h.regex) continue;
      SL_TRY(re, compile_at(h.value, fmt::format("{} {}", what, h.name)));
      regexes.back() = std::move(re);
    }
    return {};
  };
  SL_CHECK(each(m.headers, out.header_regex, "header"));
  return each(m.query, out.query_regex, "query parameter");
}

// The share acts on what the rule has made: what it sets or removes replaces what the rule set or added.
std::optional<HeaderChange> merge(const std::optional<HeaderChange>& rule, const std::optional<HeaderChange>& share) {
  if (!rule) return share;
  if (!share) return rule;
  HeaderChange out = *rule;
  auto take_back = [&](const std::string& name) {
    auto named = [&](const HeaderValue& h) { return iequals(h.name, name); };
    std::erase_if(out.set, named);
    std::erase_if(out.add, named);
  };
  for (auto& h : share->set) take_back(h.name);
  for (auto& name : share->remove) take_back(name);
  out.set.insert(out.set.end(), share->set.begin(), share->set.end());
  out.add.insert(out.add.end(), share->add.begin(), share->add.end());
  out.remove.insert(out.remove.end(), share->remove.begin(), share->remove.end());
  return out;
}

const Match kEverything{};

}  // namespace

bool before(const CompiledMatch* a, const CompiledMatch* b) {
  auto key = [](const CompiledMatch* m) {
    return std::tuple(m->spec->method.empty(), -static_cast<int64_t>(m->spec->headers.size()),
                      -static_cast<int64_t>(m->spec->query.size()), m->created, std::string_view(m->rule->route),
                      m->order);
  };
  return key(a) < key(b);
}

void Snapshot::compile_rule(const Route& route, const Rule& rule) {
  auto compiled = std::make_unique<CompiledRule>();
  compiled->route = route.name;
  compiled->spec = &rule;
  compiled->index = static_cast<size_t>(&rule - route.rules.data());
  compiled->error = rule.error;
  for (auto& share : rule.backends) {
    CompiledShare out;
    out.weight = share.weight;
    out.filters = share.filters;
    out.request_headers = merge(rule.filters.request_headers, share.filters.request_headers);
    out.response_headers = merge(rule.filters.response_headers, share.filters.response_headers);
    out.error = share.error;
    auto it = backends_.find(share.backend);
    if (it != backends_.end() && out.error.empty())
      out.backend = &it->second;
    else if (out.error.empty())
      out.error = fmt::format("backend {} does not exist", share.backend);
    compiled->weight_total += share.weight;
    compiled->shares.push_back(std::move(out));
  }
  rules_.push_back(std::move(compiled));
}

// A match that cannot be read keeps its path and answers 500: what it was meant to hold back must not fall through to
// another rule.
void Snapshot::break_match(CompiledMatch& match, const std::string& why) {
  auto broken = std::make_unique<CompiledRule>();
  broken->route = match.rule->route;
  broken->spec = match.rule->spec;
  broken->index = match.rule->index;
  broken->error = why;
  match.rule = broken.get();
  match.unreadable = true;
  rules_.push_back(std::move(broken));
}

void Snapshot::add_matches(const Route& route, const CompiledRule& rule, size_t rule_index,
                           CompiledListener& listener) {
  static const std::vector<Match> all{kEverything};
  auto& matches = rule.spec->matches.empty() ? all : rule.spec->matches;
  for (auto& host : hosts_at(route, listener.spec)) {
    auto& table = listener.hosts[host];
    if (!table) {
      table = std::make_unique<HostTable>();
      table->pattern = host;
    }
    for (size_t i = 0; i < matches.size(); ++i) {
      auto m = std::make_unique<CompiledMatch>();
      m->rule = &rule;
      m->created = route.created_unix_s;
      m->order = rule_index * 1000 + i;
      auto ok = compile_match(matches[i], *m);
      if (!ok) {
        problems_.push_back(fmt::format("route {} rule {}: {}", route.name, rule_index, ok.error().message));
        if (!m->path_regex && matches[i].path.type == "regex") continue;  // an unreadable path takes nothing
        break_match(*m, ok.error().message);
      }
      if (m->path_rank == 0)
        table->exact[m->path_value].push_back(m.get());
      else if (m->path_rank == 1)
        table->prefix[m->path_value].push_back(m.get());
      else
        table->regex.push_back(m.get());
      table->owned.push_back(std::move(m));
    }
  }
}

CompiledBackend compile_backend(const Backend& b, size_t index) {
  CompiledBackend out{b, index, {}, {}};
  for (auto& e : b.endpoints) {
    out.authorities.push_back(fmt::format("{}:{}", e.host, e.port));
    out.pool_keys.push_back(fmt::format("{}|{}:{}|{}", b.tls ? "tls" : "tcp", e.host, e.port, b.server_name));
  }
  return out;
}

Result<std::shared_ptr<const Snapshot>> Snapshot::build(RouteSpec spec, uint64_t generation) {
  auto out = std::make_shared<Snapshot>();
  out->generation_ = generation;
  out->spec_ = std::move(spec);
  for (auto& b : out->spec_.backends) {
    if (out->backends_.contains(b.name)) return fail(Code::Invalid, fmt::format("backend {} is defined twice", b.name));
    out->backends_[b.name] = compile_backend(b, out->backends_.size());
  }
  std::map<std::string, CompiledListener*> by_key;
  for (auto& l : out->spec_.listeners) {
    auto compiled = std::make_unique<CompiledListener>();
    compiled->spec = l;
    compiled->key = l.gateway + "/" + l.name;
    if (by_key.contains(compiled->key))
      return fail(Code::Invalid, fmt::format("listener {} is defined twice", compiled->key));
    by_key[compiled->key] = compiled.get();
    out->by_bind_[bind_of(l)].push_back(compiled.get());
    out->listeners_.push_back(std::move(compiled));
  }
  for (auto& route : out->spec_.routes) {
    for (size_t i = 0; i < route.rules.size(); ++i) {
      out->compile_rule(route, route.rules[i]);
      const CompiledRule& rule = *out->rules_.back();
      for (auto& key : route.listeners) {
        auto it = by_key.find(key);
        if (it != by_key.end())
          out->add_matches(route, rule, i, *it->second);
        else if (i == 0)
          out->problems_.push_back(fmt::format("route {}: listener {} does not exist", route.name, key));
      }
    }
  }
  for (auto& l : out->listeners_)
    for (auto& [host, table] : l->hosts) {
      for (auto& [path, list] : table->exact) std::sort(list.begin(), list.end(), before);
      for (auto& [path, list] : table->prefix) std::sort(list.begin(), list.end(), before);
      std::sort(table->regex.begin(), table->regex.end(), [](auto* a, auto* b) {
        size_t x = a->path_value.size(), y = b->path_value.size();
        return x != y ? x > y : before(a, b);
      });
    }
  auto specificity = [](const CompiledListener* l) {
    auto& h = l->spec.hostname;
    return std::tuple(h.empty() ? 2 : h.starts_with("*.") ? 1 : 0, -static_cast<int64_t>(h.size()));
  };
  for (auto& [bind, list] : out->by_bind_)
    std::sort(list.begin(), list.end(), [&](auto* a, auto* b) { return specificity(a) < specificity(b); });
  return std::shared_ptr<const Snapshot>(std::move(out));
}

const std::vector<const CompiledListener*>* Snapshot::listeners_at(const std::string& bind) const {
  auto it = by_bind_.find(bind);
  return it == by_bind_.end() ? nullptr : &it->second;
}

std::vector<std::string> Snapshot::binds() const {
  std::vector<std::string> out;
  for (auto& [bind, list] : by_bind_) out.push_back(bind);
  return out;
}

const CompiledListener* Snapshot::listener(std::string_view key) const {
  for (auto& l : listeners_)
    if (l->key == key) return l.get();
  return nullptr;
}

}  // namespace sl::route

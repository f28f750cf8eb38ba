// Configuration of a data plane and a request to it: [route spec, request]. Read, compiled and matched.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "route/match/match.h"
#include "route/snapshot/snapshot.h"

namespace sl::route {
namespace {

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

void check_error(const Error& e) {
  check(e.code == Code::Invalid && !e.message.empty(), "an error says something", e.message);
  check(valid_utf8(e.message), "an error is UTF-8", e.message);
}

void check_spec(const RouteSpec& spec) {
  json::Value encoded = json::encode(spec);
  std::string text = json::dump(encoded);
  auto back = json::decode<RouteSpec>(encoded);
  check(back && json::equal(json::encode(*back), encoded), "a spec comes back from its JSON", text);
  json::Value shown = redacted(spec);
  check(json::decode<RouteSpec>(shown).has_value(), "what is shown is a spec", text);
  if (auto* backends = json::arr(shown, "backends"))
    for (auto& b : *backends)
      if (auto* credential = json::find(b, "ai", "auth", "credential"))
        check(credential->is_string() && *credential == "[redacted]", "no credential is shown", text);
}

RequestView view_of(const json::Value& v) {
  RequestView r;
  r.method = json::str(v, "method");
  r.host = json::str(v, "host");
  r.path = json::str(v, "path");
  r.query = json::str(v, "query");
  r.header = [&v](std::string_view name) -> std::optional<std::string_view> {
    auto* found = json::find(v, "headers", name);
    if (!found || !found->is_string()) return std::nullopt;
    return json::view(found->get_string());
  };
  return r;
}

bool path_fits(const CompiledMatch& m, std::string_view path) {
  std::string_view value = m.spec->path.value;
  if (m.spec->path.type == "exact") return path == value;
  if (m.spec->path.type == "regex") return m.path_regex && RE2::FullMatch({path.data(), path.size()}, *m.path_regex);
  while (value.ends_with('/')) value.remove_suffix(1);
  return value.empty() || (path.starts_with(value) && (path.size() == value.size() || path[value.size()] == '/'));
}

void check_match(const CompiledMatch& m, const RequestView& r, const std::string& text) {
  check(m.rule && m.spec && m.rule->spec, "a match has its rule", text);
  check(path_fits(m, r.path), "the path fits", text);
  if (m.unreadable) return check(!m.rule->error.empty(), "what cannot be read answers in words", text);
  check(m.spec->method.empty() || m.spec->method == r.method, "the method fits", text);
  for (auto& h : m.spec->headers) {
    auto found = r.header(h.name);
    check(found && (h.regex || *found == h.value), "the headers fit", text);
  }
  int64_t total = 0;
  for (auto& share : m.rule->shares) {
    check(share.backend || !share.error.empty(), "a share has a backend or words", text);
    total += share.weight;
  }
  check(total == m.rule->weight_total && total >= 0, "the weights add up", text);
}

void check_request(const Snapshot& s, const RequestView& r, const std::string& text) {
  for (auto& bind : s.binds()) {
    auto* listeners = s.listeners_at(bind);
    check(listeners && !listeners->empty(), "an address has its listeners", text);
    MatchResult found = match_request(*listeners, r);
    std::vector<std::string> why = explain_others(*listeners, r, found);
    size_t others = 0;
    if (found.listener)
      for (auto& [host, table] : found.listener->hosts) others += table->owned.size();
    check(!found.listener || why.size() + (found.match ? 1 : 0) == others, "each other match is explained", text);
    if (!found.match)
      for (auto& words : why) check(words.find("fits too") == std::string::npos, "what fits is taken", text);
    bool candidates = s.problems().empty() && found.listener && !found.listener->hosts.empty();
    check(found.match || !candidates || !why.empty(), "a miss is explained", text);
    check(found.listener || !found.match, "no match without a listener", text);
    for (auto& words : why) check(!words.empty(), "an explanation says something", text);
    if (found.match) check_match(*found.match, r, text);
  }
}

void run(std::string_view input) {
  auto v = json::parse(input);
  auto* list = v ? v->if_array() : nullptr;
  if (!list || list->size() != 2) return;
  auto spec = json::decode<RouteSpec>((*list)[0], "spec");
  if (!spec) return check_error(spec.error());
  check_spec(*spec);
  auto snapshot = Snapshot::build(*spec, 7);
  if (!snapshot) return check_error(snapshot.error());
  std::string text = json::dump(*v);
  check((*snapshot)->generation() == 7, "it keeps its generation", text);
  for (auto& problem : (*snapshot)->problems()) check(!problem.empty(), "a problem says something", text);
  check_request(**snapshot, view_of((*list)[1]), text);
}

}  // namespace
}  // namespace sl::route

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::route::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

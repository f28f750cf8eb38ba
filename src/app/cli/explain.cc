// `sightline explain`: one task as a tree.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "base/strings.h"

namespace sl::cli {
namespace {

using json::Value;

std::string seconds(int64_t us) {
  return us < 10'000'000 ? fmt::format("{} ms", us / 1000) : fmt::format("{:.1f} s", static_cast<double>(us) / 1e6);
}

std::vector<std::string> words_of(const Value& r) {
  std::vector<std::string> out;
  std::string_view kind = json::str(r, "kind");
  auto add = [&](std::string_view label, std::string value) {
    if (!value.empty()) out.push_back(fmt::format("{:<9} {}", label, value));
  };
  if (kind == "exchange") {
    add("where",
        fmt::format("{}{}  (route {}, gateway {}/{})", json::str(r, "endpoint"),
                    json::str(r, "upstream.addr").empty() ? "" : fmt::format(" at {}", json::str(r, "upstream.addr")),
                    json::str(r, "route"), json::str(r, "gateway"), json::str(r, "listener")));
    add("secured", json::str(r, "tls.version").empty()
                       ? "no TLS"
                       : fmt::format("{}, certificate of {}", json::str(r, "tls.version"), json::str(r, "tls.peer")));
    std::string_view auth = json::str(r, "auth");
    add("identity", auth == "secret"   ? "the backend's Secret"
                    : auth == "caller" ? "the caller's own credential"
                    : auth == "inline" ? "credential in the Backend"
                    : auth == "none"   ? "no credential"
                                       : std::string(auth));
    add("policy", std::string(json::str(r, "policy")));
    add("asked", fmt::format("{} {} {}", json::str(r, "http.method"), json::str(r, "http.path"),
                             json::str(r, "gen_ai.request.model")));
    std::string answered = fmt::format("{}", json::num(r, 0, "http.status"));
    if (auto m = json::str(r, "gen_ai.response.model"); !m.empty()) answered += fmt::format(" from {}", m);
    if (auto f = json::str(r, "gen_ai.response.finish_reason"); !f.empty())
      answered += fmt::format(", finished: {}", f);
    add("answered", answered);
  }
  if (json::find(r, "gen_ai.usage.input_tokens"))
    add("tokens", fmt::format("{} in, {} out", json::num(r, 0, "gen_ai.usage.input_tokens"),
                              json::num(r, 0, "gen_ai.usage.output_tokens")));
  add("error", std::string(json::str(r, "error")));
  return out;
}

std::string title_of(const Value& r) {
  std::string_view kind = json::str(r, "kind");
  if (kind == "turn")
    return fmt::format("turn of agent {}  session {}", json::str(r, "agent"), json::str(r, "session"));
  if (kind == "tool_call") return fmt::format("tool call {}", json::str(r, "gen_ai.tool.name"));
  return json::str(r, "protocol") == "llm" ? fmt::format("model call {}", json::str(r, "gen_ai.provider.name"))
                                           : "request";
}

void print_tree(const json::Array& all, const Value& r, const std::string& indent, bool root, bool last,
                int64_t start_us) {
  std::string branch = root ? "" : indent + (last ? "└─ " : "├─ ");
  fmt::print("{}{}  [+{} ms, {}]  #{}\n", branch, title_of(r), (json::num(r, 0, "start_us") - start_us) / 1000,
             seconds(json::num(r, 0, "duration_us")), json::num(r, 0, "id"));
  std::vector<const Value*> children;
  for (auto& c : all)
    if (&c != &r && json::str(c, "parent_span_id") == json::str(r, "span_id")) children.push_back(&c);
  std::string below = root ? "" : indent + (last ? "   " : "│  ");
  for (auto& line : words_of(r)) fmt::print("{}{} {}\n", below, children.empty() ? "   " : "│  ", line);
  for (size_t i = 0; i < children.size(); ++i)
    print_tree(all, *children[i], below, false, i + 1 == children.size(), start_us);
}

Result<int> run(const Where& where, const std::string& id, const std::string& output) {
  Client client(where);
  SL_TRY(rows, client.rest("/api/traces/" + percent_encode(id)));
  if (!rows.is_array() || rows.get_array().empty())
    return fail(Code::NotFound, fmt::format("nothing is recorded for \"{}\"", id));
  if (output == "json") {
    fmt::print("{}", json::dump_pretty(rows));
    return 0;
  }
  auto& all = rows.get_array();
  int64_t start = INT64_MAX, end = 0, in = 0, out = 0, calls = 0;
  for (auto& r : all) {
    start = std::min(start, json::num(r, 0, "start_us"));
    end = std::max(end, json::num(r, 0, "start_us") + json::num(r, 0, "duration_us"));
    if (json::str(r, "kind") != "exchange") continue;
    in += json::num(r, 0, "gen_ai.usage.input_tokens");
    out += json::num(r, 0, "gen_ai.usage.output_tokens");
    ++calls;
  }
  fmt::print("trace {}  {}  {} exchange{}, {} tokens in, {} out\n", json::str(all[0], "trace_id"), seconds(end - start),
             calls, calls == 1 ? "" : "s", in, out);
  for (auto& r : all) {
    bool has_parent = false;
    for (auto& p : all) has_parent |= json::str(p, "span_id") == json::str(r, "parent_span_id");
    if (!has_parent) print_tree(all, r, "", true, true, start);
  }
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, int* exit) {
  auto* verb =
      app.add_subcommand("explain", "One task as a tree: where it went, how secured, which credential, tokens, time");
  auto where = std::make_shared<Where>();
  auto id = std::make_shared<std::string>(), output = std::make_shared<std::string>("text");
  add_where(verb, where);
  verb->add_option("id", *id, "Record or trace id, as `sightline traffic` prints them")->required();
  verb->add_option("-o,--output", *output, "text or json")->check(CLI::IsMember({"text", "json"}));
  verb->callback([=] {
    auto done = run(*where, *id, *output);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

// `sightline explain`: one task as a tree.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "a2a/wire/wire.h"
#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "base/strings.h"
#include "json/yaml.h"

namespace sl::cli {
namespace {

using json::Value;

std::string seconds(int64_t us) {
  return us < 10'000'000 ? fmt::format("{} ms", us / 1000) : fmt::format("{:.1f} s", static_cast<double>(us) / 1e6);
}

// What was said in the turns, as the session holds it; records hold no words. A task that asked has a turn for each
// answer: the parts of one task are counted by the answers of the person before them.
using Part = std::pair<std::string, size_t>;
struct Words {
  std::map<Part, std::string> asked, answered;
  std::map<int64_t, size_t> part_of;                  // by record
  std::map<std::string, std::string> calls, results;  // by turn and tool call id, which a model uses again
  bool unread = false;                                // there is a turn whose words are not told to us
};

// One line, not too long.
std::string line_of(std::string_view text) {
  constexpr size_t kMax = 240;
  std::string out;
  for (char c : printable(truncate_utf8(text, kMax), ""))
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  return text.size() > kMax ? out + " ..." : out;
}

void note_parts(const std::string& turn, const Value& message, Words& words) {
  auto* parts = json::arr(message, "parts");
  if (!parts) return;
  for (auto& p : *parts) {
    auto* data = json::find(p, "data");
    std::string id(data ? json::str(*data, "id") : "");
    if (id.empty()) continue;
    id = turn + " " + id;
    if (auto* args = json::find(*data, "args")) words.calls[id] = json::dump(*args);
    if (auto* response = json::find(*data, "response")) {
      auto text = json::str(*response, "result");
      words.results[id] = text.empty() ? json::dump(*response) : std::string(text);
    }
  }
}

// What one asked: its words, or the data it sent.
std::string question_of(const Value& message) {
  std::string text = a2a::text_of(message);
  auto* parts = json::arr(message, "parts");
  for (size_t i = 0; text.empty() && parts && i < parts->size(); ++i)
    if (auto* data = json::find((*parts)[i], "data")) text = json::dump(*data);
  auto who = json::str(message, "metadata", "initiated_by");  // of a shared session
  return who.empty() ? text : fmt::format("(by {}) {}", who, text);
}

// Notes a person's answers to questions; true when the message holds one.
bool note_answers(const Value& message, const Part& next, Words& words) {
  auto* parts = json::arr(message, "parts");
  bool found = false;
  for (size_t i = 0; parts && i < parts->size(); ++i) {
    auto& p = (*parts)[i];
    auto told = json::str(p, "data", "response", "result");
    // Questions that could not be put to anyone were told to the model as an error.
    if (json::str(p, "metadata", "adk_type") != "function_response" || json::str(p, "data", "name") != "ask_user" ||
        told.starts_with("error: "))
      continue;
    found = true;
    auto& all = words.asked[next];
    all += (all.empty() ? "" : ", ") + std::string(told);
  }
  return found;
}

// A task that is another user's, or is there no more, says nothing.
void read_turn(Client& client, const std::string& turn, const std::string& user, Words& words) {
  if (words.asked.contains({turn, 0})) return;  // a task may have several turns
  auto task =
      client.rest("/api/tasks/" + percent_encode(turn) + (user.empty() ? "" : "?user_id=" + percent_encode(user)));
  if (!task) {
    words.unread = true;
    return;
  }
  auto* history = json::arr(*task, "history");
  size_t part = 0;
  bool answering = false;  // one answer may be to several questions
  for (size_t i = 0; history && i < history->size(); ++i) {
    auto& m = (*history)[i];
    note_parts(turn, m, words);
    bool answers = note_answers(m, {turn, answering ? part : part + 1}, words);
    if (answers && !answering) ++part;
    answering = answers;
    std::string text = a2a::text_of(m);
    if (json::str(m, "role") == "user") words.asked.try_emplace({turn, part}, question_of(m));
    if (json::str(m, "role") == "agent" && !text.empty()) words.answered[{turn, part}] = text;
  }
}

// The parts that the turns' records are of: a turn that was broken off goes on in the next.
void count_parts(const json::Array& rows, Words& words) {
  std::vector<const Value*> turns;
  for (auto& r : rows)
    if (json::str(r, "kind") == "turn") turns.push_back(&r);
  auto begun = [](const Value* r) { return std::pair(json::num(*r, 0, "start_us"), json::num(*r, 0, "id")); };
  std::sort(turns.begin(), turns.end(), [&](auto* a, auto* b) { return begun(a) < begun(b); });
  std::map<std::string, size_t> ended;
  for (auto* r : turns) {
    std::string turn(json::str(*r, "turn"));
    words.part_of[json::num(*r, 0, "id")] = ended[turn];
    if (json::str(*r, "error").empty()) ++ended[turn];
  }
}

std::vector<std::string> words_of(const Value& r, const Words& words) {
  std::vector<std::string> out;
  std::string_view kind = json::str(r, "kind");
  auto add = [&](std::string_view label, std::string value) {
    if (!value.empty()) out.push_back(fmt::format("{:<9} {}", label, value));
  };
  auto said = [](const auto& all, const auto& key) {
    auto it = all.find(key);
    return it == all.end() ? "" : line_of(it->second);
  };
  if (kind == "turn") {
    auto at = words.part_of.find(json::num(r, 0, "id"));
    Part part{json::str(r, "turn"), at == words.part_of.end() ? 0 : at->second};
    add("question", said(words.asked, part));
    if (json::str(r, "error").empty()) add("answer", said(words.answered, part));
  }
  if (kind == "tool_call") {
    std::string id = fmt::format("{} {}", json::str(r, "turn"), json::str(r, "gen_ai.tool.call.id"));
    add("called", said(words.calls, id));
    add("result", said(words.results, id));
  }
  bool sent = !json::str(r, "upstream.addr").empty();
  bool direct = json::flag(r, "direct"), unplaced = json::str(r, "gateway").empty();
  if (!json::str(r, "endpoint").empty() || kind == "exchange") {
    std::string way, addr(json::str(r, "upstream.addr"));
    if (direct)
      way = "  (past every gateway)";
    else if (kind == "exchange" && !unplaced)
      way = fmt::format("  (route {}, gateway {}/{})", json::str(r, "route"), json::str(r, "gateway"),
                        json::str(r, "listener"));
    add("where", fmt::format("{}{}{}", json::str(r, "endpoint"), addr.empty() ? "" : " at " + addr, way));
  }
  if (!json::str(r, "endpoint").empty() && !sent) add("secured", "nothing was sent: there was no connection");
  if (!json::str(r, "endpoint").empty() && sent) {
    add("secured", json::str(r, "tls.version").empty()
                       ? "no TLS"
                       : fmt::format("{}, certificate of {}", json::str(r, "tls.version"), json::str(r, "tls.peer")));
    std::string_view auth = json::str(r, "auth");
    add("identity", auth == "secret"   ? (direct ? "the ModelConfig's Secret" : "the backend's Secret")
                    : auth == "caller" ? "the caller's own credential"
                    : auth == "inline" ? (direct ? "credential in the ModelConfig" : "credential in the Backend")
                    : auth == "own"    ? "Sightline's own credential"
                    : auth == "none"   ? "no credential"
                                       : std::string(auth));
    add("policy", std::string(json::str(r, "policy")));
  }
  if (kind == "exchange") {
    add("asked", fmt::format("{} {} {}", json::str(r, "http.method"), json::str(r, "http.path"),
                             json::str(r, "gen_ai.request.model")));
    int64_t status = json::num(r, 0, "http.status");
    std::string answered = status ? fmt::format("{}", status) : "nothing";
    if (auto m = json::str(r, "gen_ai.response.model"); !m.empty()) answered += fmt::format(" from {}", m);
    if (auto f = json::str(r, "gen_ai.response.finish_reason"); !f.empty())
      answered += fmt::format(", finished: {}", f);
    add("answered", answered);
  }
  if (json::find(r, "gen_ai.usage.input_tokens"))
    add("tokens", fmt::format("{} in, {} out", json::num(r, 0, "gen_ai.usage.input_tokens"),
                              json::num(r, 0, "gen_ai.usage.output_tokens")));
  add("error", line_of(json::str(r, "error")));
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

struct Tree {
  const json::Array& all;
  const Words& words;
  int64_t start_us;
};

void print_tree(const Tree& tree, const Value& r, const std::string& indent, bool root, bool last) {
  auto& [all, words, start_us] = tree;
  std::string branch = root ? "" : indent + (last ? "└─ " : "├─ ");
  fmt::print("{}{}  [+{} ms, {}]  #{}\n", branch, title_of(r), (json::num(r, 0, "start_us") - start_us) / 1000,
             seconds(json::num(r, 0, "duration_us")), json::num(r, 0, "id"));
  std::vector<const Value*> children;
  for (auto& c : all)
    if (&c != &r && json::str(c, "parent_span_id") == json::str(r, "span_id")) children.push_back(&c);
  std::string below = root ? "" : indent + (last ? "   " : "│  ");
  for (auto& line : words_of(r, words)) fmt::print("{}{} {}\n", below, children.empty() ? "   " : "│  ", line);
  for (size_t i = 0; i < children.size(); ++i) print_tree(tree, *children[i], below, false, i + 1 == children.size());
}

void print_trace(const json::Array& all, const Words& words) {
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
  Tree tree{all, words, start};
  for (auto& r : all) {
    bool has_parent = false;
    for (auto& p : all) has_parent |= json::str(p, "span_id") == json::str(r, "parent_span_id");
    if (!has_parent) print_tree(tree, r, "", true, true);
  }
}

// What there is to say of a task of which nothing has ended yet; "" for anything else.
std::string under_way(Client& client, const std::string& id, const std::string& user) {
  auto task =
      client.rest("/api/tasks/" + percent_encode(id) + (user.empty() ? "" : "?user_id=" + percent_encode(user)));
  if (!task) return "";
  return fmt::format(
      "task {} of agent {} is {}: no call of it has ended yet, and what has not ended has no record; `sightline "
      "traffic "
      "-f --agent {}` shows each as it ends",
      id, json::str(*task, "metadata", "kagent_app_name"), json::str(*task, "status", "state"),
      json::str(*task, "metadata", "kagent_app_name"));
}

Result<int> run(const Where& where, const std::string& id, const std::string& output, const std::string& user) {
  Client client(where);
  auto found = client.rest("/api/traces/" + percent_encode(id));
  if (!found) {
    auto waits = under_way(client, id, user);
    if (waits.empty()) return fail(std::move(found).error());
    fmt::print("{}\n", waits);
    return 0;
  }
  Value rows = std::move(*found);
  if (!rows.is_array() || rows.get_array().empty())
    return fail(Code::NotFound, fmt::format("nothing is recorded for \"{}\"", id));
  if (output != "text") {
    fmt::print("{}", output == "yaml" ? json::dump_yaml(rows) : json::dump_pretty(rows));
    return 0;
  }
  Words words;
  count_parts(rows.get_array(), words);
  std::vector<std::pair<std::string, json::Array>> traces;  // a session has one for each turn
  for (auto& r : rows.get_array()) {
    if (json::str(r, "kind") == "turn") read_turn(client, std::string(json::str(r, "turn")), user, words);
    std::string trace(json::str(r, "trace_id"));
    if (traces.empty() || traces.back().first != trace) traces.emplace_back(trace, json::Array());
    traces.back().second.push_back(r);
  }
  for (auto& [trace, all] : traces) print_trace(all, words);
  if (words.unread)
    fmt::print(
        stderr,
        "what was asked and answered is not shown: the task is another user's (name them with --user), or it has "
        "been deleted\n");
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, int* exit) {
  auto* verb =
      app.add_subcommand("explain", "One task as a tree: where it went, how secured, which credential, tokens, time");
  auto where = std::make_shared<Where>();
  auto id = std::make_shared<std::string>(), output = std::make_shared<std::string>("text");
  auto user = std::make_shared<std::string>();
  add_where(verb, where);
  verb->add_option("id", *id, "Record, trace, turn (task) or session, as `sightline traffic` and the log name them")
      ->required();
  verb->add_option("-o,--output", *output, "text, json or yaml")->check(CLI::IsMember({"text", "json", "yaml"}));
  verb->add_option("--user", *user, "Whose task it is, as X-User-Id named them; admin@kagent.dev when absent");
  verb->callback([=] {
    auto done = run(*where, *id, *output, *user);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

// `sightline invoke`: asks an agent over A2A.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "a2a/wire/wire.h"
#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "base/ids.h"
#include "base/strings.h"
#include "codec/sse/sse.h"

namespace sl::cli {
namespace {

using json::Array;
using json::Object;
using json::Value;

struct Options {
  std::shared_ptr<Where> where = std::make_shared<Where>();
  std::string agent, ns = "kagent", task, session, output = "text", task_id;
  bool stream = false;
};

std::string answer_of(const Value& task) {
  std::string out;
  if (auto* artifacts = json::arr(task, "artifacts"))
    for (auto& a : *artifacts) out += a2a::text_of(a);
  return out;
}

// An answer that the model did not end itself must not be taken for a whole one.
void note_cut(const Value& task) {
  auto* history = json::arr(task, "history");
  std::string_view why =
      history && !history->empty() ? json::str(history->back(), "metadata", "adk_finish_reason") : "";
  if (why == "MAX_TOKENS") fmt::print(stderr, "(the answer is cut short: the model came to its limit of tokens)\n");
  if (why == "SAFETY") fmt::print(stderr, "(the model or its provider refused to go on)\n");
}

// Prints a finished task; the exit code tells its state.
int print_task(const Value& task, const Options& o) {
  std::string_view state = json::str(task, "status", "state");
  auto* message = json::find(task, "status", "message");
  std::string words = message ? a2a::text_of(*message) : "";
  if (o.output == "json") {
    fmt::print("{}", json::dump_pretty(task));
  } else if (state == "completed") {
    fmt::print("{}\n", printable(answer_of(task)));
    note_cut(task);
  } else if (state == "input-required") {
    fmt::print("{}\n", printable(words));
    fmt::print(stderr, "(answer with: sightline invoke {} -n {} --task-id {} --task \"...\")\n", o.agent, o.ns,
               json::str(task, "id"));
  } else {
    fmt::print(stderr, "sightline: task {} {}{}\n", json::str(task, "id"), state,
               words.empty() ? "" : ": " + printable(words));
  }
  return state == "completed" || state == "input-required" ? 0 : 1;
}

Result<int> run(const Options& o) {
  Client client(*o.where);
  SL_TRY(base, client.endpoint("ui"));
  std::string agent = o.agent.find('/') == std::string::npos ? o.ns + "/" + o.agent : o.agent;
  auto names = split(agent, '/');
  if (names.size() != 2 || names[0].empty() || names[1].empty())
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not an agent: NAME or NAMESPACE/NAME", o.agent));
  Object message =
      a2a::message("user", Array{a2a::text_part(o.task == "-" ? read_stdin() : o.task)}, uuid4(), o.session, o.task_id);
  if (o.session.empty()) message.erase("contextId");
  if (o.task_id.empty()) message.erase("taskId");
  Object rpc{{"jsonrpc", "2.0"},
             {"id", 1},
             {"method", o.stream ? "message/stream" : "message/send"},
             {"params", Object{{"message", std::move(message)}}}};
  net::ClientRequest r;
  r.method = "POST";
  r.url = fmt::format("{}/api/a2a/{}/{}/", base, percent_encode(names[0]), percent_encode(names[1]));
  r.headers.emplace_back("Content-Type", "application/json");
  r.body = json::dump(rpc);
  r.idle_ms = 24 * 3600'000;
  sse::Decoder decoder;
  std::string task_id, failure, raw, spoken;
  auto on_piece = [&](std::string_view piece) {
    raw.append(piece.substr(0, 10'000));
    (void)decoder.feed(piece);
    sse::Event e;
    while (decoder.next(e)) {
      auto body = json::parse(e.data);
      if (!body) continue;
      if (auto* error = json::find(*body, "error")) failure = json::str(*error, "message");
      auto* result = json::find(*body, "result");
      if (!result) continue;
      if (json::str(*result, "kind") == "task") task_id = json::str(*result, "id");
      auto* partial = json::find(*result, "metadata", "adk_partial");
      if (partial && o.output != "json") {
        std::string id(json::str(*result, "status", "message", "messageId"));
        if (!spoken.empty() && id != spoken) fmt::print("\n\n");  // of the next model call
        spoken = id;
        fmt::print("{}", printable(a2a::text_of(*json::find(*result, "status", "message"))));
        std::fflush(stdout);
      }
    }
  };
  SL_TRY(answer, client.http(std::move(r), o.stream ? std::function<void(std::string_view)>(on_piece) : nullptr));
  if (!o.stream || task_id.empty()) {
    auto body = json::parse(o.stream ? raw : answer.body);
    if (!body)
      return fail(Code::UpstreamProtocol,
                  fmt::format("the server answered {}: {}", answer.status, trim(o.stream ? raw : answer.body)));
    if (auto* error = json::find(*body, "error"))
      return fail(Code::InvalidArgument,
                  std::string(error->is_string() ? json::view(error->get_string()) : json::str(*error, "message")));
    auto* result = json::find(*body, "result");
    return print_task(result ? *result : *body, o);
  }
  SL_TRY(task, client.rest("/api/tasks/" + task_id));
  if (!spoken.empty() && o.output != "json" && json::str(task, "status", "state") != "completed") fmt::print("\n");
  if (o.output != "json" && json::str(task, "status", "state") == "completed") {
    fmt::print("\n");
    note_cut(task);
    return 0;
  }
  return print_task(task, o);
}

}  // namespace

void add_invoke(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("invoke", "Ask an agent");
  auto o = std::make_shared<Options>();
  add_where(verb, o->where);
  verb->add_option("agent", o->agent, "Agent, NAME or NS/NAME")->required();
  verb->add_option("-n,--namespace", o->ns, "Namespace")->capture_default_str();
  verb->add_option("--task", o->task, "What to do; - reads standard input")->required();
  verb->add_option("--session", o->session, "Session to continue");
  verb->add_option("--task-id", o->task_id, "Task that waits for this answer");
  verb->add_flag("--stream", o->stream, "Print the answer as it comes");
  verb->add_option("-o,--output", o->output, "text, or json for the A2A task")->check(CLI::IsMember({"text", "json"}));
  verb->callback([=] {
    auto done = run(*o);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

#include "agent/runtime/runtime.h"

#include <fmt/format.h>

#include "a2a/wire/wire.h"
#include "agent/loop/model_call.h"
#include "agent/runtime/view.h"
#include "base/ids.h"
#include "base/strings.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

struct Runtime::Run {
  TaskRow row;
  route::AgentSpec spec;
  std::string credential;
  std::vector<LogMessage> messages;  // of the whole session, in order
  std::map<uint64_t, TaskListener> listeners;
  uint64_t next_listener = 1;
  std::function<void()> abort;  // cancels what is under way
  bool cancelled = false;
  bool waiting = false;  // stopped for a person's answer
  int64_t start_us = 0, start_unix_us = 0;
  int64_t input_tokens = 0, output_tokens = 0;
  std::string partial_id;  // message id of the text being streamed

  void emit(const Value& event, bool last) {
    auto copy = listeners;  // a listener may unsubscribe
    for (auto& [id, fn] : copy) fn(event, last);
  }
  void emit_status(std::string_view state, Value message, bool final, Object metadata = {}) {
    metadata["kagent_app_name"] = row.agent;
    metadata["kagent_session_id"] = row.session;
    emit(a2a::status_event(row.id, row.session, a2a::status(state, std::move(message), unix_us()), final,
                           std::move(metadata)),
         final);
  }
};

namespace {

LogMessage new_message(const std::string& task, Value message, Value usage = nullptr) {
  LogMessage out;
  out.id = uuid4();
  out.task = task;
  out.at_us = unix_us();
  out.message = std::move(message);
  out.usage = std::move(usage);
  return out;
}

std::string first_words(const std::string& text) {
  size_t n = std::min<size_t>(text.size(), 20);
  while (n > 0 && n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  return text.substr(0, n);
}

std::string span_id() {
  return fmt::format("{:016x}", fast_random() | 1);
}

}  // namespace

Runtime::Runtime(net::Loop& loop, SessionStore& store, RuntimeOptions options)
    : loop_(loop), store_(store), options_(std::move(options)), tools_(built_in_tools(options_.kube)) {}
Runtime::~Runtime() = default;

void Runtime::set_agents(std::vector<route::AgentSpec> agents) {
  loop_.post([this, agents = std::move(agents)]() mutable {
    agents_.clear();
    for (auto& a : agents) agents_[a.key()] = std::move(a);
  });
}

const route::AgentSpec* Runtime::find(const std::string& agent) const {
  auto it = agents_.find(agent);
  return it == agents_.end() ? nullptr : &it->second;
}

std::vector<const route::AgentSpec*> Runtime::agents() const {
  std::vector<const route::AgentSpec*> out;
  for (auto& [key, spec] : agents_) out.push_back(&spec);
  return out;
}

void Runtime::resume() {
  auto rows = store_.unfinished();
  if (!rows) return options_.log.error("unfinished tasks cannot be read: {}", rows.error().message);
  for (auto& row : *rows) {
    if (runs_.contains(row.id)) continue;
    auto* spec = find(row.agent);
    if (spec) {
      options_.log.info("task {} of agent {} is taken up again", row.id, row.agent);
      start_run(row, *spec, "");
    } else {
      (void)store_.advance(row.id, {}, kFailed,
                           fmt::format("agent {} no longer exists; the task was interrupted", row.agent));
      options_.log.warn("task {} failed: its agent {} no longer exists", row.id, row.agent);
    }
  }
}

Result<std::string> Runtime::submit(Submission s) {
  auto* spec = find(s.agent);
  if (!spec)
    return fail(Code::NotFound,
                fmt::format("agent \"{}\" does not exist or is not ready; `kubectl get agents -A` shows its conditions",
                            s.agent));
  std::string task_id(json::str(s.message, "taskId"));
  if (task_id.empty()) return begin(*spec, s);
  SL_TRY(row, store_.task(task_id));
  if (row.state != kInputRequired)
    return fail(Code::Conflict, fmt::format("task {} is {} and takes no more messages", task_id, row.state));
  return answer(row, s);
}

Result<std::string> Runtime::begin(const route::AgentSpec& spec, Submission& s) {
  std::string text = a2a::text_of(s.message);
  if (text.empty()) return fail(Code::InvalidArgument, "the message has no text part");
  TaskRow row;
  row.id = uuid4();
  row.session = json::str(s.message, "contextId");
  if (row.session.empty()) row.session = uuid4();
  for (auto& [id, run] : runs_)
    if (run->row.session == row.session && !run->waiting)
      return fail(Code::Conflict,
                  fmt::format("task {} is under way in session {}; wait for it or cancel it", id, row.session));
  if (auto known = store_.session(row.session); known && known->agent != s.agent)
    return fail(Code::Conflict, fmt::format("session {} belongs to agent {}", row.session, known->agent));
  row.agent = s.agent;
  row.user = s.user;
  row.state = kSubmitted;
  row.streaming = s.streaming;
  row.created_us = row.updated_us = unix_us();
  row.span_id = span_id();
  bool traced = s.traceparent.size() >= 55;
  row.trace_id = traced ? s.traceparent.substr(3, 32) : span_id() + span_id();
  if (traced) row.parent_span_id = s.traceparent.substr(36, 16);
  Session session{row.session, s.agent, s.user, first_words(text), "user", row.created_us, row.created_us};
  LogMessage first = new_message(row.id, Object{{"role", "user"}, {"content", text}});
  if (auto id = json::str(s.message, "messageId"); !id.empty()) first.id = id;
  SL_CHECK(store_.begin_task(session, row, first));
  start_run(row, spec, std::move(s.credential));
  return row.id;
}

// A person's answer to ask_user: it becomes the result of the call that asked.
Result<std::string> Runtime::answer(const TaskRow& row, Submission& s) {
  SL_TRY(messages, store_.messages_of_task(row.id));
  std::string call_id;
  for (auto m = messages.rbegin(); m != messages.rend() && call_id.empty(); ++m)
    if (auto* calls = json::arr(m->message, "tool_calls"))
      for (auto& c : *calls)
        if (json::str(c, "function", "name") == "ask_user") call_id = json::str(c, "id");
  Value data = a2a::data_of(s.message);
  std::string text = a2a::text_of(s.message);
  if (auto* answers = json::arr(data, "ask_user_answers")) text = json::dump(*answers);
  if (text.empty()) return fail(Code::InvalidArgument, "the message has no answer: send a text part");
  LogMessage result =
      new_message(row.id, Object{{"role", "tool"}, {"tool_call_id", call_id}, {"name", "ask_user"}, {"content", text}});
  SL_CHECK(store_.advance(row.id, {result}, kWorking, ""));
  TaskRow now = row;
  now.state = kWorking;
  now.streaming = s.streaming;
  start_run(now, *find(row.agent), std::move(s.credential));
  return row.id;
}

Runtime::RunPtr Runtime::start_run(const TaskRow& row, const route::AgentSpec& spec, std::string credential) {
  auto run = std::make_shared<Run>();
  run->row = row;
  run->spec = spec;
  run->credential = std::move(credential);
  run->start_us = monotonic_us();
  run->start_unix_us = unix_us();
  runs_[row.id] = run;
  loop_.spawn(drive(this, run));
  return run;
}

net::Task<void> Runtime::drive(Runtime* self, RunPtr run) {
  // Lets the submitter subscribe before the first event.
  co_await net::asio::post(self->loop_.io(), net::asio::use_awaitable);
  auto outcome = co_await self->steps(run);
  self->finish(run, outcome);
}

net::Task<Result<void>> Runtime::steps(RunPtr run) {
  auto messages = store_.messages_of_session(run->row.session);
  if (!messages) co_return fail(std::move(messages).error());
  run->messages = std::move(*messages);
  run->emit_status(kSubmitted, message_view(run->messages.back(), run->row.session, run->row.id), false);
  auto working = store_step(run, {}, kWorking, "");
  if (!working) co_return working;
  run->emit_status(kWorking, nullptr, false);
  for (int step = 0; step < kStepsMax && !run->cancelled; ++step) {
    // Taken up after a crash: the calls of the last answer may still be open.
    Value assistant = run->messages.back().message;
    if (json::str(assistant, "role") != "assistant") {
      auto called = co_await step_model(run);
      if (!called) co_return fail(std::move(called).error());
      assistant = std::move(*called);
    }
    auto* calls = json::arr(assistant, "tool_calls");
    if (!calls || calls->empty()) co_return Result<void>();
    auto more = co_await step_tools(run, std::move(assistant));
    if (!more) co_return fail(std::move(more).error());
    if (!*more) co_return Result<void>();
  }
  if (run->cancelled) co_return Result<void>();
  co_return fail(Code::Unsupported,
                 fmt::format("the agent made {} model calls without an answer; the task was stopped", kStepsMax));
}

net::Headers Runtime::model_headers(const RunPtr& run) {
  net::Headers out;
  out.emplace_back("traceparent", fmt::format("00-{}-{}-01", run->row.trace_id, run->row.span_id));
  auto url = net::parse_url(run->spec.model.url);
  if (url && options_.own_gateway && options_.own_gateway(url->host, url->port))
    out.emplace_back("x-sightline-identity", fmt::format("{};agent={};session={};turn={}", options_.identity_token,
                                                         run->row.agent, run->row.session, run->row.id));
  return out;
}

net::Task<Result<Value>> Runtime::step_model(RunPtr run) {
  ModelRequest request;
  request.model = run->spec.model;
  request.stream = run->spec.stream || run->row.streaming;
  request.headers = model_headers(run);
  request.caller_credential = run->credential;
  if (!run->spec.system_message.empty())
    request.messages.push_back(Object{{"role", "system"}, {"content", run->spec.system_message}});
  for (auto& m : run->messages) {
    Value copy = m.message;
    if (json::str(copy, "role") == "tool") copy.get_object().erase("name");
    request.messages.push_back(std::move(copy));
  }
  for (auto& name : run->spec.tools)
    if (auto it = tools_.find(name); it != tools_.end())
      request.tools.push_back(Object{{"type", "function"},
                                     {"function", Object{{"name", name},
                                                         {"description", it->second->description()},
                                                         {"parameters", it->second->parameters()}}}});
  run->partial_id = uuid4();
  std::weak_ptr<Run> weak = run;
  std::function<void(std::string_view)> on_text;
  if (request.stream)
    on_text = [weak](std::string_view text) {
      auto r = weak.lock();
      if (!r || r->cancelled) return;
      r->emit_status(kWorking,
                     a2a::message("agent", Array{a2a::text_part(text)}, r->partial_id, r->row.session, r->row.id),
                     false, Object{{"adk_partial", true}, {"kagent_partial", true}});
    };
  std::function<void()> abort;
  run->abort = [&abort] {
    if (abort) abort();
  };
  auto answer = co_await call_model(options_.client, std::move(request), std::move(on_text), &abort);
  run->abort = nullptr;
  if (run->cancelled) co_return fail(Code::Cancelled, "the task was cancelled");
  if (!answer) co_return fail(std::move(answer).error());
  run->input_tokens += json::num(answer->usage, 0, "prompt_tokens");
  run->output_tokens += json::num(answer->usage, 0, "completion_tokens");
  LogMessage m = new_message(run->row.id, answer->message, answer->usage);
  m.id = run->partial_id;
  auto* calls = json::arr(answer->message, "tool_calls");
  bool done = !calls || calls->empty();
  // The last answer and the final state are stored together: nothing is acknowledged that a crash could lose.
  auto stored = store_step(run, {m}, done ? kCompleted : kWorking, "");
  if (!stored) co_return fail(std::move(stored).error());
  Object view = message_view(m, run->row.session, run->row.id);
  Object metadata;
  if (auto* extra = view.if_contains("metadata"); extra && extra->is_object()) metadata = extra->get_object();
  run->emit_status(kWorking, std::move(view), false, std::move(metadata));
  co_return std::move(answer->message);
}

// False: a person must answer first.
net::Task<Result<bool>> Runtime::step_tools(RunPtr run, Value assistant) {
  Array calls = *json::arr(assistant, "tool_calls");
  for (auto& call : calls) {
    std::string id(json::str(call, "id")), name(json::str(call, "function", "name"));
    bool answered = false;
    for (auto& m : run->messages) answered |= m.task == run->row.id && json::str(m.message, "tool_call_id") == id;
    if (answered) continue;
    auto tool = tools_.find(name);
    bool offered = std::find(run->spec.tools.begin(), run->spec.tools.end(), name) != run->spec.tools.end();
    if (tool != tools_.end() && offered && tool->second->needs_person()) {
      auto waiting = wait_for_person(run, call);
      if (!waiting) co_return fail(std::move(waiting).error());
      co_return false;
    }
    std::string text;
    auto arguments = json::parse(
        trim(json::str(call, "function", "arguments")).empty() ? "{}" : json::str(call, "function", "arguments"));
    if (tool == tools_.end() || !offered) {
      text = fmt::format("error: there is no tool \"{}\"", name);
    } else if (!arguments) {
      text = "error: the arguments are not valid JSON: " + arguments.error().message;
    } else {
      auto result = co_await run_tool(run, name, std::move(*arguments));
      if (run->cancelled) co_return fail(Code::Cancelled, "the task was cancelled");
      text = result ? std::move(*result) : "error: " + result.error().message;
    }
    LogMessage m =
        new_message(run->row.id, Object{{"role", "tool"}, {"tool_call_id", id}, {"name", name}, {"content", text}});
    auto stored = store_step(run, {m}, kWorking, "");
    if (!stored) co_return fail(std::move(stored).error());
    run->emit_status(kWorking, message_view(m, run->row.session, run->row.id), false);
  }
  co_return true;
}

net::Task<Result<std::string>> Runtime::run_tool(RunPtr run, std::string name, Value arguments) {
  observe::Record r;
  r.kind = observe::RecordKind::ToolCall;
  r.start_unix_us = unix_us();
  int64_t start = monotonic_us();
  r.trace_id = run->row.trace_id;
  r.span_id = span_id();
  r.parent_span_id = run->row.span_id;
  r.agent = run->row.agent;
  r.session = run->row.session;
  r.turn = run->row.id;
  r.tool = name;
  r.genai_operation = "execute_tool";
  std::function<void()> abort;
  run->abort = [&abort] {
    if (abort) abort();
  };
  auto tool = tools_.at(name);
  auto result = co_await tool->run(std::move(arguments), &abort);
  run->abort = nullptr;
  r.duration_us = monotonic_us() - start;
  if (!result) r.error = result.error().message;
  options_.log.info("tool agent={} session={} turn={} gen_ai.tool.name={} duration={}ms{}", r.agent, r.session, r.turn,
                    r.tool, r.duration_us / 1000, result ? "" : " error=\"" + r.error + "\"");
  std::vector<observe::Record> records;
  records.push_back(std::move(r));
  if (options_.sink) options_.sink->take(std::move(records));
  co_return result;
}

Result<void> Runtime::wait_for_person(const RunPtr& run, const Value& call) {
  Value arguments = json::Object{};
  if (auto parsed = json::parse(json::str(call, "function", "arguments"))) arguments = *parsed;
  std::string words;
  if (auto* questions = json::arr(arguments, "questions"))
    for (auto& q : *questions) {
      words += (words.empty() ? "" : "\n") + std::string(json::str(q, "question"));
      if (auto* choices = json::arr(q, "choices"))
        for (auto& c : *choices)
          if (c.is_string()) words += "\n- " + std::string(json::view(c.get_string()));
    }
  if (words.empty()) words = "The agent asks for your input.";
  SL_CHECK(store_step(run, {}, kInputRequired, words));
  run->waiting = true;
  Object original{{"name", "ask_user"}, {"id", json::str(call, "id")}, {"args", arguments}};
  Object request{{"name", "adk_request_confirmation"},
                 {"id", json::str(call, "id")},
                 {"args", Object{{"originalFunctionCall", original},
                                 {"toolConfirmation", Object{{"hint", words}, {"confirmed", false}}}}}};
  Array parts{a2a::text_part(words), a2a::data_part(std::move(request), "function_call")};
  run->emit_status(kInputRequired, a2a::message("agent", std::move(parts), uuid4(), run->row.session, run->row.id),
                   true);
  return {};
}

Result<void> Runtime::store_step(const RunPtr& run, std::vector<LogMessage> messages, std::string_view state,
                                 std::string_view detail) {
  SL_CHECK(store_.advance(run->row.id, messages, state, detail));
  run->row.state = state;
  run->row.detail = detail;
  for (auto& m : messages) run->messages.push_back(std::move(m));
  return {};
}

void Runtime::finish(const RunPtr& run, const Result<void>& outcome) {
  runs_.erase(run->row.id);
  if (run->cancelled) return;  // cancel() has stored and told it
  if (run->waiting) return record_turn(run, "");
  if (!outcome) {
    std::string words = outcome.error().message;
    auto stored = store_step(run, {}, kFailed, words);
    if (!stored) options_.log.error("task {}: {}", run->row.id, stored.error().message);
    run->emit_status(kFailed,
                     a2a::message("agent", Array{a2a::text_part(words)}, uuid4(), run->row.session, run->row.id), true);
    return record_turn(run, words);
  }
  std::string answer = last_answer(run->messages);
  run->emit(a2a::artifact_event(
                run->row.id, run->row.session,
                Object{{"artifactId", run->row.id + "-answer"}, {"parts", Array{a2a::text_part(answer)}}}, true),
            false);
  run->emit_status(kCompleted, nullptr, true);
  record_turn(run, "");
}

void Runtime::record_turn(const RunPtr& run, const std::string& error) {
  observe::Record r;
  r.kind = observe::RecordKind::Turn;
  r.start_unix_us = run->start_unix_us;
  r.duration_us = monotonic_us() - run->start_us;
  r.trace_id = run->row.trace_id;
  r.span_id = run->row.span_id;
  r.parent_span_id = run->row.parent_span_id;
  r.agent = run->row.agent;
  r.session = run->row.session;
  r.turn = run->row.id;
  r.genai_operation = "invoke_agent";
  r.request_model = run->spec.model.model;
  r.has_usage = run->output_tokens > 0;
  r.input_tokens = run->input_tokens;
  r.output_tokens = run->output_tokens;
  r.error = error;
  options_.log.info("turn agent={} session={} turn={} state={} duration={}ms{}", r.agent, r.session, r.turn,
                    run->row.state, r.duration_us / 1000, error.empty() ? "" : fmt::format(" error=\"{}\"", error));
  std::vector<observe::Record> records;
  records.push_back(std::move(r));
  if (options_.sink) options_.sink->take(std::move(records));
}

Result<void> Runtime::cancel(const std::string& task) {
  SL_TRY(row, store_.task(task));
  if (is_final(row.state)) return fail(Code::Conflict, fmt::format("task {} is already {}", task, row.state));
  SL_CHECK(store_.advance(task, {}, kCanceled, "cancelled by the caller"));
  auto it = runs_.find(task);
  if (it == runs_.end()) return {};
  RunPtr run = it->second;
  run->cancelled = true;
  run->row.state = kCanceled;
  if (run->abort) run->abort();
  run->emit_status(kCanceled, nullptr, true);
  record_turn(run, "cancelled");
  return {};
}

bool Runtime::subscribe(const std::string& task, TaskListener listener, uint64_t* id) {
  auto it = runs_.find(task);
  if (it == runs_.end()) return false;
  *id = it->second->next_listener++;
  it->second->listeners[*id] = std::move(listener);
  return true;
}

void Runtime::unsubscribe(const std::string& task, uint64_t id) {
  if (auto it = runs_.find(task); it != runs_.end()) it->second->listeners.erase(id);
}

Result<Value> Runtime::task_json(const std::string& task, int64_t history_length) {
  SL_TRY(row, store_.task(task));
  SL_TRY(messages, store_.messages_of_task(task));
  return Value(task_view(row, messages, history_length));
}

}  // namespace sl::agent

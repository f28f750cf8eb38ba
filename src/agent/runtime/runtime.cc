#include "agent/runtime/runtime.h"

#include <fmt/format.h>

#include "agent/loop/history.h"
#include "agent/loop/model_call.h"
#include "agent/runtime/run.h"
#include "agent/runtime/view.h"
#include "base/strings.h"
#include "observe/record/trace_context.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

// The first 20 characters.
std::string first_words(const std::string& text) {
  size_t at = 0;
  for (int n = 0; n < 20 && at < text.size(); ++n) do
      ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return text.substr(0, at);
}

// What a message has beside one text.
void keep_as_sent(const Value& message, Object& said) {
  auto* parts = json::arr(message, "parts");
  auto* metadata = json::find(message, "metadata");
  Object sent;
  if (parts && (parts->size() > 1 || json::str((*parts)[0], "kind") != "text" || json::find((*parts)[0], "metadata")))
    sent["parts"] = *parts;
  if (metadata && metadata->is_object() && !metadata->get_object().empty()) sent["metadata"] = *metadata;
  if (!sent.empty()) said[kAsSent] = std::move(sent);
}

}  // namespace

bool valid_session_id(std::string_view id) {
  for (unsigned char c : id)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
          std::string_view("-_.:").find(static_cast<char>(c)) != std::string_view::npos))
      return false;
  return id.size() <= kSessionIdMax;
}

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
      record_interrupted(row,
                         {Code::Unavailable,
                          "interrupted: the program ended, and calls under way with it; the task was taken up again",
                          {}});
      begin_turn(row);
      start_run(row, *spec, {});
      continue;
    }
    std::string why = options_.why_absent ? options_.why_absent(row.agent) : "";
    Error gone{
        Code::Unavailable,
        fmt::format("the task was interrupted, and its agent {} {}", row.agent, why.empty() ? "no longer exists" : why),
        {}};
    (void)store_.advance(row.id, {}, kFailed, gone.message);
    row.state = kFailed;
    record_interrupted(row, gone);
  }
}

Result<std::string> Runtime::submit(Submission s) {
  auto* spec = find(s.agent);
  if (!spec)
    return fail(Code::NotFound,
                fmt::format("agent \"{}\" does not exist or is not ready; `kubectl get agents -A` (or `sightline get "
                            "agents -A`) shows its conditions",
                            s.agent));
  std::string task_id(json::str(s.message, "taskId"));
  if (task_id.empty()) return begin(*spec, s);
  SL_TRY(row, store_.task(task_id));
  if (row.agent != s.agent || row.user != s.user)
    return fail(Code::NotFound, fmt::format("task \"{}\" not found", task_id));
  if (auto context = json::str(s.message, "contextId"); !context.empty() && context != row.session)
    return fail(Code::InvalidArgument, fmt::format("task {} belongs to another contextId", task_id));
  if (row.state != kInputRequired)
    return fail(Code::Conflict, fmt::format("task {} is {} and takes no more messages", task_id, row.state));
  SL_CHECK(may_run(row.session));
  return answer(*spec, row, s);
}

Result<void> Runtime::may_run(const std::string& session) {
  if (stopping_ || draining_) return fail(Code::Unavailable, "the server is stopping: send it again");
  for (auto& [id, run] : runs_)
    if (run->row.session == session && !run->waiting && !run->cancelled)
      return fail(Code::Conflict,
                  fmt::format("task {} is under way in session {}; wait for it or cancel it", id, session));
  return {};
}

Result<std::string> Runtime::begin(const route::AgentSpec& spec, Submission& s) {
  std::string text = a2a::text_of(s.message);
  if (auto* parts = json::arr(s.message, "parts"))
    for (auto& p : *parts)
      if (auto* data = json::find(p, "data"))  // structured input is told to the model as JSON
        text += (text.empty() ? "" : "\n") + json::dump(*data);
  if (trim(text).empty()) return fail(Code::InvalidArgument, "the message has no text part");
  TaskRow row;
  row.id = uuid4();
  row.session = json::str(s.message, "contextId");
  if (row.session.empty()) row.session = uuid4();
  if (!valid_session_id(row.session))
    return fail(Code::InvalidArgument, "contextId may have 128 letters, digits and -_.: at most");
  SL_CHECK(may_run(row.session));
  if (auto known = store_.session(row.session); known && known->user != s.user)
    return fail(Code::Conflict, fmt::format("session {} belongs to another user", row.session));
  else if (known && known->agent != s.agent)
    return fail(Code::Conflict, fmt::format("session {} belongs to agent {}", row.session, known->agent));
  row.agent = s.agent;
  row.user = s.user;
  row.state = kSubmitted;
  row.streaming = s.streaming;
  row.created_us = row.updated_us = unix_us();
  row.span_id = observe::new_span_id();
  auto parent = observe::parse_traceparent(s.traceparent);
  row.trace_id = parent ? parent->trace_id : observe::new_trace_id();
  if (parent) row.parent_span_id = parent->span_id;
  Session session{row.session, s.agent, s.user, first_words(text), "user", row.created_us, row.created_us};
  Object said = said_by(s.initiated_by, {{"role", "user"}, {"content", text}});
  keep_as_sent(s.message, said);
  LogMessage first = new_message(row.id, std::move(said));
  if (auto id = json::str(s.message, "messageId"); !id.empty()) first.id = id;
  SL_CHECK(store_.begin_task(session, row, first));
  start_run(row, spec, std::move(s));
  return row.id;
}

Runtime::RunPtr Runtime::start_run(const TaskRow& row, const route::AgentSpec& spec, Submission from) {
  auto run = std::make_shared<Run>();
  run->row = row;
  run->spec = spec;
  run->credential = std::move(from.credential);
  // It means nothing but with the trace it came with; an answer to a waiting task may have come with another.
  auto parent = observe::parse_traceparent(from.traceparent);
  if (parent && parent->trace_id == row.trace_id) {
    run->tracestate = std::move(from.tracestate);
    run->sampled = parent->sampled;
  }
  run->start_us = monotonic_us();
  run->start_unix_us = unix_us();
  runs_[row.id] = run;
  loop_.spawn(drive(this, run));
  return run;
}

net::Task<void> Runtime::drive(Runtime* self, RunPtr run) {
  // Lets the submitter subscribe before the first event.
  co_await net::asio::post(self->loop_.io(), net::use_task);
  auto outcome = co_await self->steps(run);
  self->finish(run, outcome);
}

net::Task<Result<void>> Runtime::steps(RunPtr run) {
  auto messages = store_.messages_of_session(run->row.session);
  if (!messages) co_return fail(std::move(messages).error());
  run->messages = std::move(*messages);
  if (run->cancelled || run->messages.empty()) co_return fail(Code::Cancelled, "the task was cancelled");
  run->emit_status(kSubmitted, message_view(run->messages.back(), run->row.session, run->row.id), false);
  auto working = store_step(run, {}, kWorking, "");
  if (!working) co_return working;
  run->emit_status(kWorking, nullptr, false);
  for (int step = 0; step < kStepsMax && !run->cancelled; ++step) {
    // Taken up after a crash or an answer, the calls of the last message may still be open.
    Array open = open_calls(run->row.id, run->messages);
    if (open.empty()) {
      auto done = co_await step_model(run);
      if (!done) co_return fail(std::move(done).error());
      if (*done) co_return Result<void>();
      open = open_calls(run->row.id, run->messages);
    }
    auto more = co_await step_tools(run, std::move(open));
    if (!more) co_return fail(std::move(more).error());
    if (!*more) co_return Result<void>();
  }
  if (run->cancelled) co_return Result<void>();
  co_return fail(Code::Unsupported,
                 fmt::format("the agent made {} model calls without an answer; the task was stopped", kStepsMax));
}

net::Headers Runtime::model_headers(const RunPtr& run, const std::string& span, bool identity) {
  net::Headers out;
  out.emplace_back("traceparent", fmt::format("00-{}-{}-{}", run->row.trace_id, span, run->sampled ? "01" : "00"));
  if (!run->tracestate.empty()) out.emplace_back("tracestate", run->tracestate);
  if (identity)
    out.emplace_back("x-sightline-identity", fmt::format("{};agent={};session={};turn={}", options_.identity_token,
                                                         run->row.agent, run->row.session, run->row.id));
  return out;
}

json::Array Runtime::offered_tools(const RunPtr& run) {
  Array out;
  for (auto& name : run->spec.tools)
    if (auto it = tools_.find(name); it != tools_.end())
      out.push_back(Object{{"type", "function"},
                           {"function", Object{{"name", name},
                                               {"description", it->second->description()},
                                               {"parameters", it->second->parameters()}}}});
  return out;
}

// Text as it streams in goes to the listeners as partial status updates.
static std::function<void(std::string_view)> partial_sink(std::weak_ptr<Runtime::Run> weak) {
  return [weak](std::string_view text) {
    auto r = weak.lock();
    if (!r || r->cancelled) return;
    r->partial += text;
    r->emit_status(kWorking,
                   a2a::message("agent", Array{a2a::text_part(text)}, r->partial_id, r->row.session, r->row.id), false,
                   Object{{"adk_partial", true}, {"kagent_partial", true}});
  };
}

// True when the model is done: its last answer and the final state are stored together.
net::Task<Result<bool>> Runtime::step_model(RunPtr run) {
  ModelRequest request;
  request.model = run->spec.model;
  request.stream = run->spec.stream || run->row.streaming;
  auto& model = run->spec.model;
  auto goes_to = net::parse_url(model.connect_to.empty() ? model.url : "http://" + model.connect_to);
  bool direct =
      !goes_to || goes_to->tls || !options_.own_gateway || !options_.own_gateway(goes_to->host, goes_to->port);
  if (direct && model.through_gateway)  // whoever listens there must not get the key
    co_return fail(Code::Unavailable,
                   fmt::format("LLM error: nothing was sent: no gateway serves the address of "
                               "ModelConfig {}; its condition ThroughGateway says why, or it has just moved: "
                               "send the message again",
                               model.name));
  // Past every gateway the call has no record but ours, and its span is the one the provider is told.
  std::string span = direct ? observe::new_span_id() : run->row.span_id;
  request.headers = model_headers(run, span, !direct);
  request.caller_credential = run->credential;
  request.messages = model_messages(run->spec.system_message, run->messages);
  request.tools = offered_tools(run);
  run->partial_id = uuid4();
  std::function<void(std::string_view)> on_text;
  if (request.stream) on_text = partial_sink(run);
  std::function<void()> abort;
  run->abort = [&abort] {
    if (abort) abort();
  };
  ModelWire wire;
  int64_t start_unix = unix_us(), start = monotonic_us();
  bool streamed = request.stream;
  auto answer = co_await call_model(options_.client, std::move(request), std::move(on_text), &abort, &wire);
  run->abort = nullptr;
  if (direct) record_direct_call(*run, wire, answer, {span, streamed, start_unix, monotonic_us() - start});
  if (run->cancelled || stopping_) co_return fail(Code::Cancelled, "the task was cancelled");
  if (!answer) co_return fail(std::move(answer).error());
  run->input_tokens += json::num(answer->usage, 0, "prompt_tokens");
  run->output_tokens += json::num(answer->usage, 0, "completion_tokens");
  if (answer->finish_reason == "length" || answer->finish_reason == "content_filter")
    answer->message.get_object()[kEndedEarly] = answer->finish_reason;
  LogMessage m = new_message(run->row.id, std::move(answer->message), answer->usage);
  m.id = run->partial_id;
  auto* calls = json::arr(m.message, "tool_calls");
  bool done = !calls || calls->empty();
  Object view = message_view(m, run->row.session, run->row.id);
  std::vector<LogMessage> step;
  step.push_back(std::move(m));
  auto stored = store_step(run, std::move(step), done ? kCompleted : kWorking, "");
  if (!stored) co_return fail(std::move(stored).error());
  run->partial.clear();
  Object metadata;
  if (auto* extra = view.if_contains("metadata"); extra && extra->is_object()) metadata = extra->get_object();
  run->emit_status(kWorking, std::move(view), false, std::move(metadata));
  co_return done;
}

// Runs the open calls; those that a person must answer come last. False: a person must answer first.
net::Task<Result<bool>> Runtime::step_tools(RunPtr run, Array calls) {
  std::vector<Value> questions;
  for (size_t i = 0; i < calls.size(); ++i) {
    Value call = calls[i];
    std::string id(json::str(call, "id")), name(json::str(call, "function", "name"));
    auto tool = tools_.find(name);
    bool offered = std::find(run->spec.tools.begin(), run->spec.tools.end(), name) != run->spec.tools.end();
    ToolRecord about{name, id, unix_us(), monotonic_us()};
    std::string_view given = trim(json::str(call, "function", "arguments"));
    auto arguments = json::parse(given.empty() ? "{}" : given);
    bool for_person = tool != tools_.end() && offered && tool->second->needs_person();
    std::string wrong =
        for_person && arguments && arguments->is_object() ? tool->second->wrong_arguments(*arguments) : "";
    Result<std::string> result;
    if (tool == tools_.end() || !offered) {
      result = fail(Code::PermissionDenied, fmt::format("there is no tool \"{}\"", truncate_utf8(name, 100)));
      record_tool(run->row, about, &result.error());
    } else if (!arguments || !arguments->is_object()) {
      result = fail(Code::InvalidArgument, "the arguments are not a JSON object" +
                                               (arguments ? std::string() : ": " + arguments.error().message));
      record_tool(run->row, about, &result.error());
    } else if (!wrong.empty()) {
      result = fail(Code::InvalidArgument, wrong);
      record_tool(run->row, about, &result.error());
    } else if (for_person) {
      questions.push_back(std::move(call));
      continue;
    } else {
      result = co_await run_tool(run, std::move(about), std::move(*arguments));
      if (run->cancelled || stopping_) co_return fail(Code::Cancelled, "the task was cancelled");
    }
    std::string text = result ? std::move(*result) : "error: " + result.error().message;
    std::vector<LogMessage> step;
    step.push_back(new_message(
        run->row.id, Object{{"role", "tool"}, {"tool_call_id", id}, {"name", name}, {"content", clean_utf8(text)}}));
    Object view = message_view(step[0], run->row.session, run->row.id);
    auto stored = store_step(run, std::move(step), kWorking, "");
    if (!stored) co_return fail(std::move(stored).error());
    run->emit_status(kWorking, std::move(view), false);
  }
  if (questions.empty()) co_return true;
  auto waiting = wait_for_person(run, questions);
  if (!waiting) co_return fail(std::move(waiting).error());
  co_return false;
}

net::Task<Result<std::string>> Runtime::run_tool(RunPtr run, ToolRecord about, Value arguments) {
  ToolCall call;
  run->abort = [&call] {
    if (call.abort) call.abort();
  };
  auto tool = tools_.at(about.name);
  auto result = co_await tool->run(std::move(arguments), &call);
  run->abort = nullptr;
  record_tool(run->row, about, result ? nullptr : &result.error(), &call);
  co_return result;
}

Result<void> Runtime::store_step(const RunPtr& run, std::vector<LogMessage> messages, std::string_view state,
                                 std::string_view detail) {
  SL_CHECK(store_.advance(run->row.id, messages, state, detail));
  run->row.state = state;
  run->row.detail = detail;
  for (auto& m : messages) run->messages.push_back(std::move(m));
  return {};
}

// A task that goes on after an answer or a crash is a turn of its own under the first.
void Runtime::begin_turn(TaskRow& row) {
  row.parent_span_id = row.span_id;
  row.span_id = observe::new_span_id();
  // Its record may then be wrong after a crash; the task goes on all the same.
  if (auto begun = store_.begin_turn(row, unix_us()); !begun)
    options_.log.error("task {}: {}", row.id, begun.error().message);
}

bool Runtime::subscribe(const std::string& task, TaskListener listener, uint64_t* id) {
  auto it = runs_.find(task);
  if (it == runs_.end() || it->second->cancelled) return false;  // a cancelled one has told its end
  *id = it->second->next_listener++;
  auto run = it->second;
  run->listeners[*id] = std::move(listener);
  if (!run->partial.empty()) run->listeners[*id](run->partial_event(), false);  // what was streamed before
  return true;
}

void Runtime::unsubscribe(const std::string& task, uint64_t id) {
  if (auto it = runs_.find(task); it != runs_.end()) it->second->listeners.erase(id);
}

Result<Value> Runtime::task_json(const std::string& task, int64_t history_length) {
  SL_TRY(row, store_.task(task));
  SL_TRY(messages, store_.messages_of_task(task));
  Object view = task_view(row, messages, history_length);
  if (row.state ==
      kInputRequired)  // the calls that wait, as a client that was not there when they were made needs them
    if (auto* message = json::find(view["status"], "message"); message && message->is_object())
      add_questions(view["status"].get_object()["message"].get_object(), task, messages);
  return Value(std::move(view));
}

}  // namespace sl::agent

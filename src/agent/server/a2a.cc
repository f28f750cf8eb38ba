#include "agent/server/a2a.h"

#include <fmt/format.h>

#include "a2a/wire/wire.h"
#include "agent/server/card.h"
#include "agent/server/task_list.h"
#include "base/strings.h"
#include "codec/sse/sse.h"

namespace sl::agent {

using a2a::Version;
using json::Array;
using json::Object;
using json::Value;
using net::Headers;

static constexpr char kReadOnly[] = "the session is shared for reading only";

struct A2aServer::Call {
  std::string agent, traceparent, tracestate, credential;
  Caller caller;
  Version version = Version::V03;
  Value id;
  std::string method;
  Value params;
  net::HttpResponderPtr out;
  std::string hitl;  // the header in which the extension was asked for: told in the same that it is there

  Headers headers(std::string type) const {
    Headers out{{"Content-Type", std::move(type)}};
    if (!hitl.empty()) out.emplace_back(hitl, kHitlExtension);
    return out;
  }
  void reply(const Value& body, int status = 200) const {
    out->respond(status, headers("application/json"), json::dump(body));
  }
  // A task where the answer is the task itself: 1.0 wraps it only in events.
  Value bare(Value task) const {
    if (version == Version::V03) return task;
    return *json::find(a2a::to_v1(task), "task");
  }
  void result(Value v) const { reply(a2a::rpc_result(id, version == Version::V10 ? a2a::to_v1(v) : std::move(v))); }
  void error(int code, std::string_view message) const { reply(a2a::rpc_error(id, code, message)); }
  void error(const Error& e) const {
    int code = e.code == Code::NotFound          ? a2a::kTaskNotFound
               : e.code == Code::InvalidArgument ? a2a::kInvalidParams
               : e.code == Code::Conflict        ? a2a::kUnsupported
                                                 : a2a::kInternalError;
    error(code, e.message);
  }
};

namespace {

// What is wrong with a message (0.3 shape), in words; empty when nothing is. Its text is judged by the runtime.
std::string wrong_member(const Value& message) {
  for (auto name : {"contextId", "taskId", "messageId"})
    if (auto* v = json::find(message, name); v && !v->is_string() && !v->is_null())
      return fmt::format("params.message.{} must be a string", name);
  auto* role = json::find(message, "role");
  if (role && *role != "user") return "params.message.role must be the user's";
  return "";
}

// "/api/a2a/NS/NAME" and what follows.
bool split_path(std::string_view path, std::string* agent, std::string* rest) {
  constexpr std::string_view kBase = "/api/a2a/";
  if (!path.starts_with(kBase)) return false;
  auto parts = split(path.substr(kBase.size()), '/');
  if (parts.size() < 2 || parts[0].empty() || parts[1].empty()) return false;
  *agent = std::string(parts[0]) + "/" + std::string(parts[1]);
  for (size_t i = 2; i < parts.size(); ++i)
    if (!parts[i].empty()) *rest += (rest->empty() ? "" : "/") + std::string(parts[i]);
  return true;
}

}  // namespace

void A2aServer::start() {
  if (options_.keep_alive_ms > 0) loop_.spawn(keep_alive(this));
}

// A comment is nothing to a reader of events, and traffic to whatever stands between: proxies cut what is silent.
net::Task<void> A2aServer::keep_alive(A2aServer* self) {
  net::Timer timer(self->loop_.io());
  for (;;) {
    timer.expires_after(std::chrono::milliseconds(self->options_.keep_alive_ms));
    auto [ec] = co_await timer.async_wait(net::use_task);
    if (ec) co_return;
    self->forget_closed();
    for (auto& s : self->streams_) s.out->write(": keep-alive\n\n");
  }
}

void A2aServer::forget_closed() {
  std::erase_if(streams_, [](auto& s) { return s.out->closed(); });
}

void A2aServer::share_removed(const std::string& token) {
  for (auto& s : streams_) {
    if (s.share != token) continue;
    runtime_.unsubscribe(s.task, s.listener);
    s.out->end();
  }
  forget_closed();
}

bool A2aServer::handle(const net::HttpRequest& request, const net::HttpResponderPtr& out) {
  std::string agent, rest;
  if (!split_path(request.path, &agent, &rest)) return false;
  bool card_asked = rest == ".well-known/agent-card.json" || rest == ".well-known/agent.json";
  auto* spec = runtime_.find(agent);
  if (card_asked && !spec) {
    out->respond(404, Headers{{"Content-Type", "application/json"}},
                 json::dump(Object{{"error", fmt::format("agent \"{}\" does not exist or is not ready", agent)}}));
  } else if (card_asked) {
    // The address by which the client came is one that it can reach.
    std::string_view host = request.header("host");
    out->respond(200, Headers{{"Content-Type", "application/json"}},
                 json::dump(agent_card(*spec, host.empty() ? options_.base_url : "http://" + std::string(host))));
  } else if (rest.empty() && request.method == "POST") {
    rpc(agent, request, out);
  } else {
    out->respond(
        request.method == "POST" ? 404 : 405, Headers{{"Content-Type", "application/json"}},
        json::dump(Object{{"error", "A2A takes POST with JSON-RPC; the card is at .well-known/agent-card.json"}}));
  }
  return true;
}

void A2aServer::rpc(const std::string& agent, const net::HttpRequest& r, const net::HttpResponderPtr& out) {
  Call call;
  call.agent = agent;
  call.out = out;
  auto caller = caller_of(r, runtime_.store());
  if (!caller)
    return out->respond(caller.error().code == Code::PermissionDenied ? 403 : 500,
                        Headers{{"Content-Type", "application/json"}},
                        json::dump(Object{{"error", caller.error().message}}));
  call.caller = std::move(*caller);
  call.traceparent = r.header("traceparent");
  call.tracestate = r.header("tracestate");
  for (auto name : {"A2A-Extensions", "X-A2A-Extensions"})  // of 1.0 and of 0.3
    for (auto uri : split(r.header(name), ','))
      if (trim(uri) == kHitlExtension) call.hitl = name;
  if (auto bearer = r.header("authorization"); bearer.size() > 7 && iequals(bearer.substr(0, 7), "bearer "))
    call.credential = trim(bearer.substr(7));
  auto body = json::parse(r.body);
  if (auto* id = body ? json::find(*body, "id") : nullptr; id && (id->is_string() || id->is_number())) call.id = *id;
  auto version = a2a::parse_version(r.header("a2a-version"));
  if (!version) return call.reply(a2a::rpc_error(call.id, a2a::kVersionNotSupported, version.error().message), 400);
  call.version = *version;
  if (!body) return call.error(a2a::kParseError, body.error().message);
  if (auto* id = json::find(*body, "id"); id && (id->is_structured() || id->is_bool()))
    return call.error(a2a::kInvalidRequest, "id may be a string or a number");
  if (json::str(*body, "jsonrpc") != "2.0" || json::str(*body, "method").empty())
    return call.error(a2a::kInvalidRequest, "not a JSON-RPC 2.0 request");
  call.method = json::str(*body, "method");
  if (auto* params = json::find(*body, "params"); params && params->is_object())
    call.params = call.version == Version::V10 ? a2a::from_v1(*params) : *params;
  dispatch(call);
}

// A2A: absent for all, else a number from 0.
static std::string wrong_history(const Value& params) {
  for (auto* v : {json::find(params, "historyLength"), json::find(params, "configuration", "historyLength")})
    if (v && !v->is_null() && (!v->is_int64() || v->get_int64() < 0)) return "historyLength must be a number from 0";
  return "";
}

void A2aServer::dispatch(const Call& call) {
  struct Method {
    std::string_view v03, v10;
    void (A2aServer::*run)(const Call&);
    bool of_task;  // params.id names a task of this agent
    bool writes;   // and whoever may only read it is refused; where a message goes is owner_of's
  };
  static constexpr Method kMethods[] = {
      {"message/send", "SendMessage", &A2aServer::send, false, false},
      {"message/stream", "SendStreamingMessage", &A2aServer::send_streaming, false, false},
      {"tasks/get", "GetTask", &A2aServer::get, true, false},
      {"tasks/list", "ListTasks", &A2aServer::list, false, false},
      {"tasks/cancel", "CancelTask", &A2aServer::cancel, true, true},
      {"tasks/resubscribe", "SubscribeToTask", &A2aServer::resubscribe, true, false}};
  if (auto wrong = wrong_history(call.params); !wrong.empty()) return call.error(a2a::kInvalidParams, wrong);
  for (auto& m : kMethods) {
    if (call.method != (call.version == Version::V10 ? m.v10 : m.v03)) continue;
    if (m.of_task) {
      auto known = check_task(call, m.writes);
      if (!known) return call.error(known.error());
    }
    return (this->*m.run)(call);
  }
  if (call.method.find("ushNotification") != std::string::npos)
    return call.error(a2a::kPushNotSupported, "push notifications are not supported; use message/stream");
  if (call.method == "agent/getAuthenticatedExtendedCard" || call.method == "GetExtendedAgentCard")
    return call.error(a2a::kNoExtendedCard, "there is no extended agent card; the card says all");
  call.error(a2a::kMethodNotFound, fmt::format("method \"{}\" not found", call.method));
}

// NotFound also for a task of another agent, or one that the caller may not see: its existence is nobody's business.
Result<void> A2aServer::check_task(const Call& call, bool writes) {
  std::string id(json::str(call.params, "id"));
  if (id.empty()) return fail(Code::InvalidArgument, "params.id must name a task");
  SL_TRY(row, runtime_.store().task(id));
  if (row.agent != call.agent || !call.caller.sees(row.user, row.session))
    return fail(Code::NotFound, fmt::format("task \"{}\" not found", id));
  if (writes && !call.caller.writes(row.user, row.session)) return fail(Code::Conflict, kReadOnly);
  return {};
}

// Whose session the message goes to: the caller's own, or that of a share.
Result<std::string> A2aServer::owner_of(const Call& call, const Value& message) {
  auto& share = call.caller.share;
  std::string session(json::str(message, "contextId")), task(json::str(message, "taskId"));
  if (share && session.empty() && !task.empty())
    if (auto row = runtime_.store().task(task)) session = row->session;
  if (!share || session != share->session) return call.caller.user;
  if (share->read_only) return fail(Code::Conflict, kReadOnly);
  return share->user;
}

void A2aServer::send(const Call& call) {
  submit(call, false);
}

void A2aServer::send_streaming(const Call& call) {
  submit(call, true);
}

void A2aServer::submit(const Call& call, bool streaming) {
  auto* message = json::find(call.params, "message");
  if (!message || !message->is_object()) return call.error(a2a::kInvalidParams, "params.message is required");
  if (std::string wrong = wrong_member(*message); !wrong.empty()) return call.error(a2a::kInvalidParams, wrong);
  if (auto* parts = json::arr(*message, "parts"))
    for (auto& p : *parts)
      if (json::str(p, "kind") == "file" || json::find(p, "file") || json::find(p, "raw") || json::find(p, "url"))
        return call.error(a2a::kContentTypeNotSupported,
                          "agents here take text and data parts; send the file's text, or an address of it, as text");
  Submission s;
  s.agent = call.agent;
  s.message = *message;
  auto owner = owner_of(call, *message);
  if (!owner) return call.error(owner.error());
  s.user = std::move(*owner);
  if (s.user != call.caller.user) s.initiated_by = call.caller.user;
  s.traceparent = call.traceparent;
  s.tracestate = call.tracestate;
  s.credential = call.credential;
  s.streaming = streaming;
  auto task = runtime_.submit(std::move(s));
  if (!task)
    return call.error(task.error().code == Code::NotFound && json::str(*message, "taskId").empty()
                          ? Error{Code::InvalidArgument, task.error().message, {}}
                          : task.error());
  if (streaming) return stream_task(call, *task);
  auto* blocking = json::find(call.params, "configuration", "blocking");
  int64_t history = json::num(call.params, -1, "configuration", "historyLength");
  auto answer = [this, call, task = *task, history] {
    auto stored = runtime_.task_json(task, history);
    if (stored)
      call.result(std::move(*stored));
    else
      call.error(stored.error());
  };
  uint64_t id = 0;
  bool wait = !(blocking && blocking->is_bool() && !blocking->get_bool());
  if (!wait || !runtime_.subscribe(
                   *task,
                   [answer](const Value&, bool last) {
                     if (last) answer();
                   },
                   &id))
    answer();
}

void A2aServer::stream_task(const Call& call, const std::string& task) {
  auto headers = call.headers("text/event-stream");
  headers.emplace_back("Cache-Control", "no-cache");
  call.out->start(200, std::move(headers));
  auto write = [call](const Value& event) {
    Value body = a2a::rpc_result(call.id, call.version == Version::V10 ? a2a::to_v1(event) : event);
    std::string text;
    sse::append_event("", json::dump(body), text);
    call.out->write(std::move(text));
  };
  if (auto now = runtime_.task_json(task)) write(*now);
  uint64_t id = 0;
  bool running = runtime_.subscribe(
      task,
      [call, write](const Value& event, bool last) {
        write(event);
        if (last) call.out->end();
      },
      &id);
  if (!running) return call.out->end();
  forget_closed();
  streams_.push_back({call.out, task, call.caller.share ? call.caller.share->token : "", id});
  call.out->on_close([this, task, id] { runtime_.unsubscribe(task, id); });
}

void A2aServer::get(const Call& call) {
  auto stored =
      runtime_.task_json(std::string(json::str(call.params, "id")), json::num(call.params, -1, "historyLength"));
  if (!stored) return call.error(stored.error());
  call.reply(a2a::rpc_result(call.id, call.bare(std::move(*stored))));
}

void A2aServer::list(const Call& call) {
  auto asked_for = task_query(call.params);
  if (!asked_for) return call.error(asked_for.error());
  TaskQuery& query = *asked_for;
  query.agent = call.agent;
  query.user = call.caller.user;
  if (auto& share = call.caller.share; share && query.session == share->session) query.user = share->user;
  size_t total = 0;
  ++query.limit;  // one more tells whether there is another page
  auto rows = runtime_.store().find_tasks(query, &total);
  --query.limit;
  if (!rows) return call.error(rows.error());
  std::string next;
  if (rows->size() > query.limit) {
    rows->pop_back();
    next = page_token(rows->back());
  }
  auto* asked = json::find(call.params, "includeArtifacts");
  bool artifacts = call.version == Version::V03 || (asked && *asked == true);
  int64_t history = json::num(call.params, 0, "historyLength");
  Array tasks;
  for (auto& row : *rows) {
    auto stored = runtime_.task_json(row.id, history);
    if (!stored) continue;
    if (!artifacts) stored->get_object().erase("artifacts");
    tasks.push_back(call.bare(std::move(*stored)));
  }
  Object out{
      {"tasks", std::move(tasks)}, {"nextPageToken", std::move(next)}, {"pageSize", query.limit}, {"totalSize", total}};
  call.reply(a2a::rpc_result(call.id, std::move(out)));
}

void A2aServer::cancel(const Call& call) {
  std::string id(json::str(call.params, "id"));
  auto done = runtime_.cancel(id);
  if (!done)
    return call.error(done.error().code == Code::Conflict ? a2a::kTaskNotCancelable : a2a::kTaskNotFound,
                      done.error().message);
  get(call);
}

void A2aServer::resubscribe(const Call& call) {
  std::string id(json::str(call.params, "id"));
  auto stored = runtime_.task_json(id, 0);
  if (!stored) return call.error(stored.error());
  if (call.version == Version::V10 && is_final(json::str(*stored, "status", "state")))
    return call.error(a2a::kUnsupported, fmt::format("task {} has ended; read it with GetTask", id));
  stream_task(call, id);
}

}  // namespace sl::agent

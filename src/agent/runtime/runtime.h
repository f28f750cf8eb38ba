// Runtime: the agents of this process and their tasks.
//
// A task is one coroutine: model call, tool calls, until the model is done; every step is stored before the next one
// starts. Tasks found unfinished at start are taken up again from what is stored. Who calls: agent/server, app. Thread:
// everything on the agents' loop but set_agents (any thread).
// Limits: kStepsMax model calls a task, one task at a time in a session.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "agent/loop/model_call.h"
#include "agent/sessions/store.h"
#include "agent/tools/tool.h"
#include "base/log.h"
#include "net/http_client/client.h"
#include "observe/record/record.h"
#include "route/spec/agent_spec.h"

namespace sl::agent {

inline constexpr int kStepsMax = 100;

// kagent's extension of A2A for questions to a person, by which its clients know and answer them.
inline constexpr char kHitlExtension[] = "https://kagent.dev/extensions/hitl/v1";

// Session ids come from clients: letters, digits and -_.: only, kSessionIdMax at most.
inline constexpr size_t kSessionIdMax = 128;
bool valid_session_id(std::string_view id);

struct RuntimeOptions {
  net::HttpClient* client = nullptr;  // for model calls
  KubeAccess kube;
  observe::RecordSink* sink = nullptr;
  std::string identity_token;
  // Why an agent that is not among set_agents' is not: "is not ready: ..."; "" if it does not exist at all.
  std::function<std::string(const std::string& agent)> why_absent;
  // Whether HOST:PORT is a gateway of this process: only then is the identity sent.
  std::function<bool(const std::string& host, uint16_t port)> own_gateway;
  Log log;
};

// What a caller sends.
struct Submission {
  std::string agent;    // NS/NAME
  json::Value message;  // A2A 0.3 message
  std::string user = "admin@kagent.dev";
  std::string initiated_by;  // who speaks in that user's session, if it is somebody else
  std::string traceparent, tracestate;
  std::string credential;  // the caller's bearer token, for apiKeyPassthrough
  bool streaming = false;
};

// Events of a task in the A2A 0.3 shape; `last` with the final one. Called on the loop.
using TaskListener = std::function<void(const json::Value& event, bool last)>;

class Runtime {
 public:
  Runtime(net::Loop& loop, SessionStore& store, RuntimeOptions options);
  ~Runtime();

  // Any thread. Tasks under way keep the spec they began with.
  void set_agents(std::vector<route::AgentSpec> agents);
  // Takes up what a crash left. Once, after the first set_agents.
  void resume();

  const route::AgentSpec* find(const std::string& agent) const;
  std::vector<const route::AgentSpec*> agents() const;

  // Starts a task, or continues one that waits for input. Durable when it returns. Returns the task id.
  Result<std::string> submit(Submission submission);
  // Shutting down, first: tasks under way go on, new ones are refused.
  void drain() { draining_ = true; }
  // Tasks that run, wait for no person and are not cancelled.
  size_t under_way() const;
  // And then: calls under way end, tasks stay unfinished and are taken up at the next start; who follows one is told
  // so.
  void stop();
  // Stops the task: the model call is cancelled, the state is stored before this returns.
  Result<void> cancel(const std::string& task);
  // Follows a running task, what has been streamed of its answer so far first; false when it is not running (its stored
  // form is final).
  bool subscribe(const std::string& task, TaskListener listener, uint64_t* id);
  void unsubscribe(const std::string& task, uint64_t id);
  // The stored form in the A2A 0.3 shape.
  Result<json::Value> task_json(const std::string& task, int64_t history_length = -1);
  SessionStore& store() { return store_; }

  struct Run;

 private:
  using RunPtr = std::shared_ptr<Run>;
  Result<void> may_run(const std::string& session);  // Conflict while another task of it is under way
  Result<std::string> begin(const route::AgentSpec& spec, Submission& s);
  Result<std::string> answer(const route::AgentSpec& spec, const TaskRow& row, Submission& s);
  RunPtr start_run(const TaskRow& row, const route::AgentSpec& spec, Submission from);
  static net::Task<void> drive(Runtime* self, RunPtr run);
  net::Task<Result<void>> steps(RunPtr run);
  json::Array offered_tools(const RunPtr& run);
  net::Task<Result<bool>> step_model(RunPtr run);
  net::Task<Result<bool>> step_tools(RunPtr run, json::Array calls);
  struct ToolRecord {  // of a tool call, from its beginning
    std::string name, call_id;
    int64_t start_unix_us = 0, start_us = 0;
  };
  struct DirectCall {
    std::string span;
    bool streamed = false;
    int64_t start_unix_us = 0, duration_us = 0;
  };
  net::Task<Result<std::string>> run_tool(RunPtr run, ToolRecord about, json::Value arguments);
  // Puts what a waiting task asks into its status message.
  static void add_questions(json::Object& message, const std::string& task, const std::vector<LogMessage>& messages);
  Result<void> wait_for_person(const RunPtr& run, const std::vector<json::Value>& calls);
  Result<void> store_step(const RunPtr& run, std::vector<LogMessage> messages, std::string_view state,
                          std::string_view detail);
  void finish(const RunPtr& run, const Result<void>& outcome);
  static net::Task<void> keep_saving(Runtime* self);
  void begin_turn(TaskRow& row);
  net::Headers model_headers(const RunPtr& run, const std::string& span, bool identity);

  // Records (records.cc): each turn, tool call and model call past the gateways is told once.
  void record(observe::Record r);
  void record_turn(const Run& run, int64_t duration_us, const Error* error = nullptr);
  // The turn that the end of the program broke off, when its task is found at the next start.
  void record_interrupted(const TaskRow& row, const Error& why);
  void record_tool(const TaskRow& row, const ToolRecord& about, const Error* error, const ToolCall* call = nullptr);
  // The calls of ask_user that a person has answered, or (with an error) never will.
  void record_questions(const TaskRow& row, const std::vector<LogMessage>& messages, const Error* error = nullptr);
  void record_direct_call(const Run& run, const ModelWire& wire, const Result<ModelAnswer>& answer,
                          const DirectCall& about);

  net::Loop& loop_;
  SessionStore& store_;
  RuntimeOptions options_;
  ToolMap tools_;
  std::map<std::string, route::AgentSpec> agents_;
  std::map<std::string, RunPtr> runs_;  // by task
  bool draining_ = false, stopping_ = false;
  bool saving_ = false;  // keep_saving() is under way
};

}  // namespace sl::agent

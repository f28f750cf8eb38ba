// Run: a task under way. Who calls: the files of agent/runtime. Thread: the agents' loop.
#pragma once

#include "a2a/wire/wire.h"
#include "agent/runtime/runtime.h"
#include "base/ids.h"

namespace sl::agent {

struct Runtime::Run {
  TaskRow row;
  route::AgentSpec spec;
  std::string credential, tracestate;  // the caller's; not stored
  bool sampled = true;                 // so is this
  std::vector<LogMessage> messages;    // of the whole session, in order
  std::map<uint64_t, TaskListener> listeners;
  uint64_t next_listener = 1;
  std::function<void()> abort;  // cancels what is under way
  bool cancelled = false;
  bool waiting = false;  // stopped for a person's answer
  int64_t start_us = 0, start_unix_us = 0;
  int64_t input_tokens = 0, output_tokens = 0;
  std::string partial_id;  // message id of the text being streamed
  std::string partial;     // that text so far; empty once the whole message is stored

  void emit(const json::Value& event, bool last) {
    auto copy = listeners;  // a listener may unsubscribe
    for (auto& [id, fn] : copy) fn(event, last);
  }
  int64_t elapsed_us() const { return monotonic_us() - start_us; }
  // The text being streamed, as far as it has come, as one partial update.
  json::Value partial_event() const {
    return a2a::status_event(
        row.id, row.session,
        a2a::status(kWorking,
                    a2a::message("agent", json::Array{a2a::text_part(partial)}, partial_id, row.session, row.id),
                    unix_us()),
        false,
        json::Object{{"adk_partial", true},
                     {"kagent_partial", true},
                     {"kagent_app_name", row.agent},
                     {"kagent_session_id", row.session}});
  }
  // `last`: the listeners get no more although the task goes on.
  void emit_status(std::string_view state, json::Value message, bool final, json::Object metadata = {},
                   bool last = false) {
    metadata["kagent_app_name"] = row.agent;
    metadata["kagent_session_id"] = row.session;
    emit(a2a::status_event(row.id, row.session, a2a::status(state, std::move(message), unix_us()), final,
                           std::move(metadata)),
         final || last);
  }
};

// A person's message; kInitiatedBy tells who of a shared session wrote it.
inline json::Object said_by(const std::string& who, json::Object message) {
  if (!who.empty()) message[kInitiatedBy] = who;
  return message;
}

inline LogMessage new_message(const std::string& task, json::Value message, json::Value usage = nullptr) {
  LogMessage out;
  out.id = uuid4();
  out.task = task;
  out.at_us = unix_us();
  out.message = std::move(message);
  out.usage = std::move(usage);
  return out;
}

}  // namespace sl::agent

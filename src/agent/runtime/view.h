// The A2A 0.3 view of stored tasks and messages. Who calls: Runtime, app's REST. Thread: plain functions.
#pragma once

#include "agent/sessions/store.h"

namespace sl::agent {

// A stored message as an A2A message: text, function_call and function_response parts.
json::Object message_view(const LogMessage& m, const std::string& session, const std::string& task);
json::Object task_view(const TaskRow& row, const std::vector<LogMessage>& messages, int64_t history_length);
// A stored message as an ADK event, which is what clients of the REST API read from a session.
json::Object adk_event(const LogMessage& m, const std::string& agent);
// Of the message that says what became of a task: the same in its events and in its stored form.
std::string status_message_id(const std::string& task);
// The words of the last assistant message.
std::string last_answer(const std::vector<LogMessage>& messages);

}  // namespace sl::agent

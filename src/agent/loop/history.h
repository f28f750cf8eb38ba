// What the model is told of the conversation so far, and which of its tool calls are still open.
// Who calls: agent/runtime. Thread: plain functions.
#pragma once

#include "agent/sessions/store.h"

namespace sl::agent {

// The stored messages as the model is called with them: every tool call is followed by its result, in the order of the
// calls. One that was never answered (a cancelled turn, a question that nobody answered) gets a result that says so,
// since models refuse a history with open calls; arguments that are not a JSON object become {} for the same reason.
json::Array model_messages(const std::string& system, const std::vector<LogMessage>& messages);

// The calls of the task's last assistant message that have no result yet.
json::Array open_calls(const std::string& task, const std::vector<LogMessage>& messages);

}  // namespace sl::agent

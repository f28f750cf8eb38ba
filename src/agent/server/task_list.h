// What tasks/list (ListTasks) asks for, and the token of its next page. Who calls: a2a.cc. Thread: any.
// Source: A2A 1.0 section 3.1.4. Errors: InvalidArgument, which names the parameter.
#pragma once

#include "agent/sessions/store.h"

namespace sl::agent {

// Session, state, time, page and size; whose tasks is the caller's to say. A page has 1 to 100.
Result<TaskQuery> task_query(const json::Value& params);
// For the page after this task.
std::string page_token(const TaskRow& last);

}  // namespace sl::agent

#include "agent/server/task_list.h"

#include <fmt/format.h>

#include "a2a/wire/wire.h"
#include "base/strings.h"

namespace sl::agent {

Result<TaskQuery> task_query(const json::Value& params) {
  TaskQuery query;
  query.session = json::str(params, "contextId");
  query.state = a2a::state_v03(json::str(params, "status"));
  if (!query.state.empty() && !a2a::known_state(query.state))
    return fail(Code::InvalidArgument, fmt::format("status \"{}\" is no task state", query.state));
  if (auto* after = json::find(params, "statusTimestampAfter"); after && !after->is_null()) {
    auto ms = after->is_string() ? parse_rfc3339(json::view(after->get_string())) : std::nullopt;
    if (!ms) return fail(Code::InvalidArgument, "statusTimestampAfter must be a time of RFC 3339");
    query.changed_after_us = *ms * 1000 - 1;  // "at or after"
  }
  if (auto* size = json::find(params, "pageSize")) {
    if (!size->is_int64() || size->get_int64() < 0)
      return fail(Code::InvalidArgument, "pageSize must be a number from 1 to 100");
    query.limit = static_cast<size_t>(std::clamp<int64_t>(size->get_int64(), 1, 100));
  }
  if (auto token = json::str(params, "pageToken"); !token.empty()) {
    auto raw = base64_decode(token);
    size_t comma = raw ? raw->find(',') : std::string::npos;
    auto at = comma == std::string::npos ? std::nullopt : parse_int(raw->substr(0, comma));
    if (!at || *at <= 0) return fail(Code::InvalidArgument, "pageToken is not valid");
    query.before_us = *at;
    query.after_id = raw->substr(comma + 1);
  }
  return query;
}

std::string page_token(const TaskRow& last) {
  return base64_encode(fmt::format("{},{}", last.updated_us, last.id));
}

}  // namespace sl::agent

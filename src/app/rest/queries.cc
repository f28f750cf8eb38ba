#include "app/rest/queries.h"

#include <fmt/format.h>

#include "base/ids.h"
#include "base/strings.h"

namespace sl::rest {

Result<agent::MessageQuery> message_query(const net::HttpRequest& r) {
  agent::MessageQuery out;
  if (auto order = r.query_value("order"); !order.empty() && order != "asc" && order != "desc")
    return fail(Code::InvalidArgument, fmt::format("order is asc or desc, not \"{}\"", order));
  else
    out.newest_first = order == "desc";
  if (auto after = r.query_value("after"); !after.empty()) {
    auto ms = parse_rfc3339(after);
    if (!ms) return fail(Code::InvalidArgument, fmt::format("after is a time of RFC 3339, not \"{}\"", after));
    out.after_us = *ms * 1000 + 999;  // times are told in milliseconds: what was told is not told again
  }
  if (auto limit = r.query_value("limit"); !limit.empty()) {
    auto n = parse_int(limit);
    if (!n || *n < -1 || *n == 0)
      return fail(Code::InvalidArgument, fmt::format("limit is a number from 1, or -1 for all, not \"{}\"", limit));
    out.limit = *n;
  }
  return out;
}

Result<agent::SessionQuery> session_query(const net::HttpRequest& r) {
  agent::SessionQuery out;
  if (auto text = r.query_value("limit"); !text.empty()) {
    auto n = parse_uint(text);
    if (!n || *n == 0 || *n > out.limit)
      return fail(Code::InvalidArgument, fmt::format("limit is a number from 1 to {}, not \"{}\"", out.limit, text));
    out.limit = *n;
  }
  if (auto text = r.query_value("before"); !text.empty()) {
    size_t dash = text.find('-');
    auto us = parse_int(text.substr(0, dash));
    if (!us || *us <= 0 || dash == std::string::npos)
      return fail(Code::InvalidArgument, fmt::format("before is what the page before it told, not \"{}\"", text));
    out.before_us = *us;
    out.after_id = text.substr(dash + 1);
  }
  return out;
}

}  // namespace sl::rest

#include "kube/object/status.h"

#include <fmt/format.h>

#include <map>

namespace sl::kube {
namespace {

std::string_view reason_of(Code code) {
  switch (code) {
    case Code::InvalidArgument:
      return "BadRequest";
    case Code::Invalid:
      return "Invalid";
    case Code::Unauthenticated:
      return "Unauthorized";
    case Code::PermissionDenied:
      return "Forbidden";
    case Code::NotFound:
      return "NotFound";
    case Code::MethodNotAllowed:
      return "MethodNotAllowed";
    case Code::NotAcceptable:
      return "NotAcceptable";
    case Code::AlreadyExists:
      return "AlreadyExists";
    case Code::Conflict:
      return "Conflict";
    case Code::Expired:
      return "Expired";
    case Code::TooLarge:
      return "RequestEntityTooLarge";
    case Code::UnsupportedMedia:
      return "UnsupportedMediaType";
    case Code::RateLimited:
      return "TooManyRequests";
    case Code::Unavailable:
      return "ServiceUnavailable";
    case Code::Timeout:
      return "Timeout";
    default:
      return "InternalError";
  }
}

}  // namespace

Value to_status(const Error& error, const StatusDetails& details) {
  json::Object d;
  // kubectl shows the causes of an invalid object, or the message where there are no details.
  bool unexplained = error.code == Code::Invalid && error.causes.empty();
  std::string_view name = details.name.empty() ? std::string_view(error.subject) : std::string_view(details.name);
  if (!name.empty()) d["name"] = name;
  if (!details.group.empty()) d["group"] = details.group;
  if (!details.kind.empty()) d["kind"] = details.kind;
  if (!error.causes.empty()) {
    json::Array causes;
    for (auto& c : error.causes)
      causes.push_back(json::Object{{"reason", c.reason}, {"message", c.message}, {"field", c.field}});
    d["causes"] = std::move(causes);
  }
  json::Object out{{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::Object{}}, {"status", "Failure"}};
  out["message"] = error.message;
  out["reason"] = reason_of(error.code);
  if (!d.empty() && !unexplained) out["details"] = std::move(d);
  int status = http_status(error.code);
  out["code"] = status == 501 ? 500 : status;
  return out;
}

Error from_status(int http_status, std::string_view body) {
  static const std::map<std::string_view, Code> kReasons = {{"BadRequest", Code::InvalidArgument},
                                                            {"Invalid", Code::Invalid},
                                                            {"Unauthorized", Code::Unauthenticated},
                                                            {"Forbidden", Code::PermissionDenied},
                                                            {"NotFound", Code::NotFound},
                                                            {"AlreadyExists", Code::AlreadyExists},
                                                            {"Conflict", Code::Conflict},
                                                            {"Expired", Code::Expired},
                                                            {"MethodNotAllowed", Code::MethodNotAllowed},
                                                            {"UnsupportedMediaType", Code::UnsupportedMedia},
                                                            {"RequestEntityTooLarge", Code::TooLarge},
                                                            {"TooManyRequests", Code::RateLimited}};
  Error out{Code::Internal, fmt::format("server answered {}", http_status), {}};
  if (auto parsed = json::parse(body); parsed && json::str(*parsed, "kind") == "Status") {
    out.message = json::str(*parsed, "message");
    if (auto it = kReasons.find(json::str(*parsed, "reason")); it != kReasons.end()) out.code = it->second;
  } else if (!body.empty()) {
    out.message += ": " + std::string(body.substr(0, 300));
  }
  return out;
}

std::string group_resource(std::string_view group, std::string_view plural) {
  return resource_key(group, plural);
}

Error not_found(std::string_view group, std::string_view plural, std::string_view name) {
  return {Code::NotFound, fmt::format("{} \"{}\" not found", group_resource(group, plural), name), {}};
}
Error already_exists(std::string_view group, std::string_view plural, std::string_view name) {
  return {Code::AlreadyExists, fmt::format("{} \"{}\" already exists", group_resource(group, plural), name), {}};
}
Error conflict(std::string_view group, std::string_view plural, std::string_view name, std::string_view why) {
  return {Code::Conflict,
          fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", group_resource(group, plural), name, why),
          {}};
}

Error invalid(std::string_view kind_group, std::string_view name, std::vector<Cause> causes) {
  std::string list;
  for (auto& c : causes) list += fmt::format("{}{}: {}", list.empty() ? "" : ", ", c.field, c.message);
  if (causes.size() > 1) list = "[" + list + "]";
  return {Code::Invalid, fmt::format("{} \"{}\" is invalid: {}", kind_group, name, list), std::move(causes),
          std::string(name)};
}

}  // namespace sl::kube

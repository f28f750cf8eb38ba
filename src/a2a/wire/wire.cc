#include "a2a/wire/wire.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace sl::a2a {

using json::Array;
using json::Object;
using json::Value;

Result<Version> parse_version(std::string_view header) {
  header = trim(header);
  if (header.empty() || header == "0.3" || header.starts_with("0.3.")) return Version::V03;
  if (header == "1.0" || header.starts_with("1.0.")) return Version::V10;
  return fail(Code::InvalidArgument,
              fmt::format("A2A-Version \"{}\" is not supported; supported are 0.3 and 1.0", header));
}

Object text_part(std::string_view text) {
  return Object{{"kind", "text"}, {"text", text}};
}

Object data_part(Value data, std::string_view adk_type) {
  return Object{{"kind", "data"},
                {"data", std::move(data)},
                {"metadata", Object{{"adk_type", adk_type}, {"kagent_type", adk_type}}}};
}

std::string text_of(const Value& message) {
  std::string out;
  if (auto* parts = json::arr(message, "parts"))
    for (auto& p : *parts)
      if (auto text = json::str(p, "text"); !text.empty()) out += (out.empty() ? "" : "\n") + std::string(text);
  return out;
}

Value data_of(const Value& message) {
  if (auto* parts = json::arr(message, "parts"))
    for (auto& p : *parts)
      if (auto* data = json::find(p, "data"); data && data->is_object()) return *data;
  return nullptr;
}

Object message(std::string_view role, Array parts, std::string_view id, std::string_view context,
               std::string_view task) {
  return Object{{"kind", "message"}, {"role", role},         {"parts", std::move(parts)},
                {"messageId", id},   {"contextId", context}, {"taskId", task}};
}

Object status(std::string_view state, Value message, int64_t at_us) {
  Object out{{"state", state}, {"timestamp", rfc3339(at_us / 1000, true)}};
  if (!message.is_null()) out["message"] = std::move(message);
  return out;
}

Object status_event(std::string_view task, std::string_view context, Object status, bool final, Object metadata) {
  Object out{{"kind", "status-update"},
             {"taskId", task},
             {"contextId", context},
             {"status", std::move(status)},
             {"final", final}};
  if (!metadata.empty()) out["metadata"] = std::move(metadata);
  return out;
}

Object artifact_event(std::string_view task, std::string_view context, Object artifact, bool last) {
  return Object{{"kind", "artifact-update"},       {"taskId", task},  {"contextId", context},
                {"artifact", std::move(artifact)}, {"append", false}, {"lastChunk", last}};
}

namespace {

std::string state_v1(std::string_view state) {
  std::string out = "TASK_STATE_";
  for (char c : state) out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return out;
}

Value convert(const Value& v);

Object convert_members(const Object& o) {
  Object out;
  for (auto& [key, value] : o) {
    if (key == "kind" || key == "final") continue;
    if (key == "state" && value.is_string())
      out[key] = state_v1(json::view(value.get_string()));
    else if (key == "role" && value.is_string())
      out[key] = value == "user" ? "ROLE_USER" : "ROLE_AGENT";
    else if (key == "metadata" || key == "data")
      out[key] = value;
    else
      out[key] = convert(value);
  }
  return out;
}

Value convert(const Value& v) {
  if (auto* o = v.if_object()) return convert_members(*o);
  if (auto* a = v.if_array()) {
    Array out;
    for (auto& e : *a) out.push_back(convert(e));
    return out;
  }
  return v;
}

}  // namespace

std::string state_v03(std::string_view state) {
  constexpr std::string_view kPrefix = "TASK_STATE_";
  if (!state.starts_with(kPrefix)) return std::string(state);
  return replace_all(to_lower(state.substr(kPrefix.size())), "_", "-");
}

bool known_state(std::string_view state) {
  static constexpr std::string_view kStates[] = {"submitted", "working",  "input-required", "completed", "canceled",
                                                 "failed",    "rejected", "auth-required",  "unknown"};
  return std::find(std::begin(kStates), std::end(kStates), state) != std::end(kStates);
}

Value to_v1(const Value& v) {
  std::string_view kind = json::str(v, "kind");
  std::string_view wrapper = kind == "task"              ? "task"
                             : kind == "message"         ? "message"
                             : kind == "status-update"   ? "statusUpdate"
                             : kind == "artifact-update" ? "artifactUpdate"
                                                         : "";
  if (wrapper.empty()) return convert(v);
  return Object{{wrapper, convert(v)}};
}

Value from_v1(const Value& params) {
  Value out = params;
  auto* o = out.if_object();
  if (!o) return out;
  if (auto* message = o->if_contains("message"); message && message->is_object()) {
    auto& m = message->get_object();
    m["kind"] = "message";
    std::string_view role = json::str(*message, "role");
    if (role == "ROLE_USER" || role == "ROLE_AGENT") m["role"] = role == "ROLE_USER" ? "user" : "agent";
    if (auto* parts = m.if_contains("parts"); parts && parts->is_array())
      for (auto& p : parts->get_array())
        if (p.is_object())
          p.get_object()["kind"] = p.get_object().contains("text")   ? "text"
                                   : p.get_object().contains("data") ? "data"
                                                                     : "file";
  }
  if (auto* configuration = o->if_contains("configuration"); configuration && configuration->is_object()) {
    auto* wait = configuration->get_object().if_contains("returnImmediately");
    if (wait && wait->is_bool()) configuration->get_object()["blocking"] = !wait->get_bool();
  }
  return out;
}

Value rpc_result(const Value& id, Value result) {
  return Object{{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Value rpc_error(const Value& id, int code, std::string_view message) {
  return Object{{"jsonrpc", "2.0"}, {"id", id}, {"error", Object{{"code", code}, {"message", message}}}};
}

}  // namespace sl::a2a

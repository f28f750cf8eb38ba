#include "agent/runtime/view.h"

#include "a2a/wire/wire.h"
#include "base/strings.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

Value parsed_or_text(std::string_view text) {
  auto v = json::parse(text);
  return v ? *v : Value(text);
}

Object token_counts(const Value& usage) {
  return Object{{"promptTokenCount", json::num(usage, 0, "prompt_tokens")},
                {"candidatesTokenCount", json::num(usage, 0, "completion_tokens")},
                {"totalTokenCount", json::num(usage, 0, "total_tokens")}};
}

Object usage_metadata(const Value& usage) {
  Object counts = token_counts(usage);
  return Object{{"adk_usage_metadata", counts}, {"kagent_usage_metadata", counts}};
}

// "" for an answer that is whole.
std::string_view adk_finish_reason(const LogMessage& m) {
  auto why = json::str(m.message, kEndedEarly);
  return why == "length" ? "MAX_TOKENS" : why == "content_filter" ? "SAFETY" : "";
}

}  // namespace

Object message_view(const LogMessage& m, const std::string& session, const std::string& task) {
  Array parts;
  std::string_view role = json::str(m.message, "role"), content = json::str(m.message, "content");
  if (role == "tool") {
    Object data{{"id", json::str(m.message, "tool_call_id")},
                {"name", json::str(m.message, "name")},
                {"response", Object{{"result", content}}}};
    parts.push_back(a2a::data_part(std::move(data), "function_response"));
  } else {
    if (!content.empty()) parts.push_back(a2a::text_part(content));
    if (auto* calls = json::arr(m.message, "tool_calls"))
      for (auto& c : *calls) {
        Object data{{"id", json::str(c, "id")},
                    {"name", json::str(c, "function", "name")},
                    {"args", parsed_or_text(json::str(c, "function", "arguments"))}};
        parts.push_back(a2a::data_part(std::move(data), "function_call"));
      }
  }
  if (auto* sent = json::arr(m.message, kAsSent, "parts")) parts = *sent;
  Object out = a2a::message(role == "user" ? "user" : "agent", std::move(parts), m.id, session, task);
  Object metadata = m.usage.is_object() ? usage_metadata(m.usage) : Object();
  if (auto* sent = json::find(m.message, kAsSent, "metadata"); sent && sent->is_object()) metadata = sent->get_object();
  metadata.erase(kInitiatedBy);  // nobody says it of himself
  if (auto who = json::str(m.message, kInitiatedBy); !who.empty()) metadata[kInitiatedBy] = who;
  if (auto why = adk_finish_reason(m); !why.empty())
    for (auto key : {"adk_finish_reason", "kagent_finish_reason"}) metadata[key] = why;
  if (!metadata.empty()) out["metadata"] = std::move(metadata);
  return out;
}

Object adk_event(const LogMessage& m, const std::string& agent) {
  Array parts;
  std::string_view role = json::str(m.message, "role"), content = json::str(m.message, "content");
  if (role == "tool") {
    parts.push_back(Object{{"functionResponse", Object{{"id", json::str(m.message, "tool_call_id")},
                                                       {"name", json::str(m.message, "name")},
                                                       {"response", Object{{"result", content}}}}}});
  } else {
    if (!content.empty()) parts.push_back(Object{{"text", content}});
    if (auto* calls = json::arr(m.message, "tool_calls"))
      for (auto& c : *calls)
        parts.push_back(
            Object{{"functionCall", Object{{"id", json::str(c, "id")},
                                           {"name", json::str(c, "function", "name")},
                                           {"args", parsed_or_text(json::str(c, "function", "arguments"))}}}});
  }
  Object out{{"id", m.id},
             {"author", role == "user" ? "user" : replace_all(agent.substr(agent.find('/') + 1), "-", "_")},
             {"invocationId", m.task},
             {"timestamp", static_cast<double>(m.at_us) / 1e6},
             {"content", Object{{"role", role == "assistant" ? "model" : "user"}, {"parts", std::move(parts)}}},
             {"partial", false}};
  if (m.usage.is_object()) out["usageMetadata"] = token_counts(m.usage);
  if (auto why = adk_finish_reason(m); !why.empty()) out["finishReason"] = why;
  if (auto who = json::str(m.message, kInitiatedBy); !who.empty()) out["customMetadata"] = Object{{kInitiatedBy, who}};
  return out;
}

std::string status_message_id(const std::string& task) {
  return task + "-status";
}

std::string last_answer(const std::vector<LogMessage>& messages) {
  for (auto m = messages.rbegin(); m != messages.rend(); ++m)
    if (json::str(m->message, "role") == "assistant") return std::string(json::str(m->message, "content"));
  return "";
}

Object task_view(const TaskRow& row, const std::vector<LogMessage>& messages, int64_t history_length) {
  Array history;
  size_t from = history_length >= 0 && static_cast<size_t>(history_length) < messages.size()
                    ? messages.size() - static_cast<size_t>(history_length)
                    : 0;
  for (size_t i = from; i < messages.size(); ++i) history.push_back(message_view(messages[i], row.session, row.id));
  Value said = nullptr;
  if (!row.detail.empty())
    said = a2a::message("agent", Array{a2a::text_part(row.detail)}, status_message_id(row.id), row.session, row.id);
  Object out{{"kind", "task"},
             {"id", row.id},
             {"contextId", row.session},
             {"status", a2a::status(row.state, std::move(said), row.updated_us)}};
  std::string answer = row.state == kCompleted ? last_answer(messages) : "";
  if (!answer.empty())
    out["artifacts"] = Array{Object{{"artifactId", row.id + "-answer"}, {"parts", Array{a2a::text_part(answer)}}}};
  if (history_length != 0) out["history"] = std::move(history);
  out["metadata"] = Object{{"kagent_app_name", row.agent},
                           {"kagent_session_id", row.session},
                           {"kagent_user_id", row.user},
                           {"sightline_trace_id", row.trace_id}};
  return out;
}

}  // namespace sl::agent

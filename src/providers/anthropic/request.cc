// The canonical chat as an Anthropic Messages request.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "providers/anthropic/anthropic.h"

namespace sl::providers {

using namespace llm;
using json::Array;
using json::Object;
using json::Value;

ModelTraits traits_of(std::string_view model) {
  ModelTraits out;
  auto has = [&](std::string_view piece) { return model.find(piece) != std::string_view::npos; };
  // claude-FAMILY-MAJOR[-MINOR]: a date as minor means .0
  int major = 0, minor = 0;
  for (std::string_view family : {"opus-", "sonnet-", "haiku-"}) {
    size_t at = model.find(family);
    if (at == std::string_view::npos) continue;
    auto pieces = split(model.substr(at + family.size()), '-');
    major = static_cast<int>(parse_uint(pieces[0]).value_or(0));
    if (pieces.size() > 1 && pieces[1].size() <= 2) minor = static_cast<int>(parse_uint(pieces[1]).value_or(0));
  }
  if (major >= 4 && major < 1000) {
    out.default_max_tokens = 16384;
    out.output_format = major > 4 || minor >= 5 || (minor == 1 && has("opus"));
    out.adaptive_thinking = major > 4 || minor >= 6;
  }
  return out;
}

bool uses_structured_tool(const ChatRequest& r) {
  return r.schema.is_object() && !traits_of(r.model).output_format;
}

namespace {

void drop(ChatRequest& r, std::string_view field) {
  if (std::find(r.dropped.begin(), r.dropped.end(), field) == r.dropped.end()) r.dropped.emplace_back(field);
}

Object text_block(const Part& p) {
  Object o{{"type", "text"}, {"text", p.text}};
  if (!p.cache_control.is_null()) o["cache_control"] = p.cache_control;
  return o;
}

Object media_block(const Part& p) {
  Object source;
  if (!p.url.empty()) {
    source = Object{{"type", "url"}, {"url", p.url}};
  } else if (p.kind == PartKind::Document && p.media_type == "text/plain") {
    source = Object{{"type", "text"}, {"media_type", "text/plain"}, {"data", base64_decode(p.data).value_or("")}};
  } else {
    source = Object{{"type", "base64"}, {"media_type", p.media_type}, {"data", p.data}};
  }
  Object o{{"type", p.kind == PartKind::Image ? "image" : "document"}, {"source", std::move(source)}};
  if (!p.title.empty()) o["title"] = p.title;
  if (!p.cache_control.is_null()) o["cache_control"] = p.cache_control;
  return o;
}

Object block_of(const Part& p) {
  switch (p.kind) {
    case PartKind::Text:
      return text_block(p);
    case PartKind::Image:
    case PartKind::Document:
      return media_block(p);
    case PartKind::ToolCall:
      return Object{{"type", "tool_use"}, {"id", p.id}, {"name", p.name}, {"input", p.arguments}};
    case PartKind::Thinking:
      return Object{{"type", "thinking"}, {"thinking", p.text}, {"signature", p.signature}};
    case PartKind::RedactedThinking:
      return Object{{"type", "redacted_thinking"}, {"data", p.text}};
    case PartKind::ToolResult:
      break;
  }
  Object o{{"type", "tool_result"}, {"tool_use_id", p.id}};
  if (p.content.size() == 1 && p.content[0].kind == PartKind::Text && p.content[0].cache_control.is_null()) {
    o["content"] = p.content[0].text;
  } else {
    Array content;
    for (auto& c : p.content) content.push_back(block_of(c));
    if (!content.empty())
      o["content"] = std::move(content);
    else
      o["content"] = "";
  }
  if (p.is_error) o["is_error"] = true;
  if (!p.cache_control.is_null()) o["cache_control"] = p.cache_control;
  return o;
}

Array messages_of(const ChatRequest& r) {
  Array out;
  for (auto& m : r.messages) {
    Object message{{"role", m.role == Role::User ? "user" : "assistant"}};
    if (m.parts.size() == 1 && m.parts[0].kind == PartKind::Text && m.parts[0].cache_control.is_null()) {
      message["content"] = m.parts[0].text;
    } else {
      Array content;
      for (auto& p : m.parts) content.push_back(block_of(p));
      message["content"] = std::move(content);
    }
    out.push_back(std::move(message));
  }
  return out;
}

Object empty_schema() {
  return Object{{"type", "object"}, {"properties", Object{}}};
}

Array tools_of(const ChatRequest& r) {
  Array out;
  for (auto& t : r.tools) {
    Object tool{{"name", t.name}};
    if (!t.description.empty()) tool["description"] = t.description;
    Value schema =
        t.parameters.is_object() && !t.parameters.get_object().empty() ? t.parameters : Value(empty_schema());
    if (!schema.get_object().contains("type")) schema.get_object()["type"] = "object";
    tool["input_schema"] = std::move(schema);
    if (!t.cache_control.is_null()) tool["cache_control"] = t.cache_control;
    out.push_back(std::move(tool));
  }
  if (uses_structured_tool(r))
    out.push_back(Object{{"name", kStructuredTool},
                         {"description", "Give the final answer with this tool."},
                         {"input_schema", r.schema}});
  return out;
}

void set_tool_choice(const ChatRequest& r, bool have_tools, Object& body) {
  if (!have_tools) return;
  Object choice;
  switch (r.tool_choice) {
    case ToolChoice::Unset:
      break;
    case ToolChoice::Auto:
      choice["type"] = "auto";
      break;
    case ToolChoice::Required:
      choice["type"] = "any";
      break;
    case ToolChoice::None:
      choice["type"] = "none";
      break;
    case ToolChoice::Named:
      choice = Object{{"type", "tool"}, {"name", r.tool_choice_name}};
      break;
  }
  if (uses_structured_tool(r) && r.tool_choice != ToolChoice::Named && r.tool_choice != ToolChoice::Required) {
    // Alone it is forced; beside real tools the model may use those first.
    bool alone = r.tools.empty() || r.tool_choice == ToolChoice::None;
    choice = alone ? Object{{"type", "tool"}, {"name", kStructuredTool}} : Object{{"type", "any"}};
  }
  if (r.parallel_tool_calls == false) {
    if (choice.empty()) choice["type"] = "auto";
    if (choice["type"] != "none") choice["disable_parallel_tool_use"] = true;
  }
  if (!choice.empty()) body["tool_choice"] = std::move(choice);
}

int64_t budget_of(std::string_view effort) {
  if (effort == "minimal" || effort == "low") return 1024;
  if (effort == "medium") return 2048;
  if (effort == "high") return 4096;
  if (effort == "xhigh") return 8192;
  return 16384;
}

// An assistant turn with tool calls must begin with its signed reasoning once thinking is on.
bool history_allows_thinking(const ChatRequest& r) {
  for (auto m = r.messages.rbegin(); m != r.messages.rend(); ++m) {
    if (m->role != Role::Assistant) continue;
    bool calls = std::any_of(m->parts.begin(), m->parts.end(), [](auto& p) { return p.kind == PartKind::ToolCall; });
    PartKind first = m->parts.front().kind;
    return !calls || first == PartKind::Thinking || first == PartKind::RedactedThinking;
  }
  return true;
}

// Writes the thinking parameters; true when thinking is on.
bool set_thinking(ChatRequest& r, int64_t max_tokens, Object& body) {
  if (r.thinking.is_object()) {
    body["thinking"] = r.thinking;
    return json::str(r.thinking, "type") != "disabled";
  }
  if (r.reasoning_effort.empty() || r.reasoning_effort == "none") return false;
  bool forced = r.tool_choice == ToolChoice::Required || r.tool_choice == ToolChoice::Named || uses_structured_tool(r);
  ModelTraits traits = traits_of(r.model);
  if (forced || !history_allows_thinking(r) || (!traits.adaptive_thinking && max_tokens <= 1024)) {
    drop(r, "reasoning_effort");
    return false;
  }
  if (traits.adaptive_thinking) {
    std::string_view e = r.reasoning_effort;
    body["thinking"] = Object{{"type", "adaptive"}};
    json::ensure_object(body, "output_config")["effort"] = e == "minimal" ? "low" : e == "xhigh" ? "max" : e;
  } else {
    body["thinking"] =
        Object{{"type", "enabled"}, {"budget_tokens", std::min(budget_of(r.reasoning_effort), max_tokens - 1)}};
  }
  return true;
}

void set_sampling(ChatRequest& r, bool thinking, Object& body) {
  if (r.temperature) {
    if (thinking && *r.temperature != 1) {
      drop(r, "temperature");
    } else {
      if (*r.temperature > 1) drop(r, "temperature");  // clamped
      double t = std::clamp(*r.temperature, 0.0, 1.0);
      if (t == 0 || t == 1)
        body["temperature"] = static_cast<int64_t>(t);
      else
        body["temperature"] = t;
    }
  }
  if (r.top_p) {
    if (thinking && *r.top_p < 0.95)
      drop(r, "top_p");
    else if (*r.top_p == 1)
      body["top_p"] = 1;
    else
      body["top_p"] = *r.top_p;
  }
  if (r.top_k) {
    if (thinking)
      drop(r, "top_k");
    else
      body["top_k"] = *r.top_k;
  }
  Array stop;
  for (auto& s : r.stop) {
    if (trim(s).empty())
      drop(r, "stop");  // refused by the provider
    else
      stop.push_back(Value(s));
  }
  if (!stop.empty()) body["stop_sequences"] = std::move(stop);
}

}  // namespace

Result<std::string> encode_request(ChatRequest& r) {
  if (r.model.empty()) return fail(Code::InvalidArgument, "model: is required");
  ModelTraits traits = traits_of(r.model);
  int64_t max_tokens = r.max_tokens.value_or(traits.default_max_tokens);
  Object body{{"model", r.model}, {"max_tokens", max_tokens}};
  if (!r.system.empty()) {
    Array system;
    for (auto& p : r.system) {
      if (p.kind != PartKind::Text) return fail(Code::InvalidArgument, "messages: a system message may hold text only");
      system.push_back(text_block(p));
    }
    body["system"] = std::move(system);
  }
  if (r.messages.empty()) return fail(Code::InvalidArgument, "messages: at least one user message is needed");
  body["messages"] = messages_of(r);
  Array tools = tools_of(r);
  bool have_tools = !tools.empty();
  if (have_tools) body["tools"] = std::move(tools);
  set_tool_choice(r, have_tools, body);
  if (r.schema.is_object() && traits.output_format)
    json::ensure_object(body, "output_config")["format"] = Object{{"type", "json_schema"}, {"schema", r.schema}};
  bool thinking = set_thinking(r, max_tokens, body);
  set_sampling(r, thinking, body);
  if (!r.user.empty()) body["metadata"] = Object{{"user_id", r.user}};
  if (r.service_tier == "auto")
    body["service_tier"] = "auto";
  else if (r.service_tier == "default")
    body["service_tier"] = "standard_only";
  else if (!r.service_tier.empty())
    drop(r, "service_tier");
  if (r.stream) body["stream"] = true;
  return json::dump(body);
}

}  // namespace sl::providers

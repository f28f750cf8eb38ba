// The canonical chat as an Anthropic Messages request.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "json/writer.h"
#include "providers/anthropic/anthropic.h"

namespace sl::providers {

using namespace llm;
using json::Node;
using json::Writer;

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
  out.thinking = !(has("claude-2") || has("claude-instant") || has("claude-3")) || has("claude-3-7");
  if (major >= 4 && major < 1000) {
    out.default_max_tokens = 16384;
    out.output_format = major > 4 || minor >= 5 || (minor == 1 && has("opus"));
    out.temperature_or_top_p = out.output_format;
    out.adaptive_thinking = major > 4 || minor >= 6;
  }
  return out;
}

bool uses_structured_tool(const ChatRequest& r) {
  return r.schema && !traits_of(r.model).output_format;
}

namespace {

void drop(ChatRequest& r, std::string_view field) {
  if (std::find(r.dropped.begin(), r.dropped.end(), field) == r.dropped.end()) r.dropped.emplace_back(field);
}

void write_cache_control(const Part& p, Writer& w) {
  if (p.cache_control) w.key("cache_control").json(p.cache_control->text());
}

void write_text(const Part& p, Writer& w) {
  w.begin_object().member("type", "text").member("text", p.text);
  write_cache_control(p, w);
  w.end_object();
}

void write_media(const Part& p, Writer& w) {
  w.begin_object().member("type", p.kind == PartKind::Image ? "image" : "document").key("source").begin_object();
  if (!p.url.empty())
    w.member("type", "url").member("url", p.url);
  else if (p.kind == PartKind::Document && p.media_type == "text/plain")
    w.member("type", "text").member("media_type", "text/plain").member("data", base64_decode(p.data).value_or(""));
  else
    w.member("type", "base64").member("media_type", p.media_type).member("data", p.data);
  w.end_object();
  if (!p.title.empty()) w.member("title", p.title);
  write_cache_control(p, w);
  w.end_object();
}

// A single text goes without a block around it.
bool plain_text(const std::vector<Part>& parts) {
  return parts.size() == 1 && parts[0].kind == PartKind::Text && !parts[0].cache_control;
}

void write_block(const Part& p, Writer& w);

void write_content(const std::vector<Part>& parts, Writer& w) {
  w.key("content");
  if (plain_text(parts)) {
    w.value(parts[0].text);
    return;
  }
  w.begin_array();
  for (auto& p : parts) write_block(p, w);
  w.end_array();
}

// The provider takes letters, digits, _ and - in the ids of tool calls; other providers' ids are changed alike in the
// call and in its result.
std::string tool_id(std::string_view id) {
  std::string out(id);
  for (char& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-') c = '_';
  return out;
}

void write_tool_result(const Part& p, Writer& w) {
  w.begin_object().member("type", "tool_result").member("tool_use_id", tool_id(p.id));
  if (p.content.empty())
    w.member("content", "");
  else
    write_content(p.content, w);
  if (p.is_error) w.member("is_error", true);
  write_cache_control(p, w);
  w.end_object();
}

void write_block(const Part& p, Writer& w) {
  switch (p.kind) {
    case PartKind::Text:
      return write_text(p, w);
    case PartKind::Image:
    case PartKind::Document:
      return write_media(p, w);
    case PartKind::ToolResult:
      return write_tool_result(p, w);
    case PartKind::ToolCall:
      w.begin_object().member("type", "tool_use").member("id", tool_id(p.id)).member("name", p.name);
      w.key("input").json(p.arguments);
      write_cache_control(p, w);
      w.end_object();
      return;
    case PartKind::Thinking:
      w.begin_object().member("type", "thinking").member("thinking", p.text);
      w.member("signature", p.signature).end_object();
      return;
    case PartKind::RedactedThinking:
      w.begin_object().member("type", "redacted_thinking").member("data", p.text).end_object();
      return;
  }
}

void write_messages(const ChatRequest& r, Writer& w) {
  w.key("messages").begin_array();
  for (auto& m : r.messages) {
    w.begin_object().member("role", m.role == Role::User ? "user" : "assistant");
    write_content(m.parts, w);
    w.end_object();
  }
  w.end_array();
}

// The provider wants an object schema, always.
void write_schema(const Node* parameters, Writer& w) {
  w.key("input_schema");
  if (!parameters || parameters->empty()) {
    w.begin_object().member("type", "object").key("properties").begin_object().end_object().end_object();
  } else if (json::find(*parameters, "type")) {
    w.json(parameters->text());
  } else {
    w.begin_object().member("type", "object").json(parameters->text().substr(1));  // its members, and its end
  }
}

bool write_tools(const ChatRequest& r, Writer& w) {
  bool structured = uses_structured_tool(r);
  if (r.tools.empty() && !structured) return false;
  w.key("tools").begin_array();
  for (auto& t : r.tools) {
    w.begin_object().member("name", t.name);
    if (!t.description.empty()) w.member("description", t.description);
    write_schema(t.parameters, w);
    if (t.cache_control) w.key("cache_control").json(t.cache_control->text());
    w.end_object();
  }
  if (structured) {
    w.begin_object().member("name", kStructuredTool);
    w.member("description", "Give the final answer with this tool.");
    write_schema(r.schema, w);
    w.end_object();
  }
  w.end_array();
  return true;
}

std::string_view choice_type(ToolChoice choice) {
  switch (choice) {
    case ToolChoice::Unset:
      return "";
    case ToolChoice::Auto:
      return "auto";
    case ToolChoice::Required:
      return "any";
    case ToolChoice::None:
      return "none";
    case ToolChoice::Named:
      return "tool";
  }
  return "";
}

void write_tool_choice(const ChatRequest& r, Writer& w) {
  std::string_view type = choice_type(r.tool_choice), name = r.tool_choice_name;
  if (uses_structured_tool(r) && r.tool_choice != ToolChoice::Named && r.tool_choice != ToolChoice::Required) {
    // Alone it is forced; beside real tools the model may use those first.
    bool alone = r.tools.empty() || r.tool_choice == ToolChoice::None;
    type = alone ? "tool" : "any";
    name = kStructuredTool;
  }
  bool value = type == "tool" && name == kStructuredTool;  // there is one
  bool one_at_a_time = r.parallel_tool_calls == false || value;
  if (one_at_a_time && type.empty()) type = "auto";
  if (type.empty()) return;
  w.key("tool_choice").begin_object().member("type", type);
  if (type == "tool") w.member("name", name);
  if (one_at_a_time && type != "none") w.member("disable_parallel_tool_use", true);
  w.end_object();
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

struct Thinking {
  bool on = false;
  const Node* own = nullptr;  // the client's own parameter
  int64_t budget = 0;         // 0: adaptive, or the client's own says none
  std::string_view effort;    // for output_config, or ""
};

Thinking choose_thinking(ChatRequest& r) {
  // The provider refuses thinking where a tool is forced.
  bool forced = r.tool_choice == ToolChoice::Required || r.tool_choice == ToolChoice::Named || uses_structured_tool(r);
  if (r.thinking && !r.reasoning_effort.empty()) drop(r, "reasoning_effort");  // its own parameter says it already
  if (r.thinking) {
    bool on = json::str(*r.thinking, "type") != "disabled";
    if (on && forced) {
      drop(r, "thinking");
      return {};
    }
    int64_t budget = std::clamp<int64_t>(json::num(*r.thinking, 0, "budget_tokens"), 0, 1'000'000);
    return {on, r.thinking, on ? budget : 0, ""};
  }
  if (r.reasoning_effort.empty() || r.reasoning_effort == "none") return {};
  ModelTraits traits = traits_of(r.model);
  if (forced || !traits.thinking || !history_allows_thinking(r) ||
      (!traits.adaptive_thinking && r.max_tokens.value_or(INT64_MAX) <= 1024)) {
    drop(r, "reasoning_effort");
    return {};
  }
  std::string_view e = r.reasoning_effort;
  if (traits.adaptive_thinking) {
    std::string_view nearest = e == "minimal" ? "low" : e == "xhigh" ? "high" : e;  // never more than was asked for
    if (nearest != e) drop(r, "reasoning_effort");
    return {true, nullptr, 0, nearest};
  }
  // A quarter of what the client allows stays for the answer itself; 1024 is the least that may be asked for.
  int64_t limit = r.max_tokens.value_or(INT64_MAX);
  return {true, nullptr, std::min(budget_of(e), std::max<int64_t>(1024, limit - limit / 4)), ""};
}

void write_thinking(const Thinking& t, Writer& w) {
  if (t.own)
    w.key("thinking").json(t.own->text());
  else if (t.on && t.budget)
    w.key("thinking").begin_object().member("type", "enabled").member("budget_tokens", t.budget).end_object();
  else if (t.on)
    w.key("thinking").begin_object().member("type", "adaptive").end_object();
}

void write_output_config(const ChatRequest& r, std::string_view effort, Writer& w) {
  bool format = r.schema && traits_of(r.model).output_format;
  if (!format && effort.empty()) return;
  w.key("output_config").begin_object();
  if (format)
    w.key("format").begin_object().member("type", "json_schema").key("schema").json(r.schema->text()).end_object();
  if (!effort.empty()) w.member("effort", effort);
  w.end_object();
}

// 0 and 1 as clients write them.
void write_share(std::string_view name, double d, Writer& w) {
  if (d == 0 || d == 1)
    w.member(name, static_cast<int64_t>(d));
  else
    w.member(name, d);
}

void write_stop(ChatRequest& r, Writer& w) {
  auto blank = [](std::string_view s) { return trim(s).empty(); };  // refused by the provider
  if (std::any_of(r.stop.begin(), r.stop.end(), blank)) drop(r, "stop");
  if (std::all_of(r.stop.begin(), r.stop.end(), blank)) return;
  w.key("stop_sequences").begin_array();
  for (auto& s : r.stop)
    if (!blank(s)) w.value(s);
  w.end_array();
}

void write_sampling(ChatRequest& r, bool thinking, Writer& w) {
  bool one_of_them = r.temperature && r.top_p && traits_of(r.model).temperature_or_top_p;
  // 1 leaves everything as it is, of either.
  if (one_of_them && *r.temperature == 1) r.temperature.reset();
  bool temperature = r.temperature && (!thinking || *r.temperature == 1);
  if (r.temperature && (!temperature || *r.temperature > 1)) drop(r, "temperature");  // or clamped
  if (temperature) write_share("temperature", std::clamp(*r.temperature, 0.0, 1.0), w);
  if (r.top_p) {
    bool refused = (temperature && one_of_them) || (thinking && *r.top_p < 0.95);
    if (!refused)
      write_share("top_p", *r.top_p, w);
    else if (*r.top_p < 1)
      drop(r, "top_p");
  }
  if (r.top_k) {
    if (thinking)
      drop(r, "top_k");
    else
      w.member("top_k", *r.top_k);
  }
  write_stop(r, w);
}

void write_service_tier(ChatRequest& r, Writer& w) {
  if (r.service_tier == "auto")
    w.member("service_tier", "auto");
  else if (r.service_tier == "default")
    w.member("service_tier", "standard_only");
  else if (!r.service_tier.empty())
    drop(r, "service_tier");
}

// About what the request will take, written out.
size_t size_of(const ChatRequest& r) {
  size_t size = 512 + r.tools.size() * 512;
  auto add = [&size](const std::vector<Part>& parts) {
    for (auto& p : parts) size += p.text.size() + p.data.size() + 64;
  };
  add(r.system);
  for (auto& m : r.messages) add(m.parts);
  return size + size / 32;
}

}  // namespace

Result<std::string> encode_request(ChatRequest& r) {
  if (r.model.empty()) return fail(Code::InvalidArgument, "model: is required");
  r.value_by_tool = uses_structured_tool(r);
  if (auto type = r.value_by_tool ? json::str(*r.schema, "type") : ""; !type.empty() && type != "object")
    return fail(
        Code::InvalidArgument,
        fmt::format("response_format.json_schema.schema.type: must be object for this model, not \"{}\"", type));
  if (r.value_by_tool && r.schema_strict) drop(r, "response_format.json_schema.strict");
  if (r.messages.empty()) return fail(Code::InvalidArgument, "messages: at least one user message is needed");
  Thinking thinking = choose_thinking(r);
  // The budget is taken out of max_tokens: a client that set no limit keeps the usual room for its answer.
  int64_t max_tokens = r.max_tokens ? *r.max_tokens : traits_of(r.model).default_max_tokens + thinking.budget;
  std::string out;
  out.reserve(size_of(r));
  Writer w(out);
  w.begin_object().member("model", r.model).member("max_tokens", max_tokens);
  if (!r.system.empty()) {
    w.key("system").begin_array();
    for (auto& p : r.system) {
      if (p.kind != PartKind::Text) return fail(Code::InvalidArgument, "messages: a system message may hold text only");
      write_text(p, w);
    }
    w.end_array();
  }
  write_messages(r, w);
  if (write_tools(r, w)) write_tool_choice(r, w);
  write_thinking(thinking, w);
  write_output_config(r, thinking.effort, w);
  write_sampling(r, thinking.on, w);
  if (!r.user.empty()) w.key("metadata").begin_object().member("user_id", r.user).end_object();
  write_service_tier(r, w);
  if (r.stream) w.member("stream", true);
  w.end_object();
  return out;
}

}  // namespace sl::providers

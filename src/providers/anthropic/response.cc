// Anthropic answers and streams into the canonical chat.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "providers/anthropic/anthropic.h"

namespace sl::providers {

using namespace llm;
using json::Node;

Finish finish_of(std::string_view reason) {
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return Finish::Length;
  if (reason == "tool_use") return Finish::ToolCalls;
  if (reason == "refusal") return Finish::ContentFilter;
  return Finish::Stop;  // end_turn, stop_sequence, pause_turn
}

int status_of(std::string_view type) {
  if (type == "invalid_request_error") return 400;
  if (type == "authentication_error") return 401;
  if (type == "billing_error") return 402;
  if (type == "permission_error") return 403;
  if (type == "not_found_error") return 404;
  if (type == "request_too_large") return 413;
  if (type == "rate_limit_error") return 429;
  if (type == "overloaded_error") return 503;
  if (type == "timeout_error") return 504;
  return 500;
}

namespace {

// The provider's own counters. Later ones replace only what they name.
struct Counters {
  int64_t input = 0, cached = 0, cache_write = 0, output = 0;
  bool told = false;

  void take(const Node& u) {
    auto read = [&](std::string_view key, int64_t& out) {
      auto* v = json::find(u, key);
      if (!v || !v->is_number()) return;
      out = std::max<int64_t>(0, json::num(u, 0, key));
      told = true;
    };
    read("input_tokens", input);
    read("cache_read_input_tokens", cached);
    read("cache_creation_input_tokens", cache_write);
    read("output_tokens", output);
  }
  Usage usage() const {
    Usage out;
    out.told = told;
    out.input = add_tokens(add_tokens(input, cached), cache_write);
    out.cached = cached;
    out.cache_write = cache_write;
    out.output = output;
    return out;
  }
};

}  // namespace

static const Node& member_of(const Node& body, std::string_view key) {
  auto* found = json::find(body, key);
  return found ? *found : Node::null();
}

// What an OpenAI answer has no place for: `message` holds stop_reason and what goes with it, `usage` what was used.
static void name_unheld(const Node& message, const Node* usage, const auto& drop) {
  std::string_view reason = json::str(message, "stop_reason");
  static constexpr std::string_view kSaid[] = {
      "", "end_turn", "stop_sequence", "max_tokens", "tool_use", "refusal", "model_context_window_exceeded"};
  if (std::find(std::begin(kSaid), std::end(kSaid), reason) == std::end(kSaid))
    drop(fmt::format("stop_reason.{}", reason));
  for (std::string_view name : {"stop_sequence", "stop_details", "container", "context_management"})
    if (auto* v = json::find(message, name); v && !v->is_null()) drop(name);
  if (!usage) return;
  if (auto tier = json::str(*usage, "service_tier"); !tier.empty() && tier != "standard") drop("usage.service_tier");
  bool used = false;
  if (auto* tools = json::find(*usage, "server_tool_use"); tools && tools->is_object())
    for (auto& n : *tools) used |= n.is_number() && n.number() > 0;
  if (used) drop("usage.server_tool_use");
}

Usage usage_of(const Node& u) {
  Counters counters;
  counters.take(u);
  return counters.usage();
}

Result<ChatResponse> decode_response(const Node& body) {
  auto* content = json::arr(body, "content");
  if (!content) return fail(Code::UpstreamProtocol, "the provider's answer has no content array");
  ChatResponse out;
  out.id = json::str(body, "id");
  out.model = json::str(body, "model");
  out.finish = finish_of(json::str(body, "stop_reason"));
  auto* usage = json::find(body, "usage");
  if (usage) out.usage = usage_of(*usage);
  name_unheld(body, usage, [&out](std::string_view name) { out.dropped.emplace_back(name); });
  bool structured = false;  // the reserved tool was called
  out.parts.reserve(content->size());
  for (auto& block : *content) {
    std::string_view type = json::str(block, "type");
    Part p;
    if (type == "text") {
      p.text = json::str(block, "text");
      if (auto* c = json::arr(block, "citations"); c && !c->empty()) out.dropped.push_back("content.citations");
    } else if (type == "tool_use") {
      auto* input = json::find(block, "input");
      p.arguments = input && input->is_object() ? input->text() : "{}";  // to the last digit
      p.name = json::str(block, "name");
      p.id = json::str(block, "id");
      p.kind = PartKind::ToolCall;
      if (p.name == kStructuredTool) {  // back to what the client asked for: JSON as content
        if (std::exchange(structured, true)) {
          out.dropped.push_back("content.tool_use");  // two values would be no JSON
          continue;
        }
        p.kind = PartKind::Text;
        p.text = p.arguments;
      }
    } else if (type == "thinking") {
      p.kind = PartKind::Thinking;
      p.text = json::str(block, "thinking");
      p.signature = json::str(block, "signature");
    } else if (type == "redacted_thinking") {
      p.kind = PartKind::RedactedThinking;
      p.text = json::str(block, "data");
    } else {
      out.dropped.push_back(fmt::format("content.{}", type));
      continue;
    }
    out.parts.push_back(std::move(p));
  }
  // The value is what was asked for: with words around it, it would not be JSON.
  if (structured) {
    auto words = [](const Part& p) { return p.kind == PartKind::Text && p.name != kStructuredTool; };
    if (std::erase_if(out.parts, words)) out.dropped.push_back("content.text");
  }
  if (structured && out.finish == Finish::ToolCalls) {
    bool calls = false;
    for (auto& p : out.parts) calls |= p.kind == PartKind::ToolCall;
    if (!calls) out.finish = Finish::Stop;
  }
  return out;
}

namespace {

class AnthropicStream : public StreamDecoder {
 public:
  explicit AnthropicStream(bool value_by_tool) : value_by_tool_(value_by_tool) {}

  void decode(std::string_view name, std::string_view data, const EventSink& sink) override {
    if (complete_) return;
    if (!name.empty() && name != "error" && !name.starts_with("message_") && !name.starts_with("content_block_"))
      return;
    json::Document document;  // of this event alone: no allocation while it is small
    auto parsed = document.read(data);
    if (!parsed) return error(sink, "api_error", "the provider sent an event that is not JSON");
    const Node& body = **parsed;
    std::string_view type = json::str(body, "type");
    if (type.empty()) type = name;
    if (type == "message_start")
      start(body, sink);
    else if (type == "content_block_start")
      block_start(body, sink);
    else if (type == "content_block_delta")
      block_delta(body, sink);
    else if (type == "content_block_stop")
      block_stop(body, sink);
    else if (type == "message_delta")
      message_delta(body, sink);
    else if (type == "message_stop")
      stop(sink);
    else if (type == "error")
      told_error(sink, body);
  }
  bool complete() const override { return complete_; }

 private:
  using Kind = StreamEvent::Kind;
  struct Block {
    bool tool = false;
    bool structured = false;
    bool thinking = false;
    int index = 0;  // over tools
    bool has_input = false;
    std::string input = "{}";  // where no piece comes
  };

  void emit(const EventSink& sink, Kind kind, std::string_view text, int tool = 0) {
    StreamEvent e;
    e.kind = kind;
    e.text = text;
    e.tool_index = tool;
    sink(e);
  }
  // Words may turn out to stand beside the value that was asked for. Then they are left out: they would spoil it.
  void words(const EventSink& sink, std::string_view text) {
    if (text.empty()) return;
    if (value_by_tool_)
      held_ += text;
    else
      emit(sink, Kind::Text, text);
  }
  void tell_held(const EventSink& sink) {
    if (held_.empty()) return;
    if (structured_)
      dropped(sink, "content.text");
    else
      emit(sink, Kind::Text, held_);
    held_.clear();
  }
  void error(const EventSink& sink, std::string_view type, std::string_view message) {
    complete_ = true;
    StreamEvent e;
    e.kind = Kind::Error;
    e.name = type;
    e.text = message;
    e.status = status_of(type);
    sink(e);
  }
  void told_error(const EventSink& sink, const Node& body) {
    auto* what = json::find(body, "error");
    std::string_view message = what && what->is_string() ? what->string() : json::str(body, "error", "message");
    error(sink, json::str(body, "error", "type"), message.empty() ? "the provider gave no reason" : message);
  }
  void dropped(const EventSink& sink, std::string_view what) {
    StreamEvent e;
    e.kind = Kind::Dropped;
    e.name = what;
    sink(e);
  }
  void start(const Node& body, const EventSink& sink) {
    StreamEvent e;
    e.kind = Kind::Start;
    e.id = json::str(body, "message", "id");
    e.name = json::str(body, "message", "model");
    sink(e);
    auto* u = json::find(body, "message", "usage");
    name_unheld(member_of(body, "message"), u, [&](std::string_view name) { dropped(sink, name); });
    if (u) {
      usage_.take(*u);
      tell_usage(sink);
    }
  }
  void block_start(const Node& body, const EventSink& sink) {
    Block& b = blocks_[json::num(body, 0, "index")];
    b = Block{};
    std::string_view type = json::str(body, "content_block", "type");
    b.thinking = type == "thinking";
    if (!b.thinking && type != "text" && type != "tool_use" && type != "redacted_thinking")
      dropped(sink, fmt::format("content.{}", type));
    if (type == "redacted_thinking") emit(sink, Kind::Redacted, json::str(body, "content_block", "data"));
    if (type == "text") words(sink, json::str(body, "content_block", "text"));
    if (b.thinking) {  // usually empty here, as a tool's input
      if (auto text = json::str(body, "content_block", "thinking"); !text.empty()) emit(sink, Kind::Thinking, text);
      if (auto by = json::str(body, "content_block", "signature"); !by.empty()) emit(sink, Kind::Signature, by);
    }
    if (type != "tool_use") return;
    b.tool = true;
    b.structured = json::str(body, "content_block", "name") == kStructuredTool;
    if (b.structured && std::exchange(structured_, true)) {
      b.tool = false;  // two values would be no JSON
      return dropped(sink, "content.tool_use");
    }
    if (!b.structured) {
      b.index = tools_++;
      StreamEvent e;
      e.kind = Kind::ToolStart;
      e.id = json::str(body, "content_block", "id");
      e.name = json::str(body, "content_block", "name");
      e.tool_index = b.index;
      sink(e);
    }
    // What is told piece by piece stands instead of it.
    auto* input = json::find(body, "content_block", "input");
    if (input && input->is_object()) b.input = input->text();
  }
  void block_delta(const Node& body, const EventSink& sink) {
    Block& b = blocks_[json::num(body, 0, "index")];
    auto* delta = json::find(body, "delta");
    if (!delta) return;
    std::string_view type = json::str(*delta, "type");
    if (type == "text_delta") {
      words(sink, json::str(*delta, "text"));
    } else if (type == "thinking_delta") {
      emit(sink, Kind::Thinking, json::str(*delta, "thinking"));
    } else if (type == "signature_delta") {
      emit(sink, Kind::Signature, json::str(*delta, "signature"));
    } else if (type == "citations_delta") {
      dropped(sink, "content.citations");
    } else if (type == "input_json_delta") {
      std::string_view piece = json::str(*delta, "partial_json");
      if (piece.empty() || !b.tool) return;  // a tool that the provider runs itself
      b.has_input = true;
      emit(sink, b.structured ? Kind::Text : Kind::ToolArguments, piece, b.index);
    } else if (!type.empty()) {
      dropped(sink, fmt::format("content.{}", type));
    }
  }
  void block_stop(const Node& body, const EventSink& sink) {
    Block& b = blocks_[json::num(body, 0, "index")];
    if (b.thinking) emit(sink, Kind::ThinkingEnd, "");
    if (b.tool && !b.has_input) emit(sink, b.structured ? Kind::Text : Kind::ToolArguments, b.input, b.index);
  }
  void message_delta(const Node& body, const EventSink& sink) {
    if (auto reason = json::str(body, "delta", "stop_reason"); !reason.empty()) {
      tell_held(sink);
      StreamEvent e;
      e.kind = Kind::Finish;
      e.finish = finish_of(reason);
      if (structured_ && e.finish == Finish::ToolCalls && tools_ == 0) e.finish = Finish::Stop;
      sink(e);
    }
    auto* u = json::find(body, "usage");
    name_unheld(member_of(body, "delta"), u, [&](std::string_view name) { dropped(sink, name); });
    if (auto* edits = json::find(body, "context_management"); edits && !edits->is_null())
      dropped(sink, "context_management");
    if (!u) return;
    usage_.take(*u);
    tell_usage(sink);
  }
  // As soon as it is known: a stream that breaks off has cost something too.
  void tell_usage(const EventSink& sink) {
    StreamEvent e;
    e.kind = Kind::Usage;
    e.usage = usage_.usage();
    sink(e);
  }
  void stop(const EventSink& sink) {
    tell_held(sink);
    tell_usage(sink);
    complete_ = true;
    StreamEvent e;
    e.kind = Kind::End;
    sink(e);
  }

  bool value_by_tool_;
  std::string held_;
  bool structured_ = false;  // the reserved tool was called
  bool complete_ = false;
  int tools_ = 0;
  Counters usage_;
  std::map<int64_t, Block> blocks_;
};

}  // namespace

std::unique_ptr<StreamDecoder> make_stream_decoder(bool value_by_tool) {
  return std::make_unique<AnthropicStream>(value_by_tool);
}

}  // namespace sl::providers

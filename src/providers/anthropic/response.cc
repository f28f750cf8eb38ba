// Anthropic answers and streams into the canonical chat.
#include <fmt/format.h>

#include <map>

#include "providers/anthropic/anthropic.h"

namespace sl::providers {

using namespace llm;
using json::Value;

Finish finish_of(std::string_view reason) {
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return Finish::Length;
  if (reason == "tool_use") return Finish::ToolCalls;
  if (reason == "refusal") return Finish::ContentFilter;
  return Finish::Stop;  // end_turn, stop_sequence, pause_turn
}

Usage usage_of(const Value& u) {
  Usage out;
  out.cached = json::num(u, 0, "cache_read_input_tokens");
  out.cache_write = json::num(u, 0, "cache_creation_input_tokens");
  out.input = add_tokens(add_tokens(json::num(u, 0, "input_tokens"), out.cached), out.cache_write);
  out.output = json::num(u, 0, "output_tokens");
  return out;
}

Result<ChatResponse> decode_response(const Value& body, const ChatRequest& request) {
  auto* content = json::arr(body, "content");
  if (!content) return fail(Code::UpstreamProtocol, "the provider's answer has no content array");
  ChatResponse out;
  out.id = json::str(body, "id");
  out.model = json::str(body, "model");
  out.finish = finish_of(json::str(body, "stop_reason"));
  if (auto* usage = json::find(body, "usage")) out.usage = usage_of(*usage);
  (void)request;
  bool structured = false;  // the reserved tool was called
  for (auto& block : *content) {
    std::string_view type = json::str(block, "type");
    Part p;
    if (type == "text") {
      p.text = json::str(block, "text");
      if (auto* c = json::arr(block, "citations"); c && !c->empty()) out.dropped.push_back("content.citations");
    } else if (type == "tool_use") {
      auto* input = json::find(block, "input");
      p.arguments = input ? *input : Value(json::Object{});
      p.name = json::str(block, "name");
      p.id = json::str(block, "id");
      p.kind = PartKind::ToolCall;
      if (p.name == kStructuredTool) {  // back to what the client asked for: JSON as content
        structured = true;
        p.kind = PartKind::Text;
        p.text = json::dump(p.arguments);
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
  AnthropicStream() = default;

  void decode(std::string_view name, std::string_view data, const EventSink& sink) override {
    if (complete_) return;
    if (!name.empty() && name != "error" && !name.starts_with("message_") && !name.starts_with("content_block_"))
      return;
    json::Arena arena;  // of this event alone: no allocation while it is small
    auto parsed = json::parse(data, arena);
    if (!parsed) return error(sink, "api_error", "the provider sent an event that is not JSON");
    const Value& body = *parsed;
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
      error(sink, json::str(body, "error", "type"), json::str(body, "error", "message"));
  }
  bool complete() const override { return complete_; }

 private:
  using Kind = StreamEvent::Kind;
  struct Block {
    bool tool = false;
    bool structured = false;
    int index = 0;  // over tools
    bool has_input = false;
  };

  void emit(const EventSink& sink, Kind kind, std::string_view text, int tool = 0) {
    StreamEvent e;
    e.kind = kind;
    e.text = text;
    e.tool_index = tool;
    sink(e);
  }
  void error(const EventSink& sink, std::string_view type, std::string_view message) {
    complete_ = true;
    StreamEvent e;
    e.kind = Kind::Error;
    e.name = type;
    e.text = message;
    sink(e);
  }
  void start(const Value& body, const EventSink& sink) {
    StreamEvent e;
    e.kind = Kind::Start;
    e.id = json::str(body, "message", "id");
    e.name = json::str(body, "message", "model");
    sink(e);
    if (auto* u = json::find(body, "message", "usage")) {
      usage_ = usage_of(*u);
      tell_usage(sink);
    }
  }
  void block_start(const Value& body, const EventSink& sink) {
    Block& b = blocks_[json::num(body, 0, "index")];
    b = Block{};
    std::string_view type = json::str(body, "content_block", "type");
    if (type == "redacted_thinking") emit(sink, Kind::Redacted, json::str(body, "content_block", "data"));
    if (type == "text" && !json::str(body, "content_block", "text").empty())
      emit(sink, Kind::Text, json::str(body, "content_block", "text"));
    if (type != "tool_use") return;
    b.tool = true;
    b.structured = json::str(body, "content_block", "name") == kStructuredTool;
    structured_ |= b.structured;
    if (b.structured) return;
    b.index = tools_++;
    StreamEvent e;
    e.kind = Kind::ToolStart;
    e.id = json::str(body, "content_block", "id");
    e.name = json::str(body, "content_block", "name");
    e.tool_index = b.index;
    sink(e);
  }
  void block_delta(const Value& body, const EventSink& sink) {
    Block& b = blocks_[json::num(body, 0, "index")];
    auto* delta = json::find(body, "delta");
    if (!delta) return;
    std::string_view type = json::str(*delta, "type");
    if (type == "text_delta") {
      emit(sink, Kind::Text, json::str(*delta, "text"));
    } else if (type == "thinking_delta") {
      emit(sink, Kind::Thinking, json::str(*delta, "thinking"));
    } else if (type == "signature_delta") {
      emit(sink, Kind::Signature, json::str(*delta, "signature"));
    } else if (type == "input_json_delta") {
      std::string_view piece = json::str(*delta, "partial_json");
      if (piece.empty()) return;
      b.has_input = true;
      emit(sink, b.structured ? Kind::Text : Kind::ToolArguments, piece, b.index);
    }
  }
  void block_stop(const Value& body, const EventSink& sink) {
    Block& b = blocks_[json::num(body, 0, "index")];
    if (b.tool && !b.has_input) emit(sink, b.structured ? Kind::Text : Kind::ToolArguments, "{}", b.index);
  }
  void message_delta(const Value& body, const EventSink& sink) {
    if (auto reason = json::str(body, "delta", "stop_reason"); !reason.empty()) {
      StreamEvent e;
      e.kind = Kind::Finish;
      e.finish = finish_of(reason);
      if (structured_ && e.finish == Finish::ToolCalls && tools_ == 0) e.finish = Finish::Stop;
      sink(e);
    }
    auto* u = json::find(body, "usage");
    if (!u) return;
    Usage last = usage_of(*u);
    if (json::find(*u, "input_tokens"))
      usage_.input = last.input, usage_.cached = last.cached, usage_.cache_write = last.cache_write;
    usage_.output = last.output;
    tell_usage(sink);
  }
  // As soon as it is known: a stream that breaks off has cost something too.
  void tell_usage(const EventSink& sink) {
    StreamEvent e;
    e.kind = Kind::Usage;
    e.usage = usage_;
    sink(e);
  }
  void stop(const EventSink& sink) {
    tell_usage(sink);
    complete_ = true;
    StreamEvent e;
    e.kind = Kind::End;
    sink(e);
  }

  bool structured_ = false;  // the reserved tool was called
  bool complete_ = false;
  int tools_ = 0;
  Usage usage_;
  std::map<int64_t, Block> blocks_;
};

}  // namespace

std::unique_ptr<StreamDecoder> make_stream_decoder(const ChatRequest&) {
  return std::make_unique<AnthropicStream>();
}

}  // namespace sl::providers

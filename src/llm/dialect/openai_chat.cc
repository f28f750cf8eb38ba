// OpenAI chat completions: answers, errors and streams out of the canonical chat. Source: OpenAI API, chat completions.
#include "llm/dialect/openai_chat.h"

#include <fmt/format.h>

#include "base/ids.h"
#include "base/strings.h"
#include "codec/sse/sse.h"

namespace sl::llm {

using json::write_string;

std::string_view openai_finish(Finish finish) {
  switch (finish) {
    case Finish::Stop:
      return "stop";
    case Finish::Length:
      return "length";
    case Finish::ToolCalls:
      return "tool_calls";
    case Finish::ContentFilter:
      return "content_filter";
  }
  return "stop";
}

void write_openai_usage(const Usage& u, std::string& out) {
  out += R"({"prompt_tokens":)";
  append_number(u.input, out);
  out += R"(,"completion_tokens":)";
  append_number(u.output, out);
  out += R"(,"total_tokens":)";
  append_number(add_tokens(u.input, u.output), out);
  out += R"(,"prompt_tokens_details":{"cached_tokens":)";
  append_number(u.cached, out);
  out += R"(,"cache_write_tokens":)";
  append_number(u.cache_write, out);
  out += '}';
  if (u.reasoning) {
    out += R"(,"completion_tokens_details":{"reasoning_tokens":)";
    append_number(*u.reasoning, out);
    out += '}';
  }
  out += '}';
}

std::string_view openai_error_type(int status) {
  switch (status) {
    case 400:
    case 413:
    case 422:
      return "invalid_request_error";
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

void write_openai_error(const ProviderError& e, std::string& out) {
  out += R"({"error":{"message":)";
  write_string(e.message, out);
  out += R"(,"type":)";
  write_string(openai_error_type(e.status), out);
  out += R"(,"param":null,"code":)";
  if (e.type.empty())
    out += "null";
  else
    write_string(e.type, out);
  out += "}}";
}

namespace {

void write_text_member(const ChatResponse& r, std::string& out) {
  std::string joined;
  std::string_view text;
  size_t pieces = 0;
  for (auto& p : r.parts) {
    if (p.kind != PartKind::Text) continue;
    if (++pieces == 1) {
      text = p.text;
      continue;
    }
    if (pieces == 2) joined = text;
    joined += p.text;
  }
  out += R"("content":)";
  if (pieces)
    write_string(pieces == 1 ? text : std::string_view(joined), out);
  else
    out += "null";
}

// One entry of thinking_blocks.
void write_block(bool hidden, std::string_view text, std::string_view signature, std::string& out) {
  out += hidden ? R"({"type":"redacted_thinking","data":)" : R"({"type":"thinking","thinking":)";
  write_string(text, out);
  if (!hidden) {
    out += R"(,"signature":)";
    write_string(signature, out);
  }
  out += '}';
}

// reasoning_content and its signature; the blocks themselves when one pair cannot carry them.
void write_reasoning(const ChatResponse& r, std::string& out) {
  std::string text, signature;
  size_t blocks = 0;
  bool redacted = false;
  for (auto& p : r.parts) {
    if (p.kind != PartKind::Thinking && p.kind != PartKind::RedactedThinking) continue;
    ++blocks;
    redacted |= p.kind == PartKind::RedactedThinking;
    if (p.kind == PartKind::Thinking) {
      text += p.text;
      signature = p.signature;
    }
  }
  if (!blocks) return;
  if (!text.empty() || !signature.empty()) {
    out += R"(,"reasoning_content":)";
    write_string(text, out);
    out += R"(,"reasoning_signature":)";
    write_string(signature, out);
  }
  if (blocks == 1 && !redacted) return;
  out += R"(,"thinking_blocks":[)";
  bool first = true;
  for (auto& p : r.parts) {
    if (p.kind != PartKind::Thinking && p.kind != PartKind::RedactedThinking) continue;
    if (!std::exchange(first, false)) out += ',';
    write_block(p.kind == PartKind::RedactedThinking, p.text, p.signature, out);
  }
  out += ']';
}

void write_function(std::string_view name, std::string_view arguments, std::string& out) {
  out += R"({"name":)";
  write_string(name, out);
  out += R"(,"arguments":)";
  write_string(arguments, out);
  out += '}';
}

void write_tool_calls(const ChatResponse& r, bool old_functions, std::string& out) {
  bool first = true;
  for (auto& p : r.parts) {
    if (p.kind != PartKind::ToolCall) continue;
    if (old_functions) {  // there is place for one
      out += R"(,"function_call":)";
      return write_function(p.name, p.arguments, out);
    }
    out += first ? R"(,"tool_calls":[{"id":)" : R"(,{"id":)";
    first = false;
    write_string(p.id, out);
    out += R"(,"type":"function","function":)";
    write_function(p.name, p.arguments, out);
    out += '}';
  }
  if (!first) out += ']';
}

std::string_view spoken_finish(Finish finish, bool old_functions) {
  return old_functions && finish == Finish::ToolCalls ? "function_call" : openai_finish(finish);
}

class OpenAiStream : public StreamEncoder {
 public:
  OpenAiStream(bool include_usage, bool old_functions)
      : include_usage_(include_usage), old_functions_(old_functions), created_(unix_ms() / 1000) {}

  void encode(const StreamEvent& e, std::string& out) override {
    using Kind = StreamEvent::Kind;
    switch (e.kind) {
      case Kind::Start:
        id_ = e.id;
        model_ = e.name;
        begin(out, R"("role":"assistant","content":"")");
        break;
      case Kind::Text:
        text_delta("content", e.text, out);
        break;
      case Kind::Thinking:
        thinking_ += e.text;
        text_delta("reasoning_content", e.text, out);
        break;
      case Kind::Signature:
        signature_ += e.text;
        text_delta("reasoning_signature", e.text, out);
        break;
      case Kind::ThinkingEnd:
        end_block(false, thinking_, out);
        break;
      case Kind::Redacted:
        end_block(true, e.text, out);
        break;
      case Kind::ToolStart:
        tool_start(e, out);
        break;
      case Kind::ToolArguments:
        tool_arguments(e, out);
        break;
      case Kind::Dropped:
        break;  // the record and the log name it; the head with its list has gone out
      case Kind::Finish:
        finish_ = spoken_finish(e.finish, old_functions_);
        break;
      case Kind::Usage:
        usage_ = e.usage;
        break;
      case Kind::Error:
        out += "data: ";
        write_openai_error({e.status, std::string(e.name), std::string(e.text)}, out);
        out += "\n\n";
        break;
      case Kind::End:
        end(out);
        break;
    }
  }

 private:
  void head(std::string& out) {
    out += R"(data: {"id":)";
    write_string(id_, out);
    out += R"(,"object":"chat.completion.chunk","created":)";
    append_number(created_, out);
    out += R"(,"model":)";
    write_string(model_, out);
  }
  void begin(std::string& out, std::string_view delta) {
    head(out);
    out += R"(,"choices":[{"index":0,"delta":{)";
    out += delta;
    out += R"(},"finish_reason":null}])";
    if (include_usage_) out += R"(,"usage":null)";
    out += "}\n\n";
  }
  // A block of reasoning is through. What one pair of text and signature cannot carry goes out once more as whole
  // blocks, for sending back.
  void end_block(bool hidden, std::string_view text, std::string& out) {
    if (!blocks_.empty()) blocks_ += ',';
    write_block(hidden, text, signature_, blocks_);
    thinking_.clear();
    signature_.clear();
    several_ |= hidden || finished_++ > 0;
    if (!several_) return;
    delta_ = R"("thinking_blocks":[)";
    delta_ += blocks_;
    delta_ += ']';
    blocks_.clear();
    begin(out, delta_);
  }
  void tool_start(const StreamEvent& e, std::string& out) {
    if (old_functions_ && e.tool_index > 0) return;  // there is place for one
    if (old_functions_) {
      delta_ = R"("function_call":{"name":)";
      write_string(e.name, delta_);
      delta_ += R"(,"arguments":""})";
      return begin(out, delta_);
    }
    delta_ = fmt::format(R"("tool_calls":[{{"index":{},"id":)", e.tool_index);
    write_string(e.id, delta_);
    delta_ += R"(,"type":"function","function":{"name":)";
    write_string(e.name, delta_);
    delta_ += R"(,"arguments":""}}])";
    begin(out, delta_);
  }
  void tool_arguments(const StreamEvent& e, std::string& out) {
    if (old_functions_ && e.tool_index > 0) return;
    delta_ = R"("tool_calls":[{"index":)";
    append_number(e.tool_index, delta_);
    delta_ += R"(,"function":{"arguments":)";
    if (old_functions_) delta_ = R"("function_call":{"arguments":)";
    write_string(e.text, delta_);
    delta_ += old_functions_ ? "}" : "}}]";
    begin(out, delta_);
  }
  void text_delta(std::string_view key, std::string_view text, std::string& out) {
    delta_.clear();
    delta_ += '"';
    delta_ += key;
    delta_ += "\":";
    write_string(text, delta_);
    begin(out, delta_);
  }
  void end(std::string& out) {
    head(out);
    out += R"(,"choices":[{"index":0,"delta":{},"finish_reason":)";
    write_string(finish_, out);
    out += "}]";
    if (include_usage_) out += R"(,"usage":null)";
    out += "}\n\n";
    if (include_usage_) {
      head(out);
      out += R"(,"choices":[],"usage":)";
      write_openai_usage(usage_, out);
      out += "}\n\n";
    }
    out += "data: [DONE]\n\n";
  }

  bool include_usage_;
  bool old_functions_;
  int64_t created_;
  std::string id_, model_, delta_;
  std::string thinking_, signature_;  // of the block under way
  std::string blocks_;                // finished ones that were not told yet
  int finished_ = 0;
  bool several_ = false;
  std::string finish_ = "stop";
  Usage usage_;
};

class OpenAiChat : public Dialect {
 public:
  std::string_view name() const override { return "openai-chat"; }
  Result<ChatRequest> decode(const json::Node& body) const override { return decode_openai_chat(body); }

  std::string encode(const ChatResponse& r, bool old_functions) const override {
    size_t size = 512;
    for (auto& p : r.parts) size += p.text.size() + 64;
    std::string out;
    out.reserve(size + size / 32);
    out += R"({"id":)";
    write_string(r.id, out);
    out += R"(,"object":"chat.completion","created":)";
    append_number(unix_ms() / 1000, out);
    out += R"(,"model":)";
    write_string(r.model, out);
    out += R"(,"choices":[{"index":0,"message":{"role":"assistant",)";
    write_text_member(r, out);
    out += R"(,"refusal":null)";
    write_reasoning(r, out);
    write_tool_calls(r, old_functions, out);
    out += R"(},"logprobs":null,"finish_reason":)";
    write_string(spoken_finish(r.finish, old_functions), out);
    out += R"(}],"usage":)";
    write_openai_usage(r.usage, out);
    out += '}';
    return out;
  }
  std::string encode(const ProviderError& e) const override {
    std::string out;
    write_openai_error(e, out);
    return out;
  }
  std::unique_ptr<StreamEncoder> stream(bool include_usage, bool old_functions) const override {
    return std::make_unique<OpenAiStream>(include_usage, old_functions);
  }
};

}  // namespace

const Dialect& openai_chat() {
  static const OpenAiChat dialect;
  return dialect;
}

const Dialect* find_dialect(std::string_view name) {
  return name == "openai-chat" ? &openai_chat() : nullptr;
}

}  // namespace sl::llm

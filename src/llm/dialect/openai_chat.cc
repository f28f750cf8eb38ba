// OpenAI chat completions: answers, errors and streams out of the canonical chat. Source: OpenAI API, chat completions.
#include "llm/dialect/openai_chat.h"

#include <fmt/format.h>

#include "base/ids.h"
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
  fmt::format_to(
      std::back_inserter(out),
      R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{},"cache_write_tokens":{}}})",
      u.input, u.output, add_tokens(u.input, u.output), u.cached, u.cache_write);
  if (u.reasoning)
    fmt::format_to(std::back_inserter(out), R"(,"completion_tokens_details":{{"reasoning_tokens":{}}})", *u.reasoning);
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
  const std::string* text = nullptr;
  for (auto& p : r.parts) {
    if (p.kind != PartKind::Text) continue;
    if (text) {
      joined = *text + p.text;
      text = &joined;
    } else {
      text = &p.text;
    }
  }
  out += R"("content":)";
  if (text)
    write_string(*text, out);
  else
    out += "null";
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
    bool hidden = p.kind == PartKind::RedactedThinking;
    out += hidden ? R"({"type":"redacted_thinking","data":)" : R"({"type":"thinking","thinking":)";
    write_string(p.text, out);
    if (!hidden) {
      out += R"(,"signature":)";
      write_string(p.signature, out);
    }
    out += '}';
  }
  out += ']';
}

void write_tool_calls(const ChatResponse& r, std::string& out) {
  bool first = true;
  for (auto& p : r.parts) {
    if (p.kind != PartKind::ToolCall) continue;
    out += first ? R"(,"tool_calls":[{"id":)" : R"(,{"id":)";
    first = false;
    write_string(p.id, out);
    out += R"(,"type":"function","function":{"name":)";
    write_string(p.name, out);
    out += R"(,"arguments":)";
    write_string(json::dump(p.arguments), out);
    out += "}}";
  }
  if (!first) out += ']';
}

class OpenAiStream : public StreamEncoder {
 public:
  explicit OpenAiStream(bool include_usage) : include_usage_(include_usage), created_(unix_ms() / 1000) {}

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
        text_delta("reasoning_content", e.text, out);
        break;
      case Kind::Signature:
        text_delta("reasoning_signature", e.text, out);
        break;
      case Kind::Redacted:
        delta_ = R"("thinking_blocks":[{"type":"redacted_thinking","data":)";
        write_string(e.text, delta_);
        delta_ += "}]";
        begin(out, delta_);
        break;
      case Kind::ToolStart:
        delta_ = fmt::format(R"("tool_calls":[{{"index":{},"id":)", e.tool_index);
        write_string(e.id, delta_);
        delta_ += R"(,"type":"function","function":{"name":)";
        write_string(e.name, delta_);
        delta_ += R"(,"arguments":""}}])";
        begin(out, delta_);
        break;
      case Kind::ToolArguments:
        delta_.clear();
        fmt::format_to(std::back_inserter(delta_), R"("tool_calls":[{{"index":{},"function":{{"arguments":)",
                       e.tool_index);
        write_string(e.text, delta_);
        delta_ += "}}]";
        begin(out, delta_);
        break;
      case Kind::Finish:
        finish_ = openai_finish(e.finish);
        break;
      case Kind::Usage:
        usage_ = e.usage;
        break;
      case Kind::Error:
        out += "data: ";
        write_openai_error({e.finish == Finish::Stop ? 500 : 500, std::string(e.name), std::string(e.text)}, out);
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
    fmt::format_to(std::back_inserter(out), R"(,"object":"chat.completion.chunk","created":{},"model":)", created_);
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
  int64_t created_;
  std::string id_, model_, delta_;
  std::string finish_ = "stop";
  Usage usage_;
};

class OpenAiChat : public Dialect {
 public:
  std::string_view name() const override { return "openai-chat"; }
  Result<ChatRequest> decode(const json::Value& body) const override { return decode_openai_chat(body); }

  std::string encode(const ChatResponse& r) const override {
    std::string out = R"({"id":)";
    write_string(r.id, out);
    fmt::format_to(std::back_inserter(out), R"(,"object":"chat.completion","created":{},"model":)", unix_ms() / 1000);
    write_string(r.model, out);
    out += R"(,"choices":[{"index":0,"message":{"role":"assistant",)";
    write_text_member(r, out);
    out += R"(,"refusal":null)";
    write_reasoning(r, out);
    write_tool_calls(r, out);
    out += R"(},"logprobs":null,"finish_reason":)";
    write_string(openai_finish(r.finish), out);
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
  std::unique_ptr<StreamEncoder> stream(bool include_usage) const override {
    return std::make_unique<OpenAiStream>(include_usage);
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

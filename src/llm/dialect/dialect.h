// Dialect: a client's wire format: its requests into the canonical chat, canonical answers back out.
//
// Who calls: llm/exchange, proxy/reply. Thread: stateless but for the encoder of one stream.
#pragma once

#include <memory>

#include "llm/chat/chat.h"

namespace sl::llm {

class StreamEncoder {
 public:
  virtual ~StreamEncoder() = default;
  // Appends the client's bytes for one event.
  virtual void encode(const StreamEvent& event, std::string& out) = 0;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view name() const = 0;  // "openai-chat"
  // Errors: InvalidArgument naming the client's field ("messages[2].tool_calls[0].function.arguments").
  virtual Result<ChatRequest> decode(const json::Node& body) const = 0;
  // `old_functions`: the request spoke of functions, and the answer does too.
  virtual std::string encode(const ChatResponse& response, bool old_functions) const = 0;
  virtual std::string encode(const ProviderError& error) const = 0;
  virtual std::unique_ptr<StreamEncoder> stream(bool include_usage, bool old_functions) const = 0;
};

const Dialect& openai_chat();
// By name; nullptr if there is none.
const Dialect* find_dialect(std::string_view name);

}  // namespace sl::llm

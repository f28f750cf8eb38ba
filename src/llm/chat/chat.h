// The canonical chat: what every client format is read into and every provider is written from.
//
// Who calls: llm/dialect, providers. Thread: plain values of one request. Texts are views and JSON is pointed at: both
// lie in the document that was read, which must outlive the chat, or in its own Kept.
#pragma once

#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/node.h"

namespace sl::llm {

enum class Role { User, Assistant };
enum class PartKind { Text, Image, Document, ToolCall, ToolResult, Thinking, RedactedThinking };

// Texts that reading had to make itself.
class Kept {
 public:
  std::string_view text(std::string made) { return texts_.emplace_front(std::move(made)); }

 private:
  std::forward_list<std::string> texts_;
};

struct Part {
  PartKind kind = PartKind::Text;
  bool is_error = false;                      // ToolResult
  std::string_view text;                      // Text; Thinking's words; RedactedThinking's data
  std::string_view media_type;                // Image, Document given as data
  std::string_view data;                      // base64
  std::string_view url;                       // Image, Document given by address
  std::string_view title;                     // Document
  std::string_view id;                        // ToolCall, ToolResult: the call's id
  std::string_view name;                      // ToolCall
  std::string_view signature;                 // Thinking
  std::string_view arguments;                 // ToolCall: the JSON text of an object, as it was written
  const json::Node* cache_control = nullptr;  // null if the client set none
  std::vector<Part> content;                  // ToolResult
};

struct Message {
  Role role = Role::User;
  std::vector<Part> parts;
};

struct Tool {
  std::string_view name, description;
  const json::Node* parameters = nullptr;  // JSON Schema; null if the client gave none
  const json::Node* cache_control = nullptr;
};

enum class ToolChoice { Unset, Auto, Required, None, Named };

struct ChatRequest {
  std::string_view model;
  std::vector<Part> system;  // text parts, in order
  std::vector<Message> messages;
  std::vector<Tool> tools;
  ToolChoice tool_choice = ToolChoice::Unset;
  std::string_view tool_choice_name;
  std::optional<bool> parallel_tool_calls;
  std::optional<int64_t> max_tokens;
  std::optional<double> temperature, top_p;
  std::optional<int64_t> top_k;
  std::vector<std::string_view> stop;
  std::string_view user;
  std::string_view reasoning_effort;     // none, minimal, low, medium, high, xhigh, max
  const json::Node* thinking = nullptr;  // a client that speaks the provider's own parameter
  std::string_view schema_name;          // structured output
  const json::Node* schema = nullptr;    // an object, or null
  bool schema_strict = false;            // nothing else will do
  std::string_view service_tier;
  bool stream = false;
  bool include_usage = false;
  bool value_by_tool = false;  // set by a provider that asks for the structured output with a tool
  bool old_functions = false;  // asked with "functions": answered with "function_call"
  // Client fields that nothing here can hold, by the client's own name.
  std::vector<std::string> dropped;
  Kept kept;
};

struct Usage {
  int64_t input = 0;        // all input, cached parts included
  int64_t cached = 0;       // read from a cache
  int64_t cache_write = 0;  // written to a cache
  int64_t output = 0;
  std::optional<int64_t> reasoning;
  bool told = true;  // by the provider
};

// Counts come from outside: a sum that does not fit is the largest number.
inline int64_t add_tokens(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

enum class Finish { Stop, Length, ToolCalls, ContentFilter };

struct ChatResponse {
  std::string_view id, model;
  std::vector<Part> parts;
  Finish finish = Finish::Stop;
  Usage usage;
  std::vector<std::string> dropped;
  Kept kept;
};

// One step of a streamed answer. Views live until the next event.
struct StreamEvent {
  enum class Kind {
    Start,
    Text,
    Thinking,
    Signature,
    ThinkingEnd,
    Redacted,
    ToolStart,
    ToolArguments,
    Finish,
    Usage,
    Dropped,  // something of the answer that the client's form cannot hold
    Error,
    End
  };
  Kind kind = Kind::Text;
  std::string_view text;  // Text, Thinking, Signature, Redacted, ToolArguments; Error: message
  std::string_view id;    // Start: answer id; ToolStart: call id
  std::string_view name;  // Start: model; ToolStart: tool; Error: type; Dropped: what, e.g. "content.citations"
  int tool_index = 0;     // over tools only, from 0
  int status = 500;       // Error: what a whole answer of that kind would have had
  Finish finish = Finish::Stop;
  Usage usage;
};

// An error as a provider says it.
struct ProviderError {
  int status = 500;
  std::string type, message;
};

}  // namespace sl::llm

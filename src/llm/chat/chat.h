// The canonical chat: what every client format is read into and every provider is written from.
//
// Who calls: llm/dialect, providers. Thread: plain values of one request. Views point into the request's document,
// which the exchange keeps alive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "json/value.h"

namespace sl::llm {

enum class Role { User, Assistant };
enum class PartKind { Text, Image, Document, ToolCall, ToolResult, Thinking, RedactedThinking };

struct Part {
  PartKind kind = PartKind::Text;
  std::string text;           // Text; Thinking's words; RedactedThinking's data; Document's text
  std::string media_type;     // Image, Document given as data
  std::string data;           // base64
  std::string url;            // Image, Document given by address
  std::string title;          // Document
  std::string id;             // ToolCall, ToolResult: the call's id
  std::string name;           // ToolCall
  json::Value arguments;      // ToolCall: always an object
  std::vector<Part> content;  // ToolResult
  bool is_error = false;      // ToolResult
  std::string signature;      // Thinking
  json::Value cache_control;  // null if the client set none
};

struct Message {
  Role role = Role::User;
  std::vector<Part> parts;
};

struct Tool {
  std::string name, description;
  json::Value parameters;  // JSON Schema; null if the client gave none
  json::Value cache_control;
};

enum class ToolChoice { Unset, Auto, Required, None, Named };

struct ChatRequest {
  std::string model;
  std::vector<Part> system;  // text parts, in order
  std::vector<Message> messages;
  std::vector<Tool> tools;
  ToolChoice tool_choice = ToolChoice::Unset;
  std::string tool_choice_name;
  std::optional<bool> parallel_tool_calls;
  std::optional<int64_t> max_tokens;
  std::optional<double> temperature, top_p;
  std::optional<int64_t> top_k;
  std::vector<std::string> stop;
  std::string user;
  std::string reasoning_effort;  // none, minimal, low, medium, high, xhigh, max
  json::Value thinking;          // a client that speaks the provider's own parameter
  std::string schema_name;       // structured output
  json::Value schema;
  std::string service_tier;
  bool stream = false;
  bool include_usage = false;
  // Client fields that nothing here can hold, by the client's own name.
  std::vector<std::string> dropped;
};

struct Usage {
  int64_t input = 0;        // all input, cached parts included
  int64_t cached = 0;       // read from a cache
  int64_t cache_write = 0;  // written to a cache
  int64_t output = 0;
  std::optional<int64_t> reasoning;
};

// Counts come from outside: a sum that does not fit is the largest number.
inline int64_t add_tokens(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

enum class Finish { Stop, Length, ToolCalls, ContentFilter };

struct ChatResponse {
  std::string id, model;
  std::vector<Part> parts;
  Finish finish = Finish::Stop;
  Usage usage;
  std::vector<std::string> dropped;
};

// One step of a streamed answer. Views live until the next event.
struct StreamEvent {
  enum class Kind { Start, Text, Thinking, Signature, Redacted, ToolStart, ToolArguments, Finish, Usage, Error, End };
  Kind kind = Kind::Text;
  std::string_view text;  // Text, Thinking, Signature, Redacted, ToolArguments; Error: message
  std::string_view id;    // Start: answer id; ToolStart: call id
  std::string_view name;  // Start: model; ToolStart: tool; Error: type
  int tool_index = 0;     // over tools only, from 0
  Finish finish = Finish::Stop;
  Usage usage;
};

// An error as a provider says it.
struct ProviderError {
  int status = 500;
  std::string type, message;
};

}  // namespace sl::llm

// Record: what happened in one exchange, turn or tool call, told once. Access log, metrics and ledger read
// from it; nothing else counts or logs requests.
//
// Who fills it: proxy (exchanges), agent (turns and tool calls); each finishes it exactly once and hands it to a
// RecordSink. Thread: owned by one request until handed over. Never holds a credential, prompt or answer text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace sl::observe {

enum class RecordKind { Exchange, Turn, ToolCall };

// Text that lives as long as the program.
struct Literal : std::string_view {
  constexpr Literal() = default;
  consteval Literal(const char* text) : std::string_view(text) {}
};

struct Record {
  RecordKind kind = RecordKind::Exchange;
  int64_t start_unix_us = 0;
  int64_t duration_us = 0;
  int64_t first_byte_us = 0;  // until the first byte of the answer was there to be sent to the client; 0 none

  // W3C trace context: 32, 16 and 16 hex digits; parent empty at the root.
  std::string trace_id, span_id, parent_span_id;

  // Where: "NS/NAME" names, the endpoint as configured ("HOST:PORT"), addresses as "IP:PORT".
  std::string gateway, listener, route, endpoint, upstream_addr, src_addr;
  std::string method, host, path;  // as the client sent them, before rewriting
  Literal version;                 // "HTTP/1.1"
  int status = 0;
  uint64_t request_bytes = 0, response_bytes = 0;

  // What: the protocol ("http", "llm"), and for a model call GenAI names.
  Literal protocol;
  std::string genai_operation, genai_provider, request_model, response_model, finish_reason;
  bool has_usage = false;
  int64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
  bool streamed = false;
  bool direct = false;               // a model call of an agent past every gateway
  std::vector<std::string> dropped;  // fields the provider could not express

  // Who and how safe: identity of the calling agent, credential used ("secret", "caller", "inline", "own": this
  // program's, "none"), TLS towards the endpoint.
  std::string agent, session, turn, auth, tls_version, tls_peer, policy;
  std::string tool, tool_call;       // tool calls: its name, and the call's id
  std::string error;                 // why it failed, in words; empty on success
  Code error_code = Code::Internal;  // and its kind

  // The first failure is the cause of those after it, and the one that is told.
  void failed(Code code, std::string_view words) {
    if (!error.empty()) return;
    error_code = code;
    error = words;
  }
  void failed(const Error& why) { failed(why.code, why.message); }

  // As new, with the strings' memory kept for the next request.
  void clear();
};
using RecordPtr = std::unique_ptr<Record>;

// The JSON form, with the access log's keys; absent ones left out.
json::Value to_json(const Record& record);

// Takes finished records. Thread: any; must not block.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual void take(std::vector<RecordPtr> records) = 0;
  // Cleared records to fill again; may be none.
  virtual std::vector<RecordPtr> spare() { return {}; }
};

}  // namespace sl::observe

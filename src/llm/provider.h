// Provider: one model API: the canonical chat into its requests, its answers back. One folder each under
// providers/, listed in providers/all.cc.
//
// Who calls: llm/exchange. Thread: const and shared; a StreamDecoder belongs to one answer.
// To add one: a folder with a class like providers/anthropic, a line in all.cc, and its cases in test/translate.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "llm/chat/chat.h"

namespace sl::llm {

using EventSink = std::function<void(const StreamEvent&)>;

// Reads the provider's stream (SSE event by event) into canonical events.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  // One SSE event. Unknown events are ignored; a malformed one becomes an Error event.
  virtual void decode(std::string_view name, std::string_view data, const EventSink& sink) = 0;
  // True once the provider has ended the answer properly (or with an error event).
  virtual bool complete() const = 0;
};

struct ProviderEndpoint {
  std::string_view host;
  int port = 443;
  bool tls = true;
  std::string_view path;  // of the chat API
};

// How a credential is sent: `prefix` stands before it. Literals.
struct CredentialForm {
  std::string_view name, prefix;
};

// A header that every request needs. Views of literals or of what the caller gave.
struct FixedHeader {
  std::string_view name, value;
};

// The pieces of a same-dialect answer that the record needs.
struct AnswerFacts {
  std::string model, finish;
  bool has_usage = false;
  Usage usage;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;        // folder name
  virtual std::string_view genai_name() const = 0;  // gen_ai.provider.name
  virtual std::string_view dialect() const = 0;     // its own client format, passed through untouched
  virtual ProviderEndpoint endpoint() const = 0;
  virtual CredentialForm credential(std::string_view key) const = 0;
  // An empty name stands for no header.
  virtual std::array<FixedHeader, 2> headers(std::string_view api_version) const = 0;
  // Names what it could not express in request.dropped. Errors: InvalidArgument naming the field.
  virtual Result<std::string> encode(ChatRequest& request) const = 0;
  // The answer's texts lie in the document of `body`.
  virtual Result<ChatResponse> decode(const json::Node& body) const = 0;
  // `status` 0: not known, taken from the kind of error.
  virtual ProviderError decode_error(int status, std::string_view body) const = 0;
  // `value_by_tool` as encode() left it in the request.
  virtual std::unique_ptr<StreamDecoder> stream(bool value_by_tool) const = 0;
  // Facts of an answer in the provider's own dialect (pass-through). Stream: called for each data payload.
  virtual void tap(const json::Node& body, bool streamed, AnswerFacts& facts) const = 0;
};

const Provider* find_provider(std::string_view name);  // providers/all.cc
std::vector<const Provider*> all_providers();

}  // namespace sl::llm

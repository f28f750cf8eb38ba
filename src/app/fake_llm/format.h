// Format: one provider's wire format, as fake-llm plays it: what it asks of a request, and how it answers.
// Who calls: fake_llm.cc. Thread: any; formats have no state. Source: the providers' API references.
// A new one is a file here and a line in fake_llm.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/value.h"
#include "net/http_server/server.h"

namespace sl::fake {

struct FakeToolCall {
  std::string id, name;
  json::Value arguments;  // an object
};
struct FakeReply {
  std::string text, reasoning, model;
  std::string stop_reason;  // in Anthropic's words
  std::vector<FakeToolCall> tool_calls;
  std::optional<int64_t> input_tokens, output_tokens;
};

// What a request asks for.
struct Asked {
  bool stream = false;
  bool include_usage = false;  // OpenAI: usage at a stream's end
  bool events = true;          // Gemini: a stream of events, or else one JSON array in pieces
  std::string model;
  std::string text;         // the last user text
  std::string tool_result;  // text of the tool results that end the conversation
};

struct Answer {
  FakeReply reply;
  int64_t input_tokens = 0, output_tokens = 0;
  std::string id;
};

// Why a request is not answered.
struct Refusal {
  int status = 400;
  std::string message;
};

class Format {
 public:
  virtual ~Format() = default;
  virtual bool speaks(std::string_view path) const = 0;
  // What the provider would refuse: a missing credential, or what breaks its rules. The body is an object.
  virtual std::optional<Refusal> refuse(const net::HttpRequest& r, const json::Value& body) const = 0;
  virtual Asked read(const net::HttpRequest& r, const json::Value& body) const = 0;
  virtual std::string whole(const Answer& answer) const = 0;
  virtual std::vector<std::string> events(const Answer& answer, const Asked& asked) const = 0;
  // `type` empty: the provider's own for the status.
  virtual std::string error(int status, std::string_view type, std::string_view message) const = 0;
  // The answer to a list of the models; empty where the request is not of this format.
  virtual std::string models(const net::HttpRequest& r) const = 0;
};

const Format& openai();
const Format& anthropic();
const Format& gemini();

// Pieces of a few characters each, none cut in two.
std::vector<std::string> pieces(const std::string& text);

}  // namespace sl::fake

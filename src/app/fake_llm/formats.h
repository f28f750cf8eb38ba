// What fake-llm answers, in each wire format. Who calls: fake_llm.cc. Thread: plain functions.
#pragma once

#include <string>
#include <vector>

#include "json/describe.h"

namespace sl::fake {

struct Match {
  std::string path, contains, model;
};
struct FakeToolCall {
  std::string id, name;
  json::Value arguments;
};
struct FakeReply {
  std::string text, reasoning, model, stop_reason;
  std::vector<FakeToolCall> tool_calls;
  std::optional<int64_t> input_tokens, output_tokens;
};
struct FakeError {
  std::string type = "api_error", message = "scripted error";
};
struct Rule {
  Match match;
  int64_t times = -1;
  int64_t delay_ms = 0, chunk_delay_ms = 0, status = 200, after_events = 0;
  FakeError error;
  std::map<std::string, std::string> headers;
  std::optional<FakeReply> reply;
  std::string fault, raw, content_type;
};
void describe(json::Fields<Rule>& f);

// What a request asks for.
struct Asked {
  bool anthropic = false;
  bool stream = false;
  bool include_usage = false;
  std::string model, text;  // the last user text
  bool after_tool = false;  // the last message is a tool result
};
Asked read_asked(const json::Value& body, bool anthropic);

// What Anthropic would refuse of a Messages request, in its manner; "" if nothing.
std::string wrong_messages(const json::Value& body);

struct Answer {
  FakeReply reply;
  int64_t input_tokens = 0, output_tokens = 0;
  std::string id;
};
Answer make_answer(const Rule& rule, const Asked& asked);

std::string whole_body(const Answer& answer, const Asked& asked);
std::vector<std::string> stream_events(const Answer& answer, const Asked& asked);
std::string error_body(bool anthropic, std::string_view type, std::string_view message);

}  // namespace sl::fake

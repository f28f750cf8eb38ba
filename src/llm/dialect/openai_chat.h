// The halves of the OpenAI chat completions dialect. Who calls: openai_chat.cc. Thread: plain functions.
#pragma once

#include "llm/dialect/dialect.h"

namespace sl::llm {

Result<ChatRequest> decode_openai_chat(const json::Node& body);
// Its messages, an array, onto the end of `out`.
Result<void> read_openai_messages(const json::Node& list, ChatRequest& out);
std::string_view openai_finish(Finish finish);
void write_openai_usage(const Usage& usage, std::string& out);
// The type a client library knows for a status, e.g. "rate_limit_error".
std::string_view openai_error_type(int status);
void write_openai_error(const ProviderError& error, std::string& out);

}  // namespace sl::llm

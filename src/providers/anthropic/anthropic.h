// Anthropic Messages. Status: alpha. Security posture: robust to untrusted clients and answers.
// Who calls: providers/all.cc; the pieces, its own files and tests. Thread: const and shared.
// Source: Anthropic Messages API, version 2023-06-01.
#pragma once

#include "llm/provider.h"

namespace sl::providers {

const llm::Provider& anthropic();

// Name of the tool that stands for structured output on models without it.
inline constexpr char kStructuredTool[] = "sightline_structured_output";

// What a model of this family accepts.
struct ModelTraits {
  int64_t default_max_tokens = 4096;
  bool output_format = false;         // output_config.format
  bool temperature_or_top_p = false;  // takes one of them only
  bool thinking = true;
  bool adaptive_thinking = false;  // thinking {type: adaptive} with output_config.effort
};
ModelTraits traits_of(std::string_view model);

Result<std::string> encode_request(llm::ChatRequest& request);
Result<llm::ChatResponse> decode_response(const json::Node& body);
std::unique_ptr<llm::StreamDecoder> make_stream_decoder(bool value_by_tool);
// The status that goes with an error's type.
int status_of(std::string_view error_type);
llm::Finish finish_of(std::string_view stop_reason);
llm::Usage usage_of(const json::Node& usage);
// Structured output by a forced tool was used for this request.
bool uses_structured_tool(const llm::ChatRequest& request);

}  // namespace sl::providers

// OpenAI chat completions: the client's own dialect, passed through untouched. Status: alpha.
// Security posture: robust to untrusted clients and answers. Who calls: providers/all.cc. Thread: const and shared.
// Source: OpenAI API, chat completions.
#pragma once

#include "llm/provider.h"

namespace sl::providers {

const llm::Provider& openai();

}  // namespace sl::providers

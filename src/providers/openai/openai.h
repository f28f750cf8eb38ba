// OpenAI chat completions: the client's own dialect, passed through untouched. Status: alpha.
// Security posture: robust to untrusted clients and answers.
#pragma once

#include "llm/provider.h"

namespace sl::providers {

const llm::Provider& openai();

}  // namespace sl::providers

// How kgateway before 2.1 spelled an AI Backend. Manifests of that time are taken, and stored in today's spelling.
// Who calls: backend.cc. Thread: plain values. Source: kgateway's release notes, "AI Backend API changes".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "resource/kgateway/backend.h"

namespace sl::resource {

struct EarlierHost {
  std::string host;
  std::optional<int32_t> port;
};
struct EarlierPath {
  std::string full_path, full;
};
struct EarlierPriority {
  std::vector<LlmProvider> pool;
};
struct EarlierMultipool {
  std::vector<EarlierPriority> priorities;
};
void describe(json::Fields<EarlierHost>& f);
void describe(json::Fields<EarlierPath>& f);
void describe(json::Fields<EarlierPriority>& f);
void describe(json::Fields<EarlierMultipool>& f);

// Adds to the schema what was said otherwise.
void describe_earlier(json::Fields<LlmProvider>& f);
void describe_earlier(json::Fields<AiBackend>& f);

// Rewrites it in place and names each rewriting. What stands in the earlier spelling was written last (no stored
// object holds it), so it replaces what stands in today's. What is of a wrong type or unknown is left for the API to
// name.
void use_todays_spelling(json::Value& backend, std::vector<std::string>& warnings);

}  // namespace sl::resource

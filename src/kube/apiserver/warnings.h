// Warnings of a write as Warning headers (RFC 7234 5.5, code 299, as Kubernetes' API server words them).
// Who calls: ApiServer. Thread: any. Limits: clients stop reading at 100 headers (Python) or 16 KiB (Node), and then
// take a write that was done for one that failed; so at most 32 and 4 KiB together, and a last one says how many are
// left out.
#pragma once

#include <string>
#include <vector>

namespace sl::kube {

// The headers' values. What is no printable character becomes a space; one warning is cut at 1 KiB.
std::vector<std::string> warning_headers(const std::vector<std::string>& warnings);

}  // namespace sl::kube

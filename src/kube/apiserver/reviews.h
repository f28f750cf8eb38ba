// The self-review kinds: `kubectl auth can-i` and `whoami` in a server with one all-powerful user.
// Who calls: apiserver. Thread: plain function.
#pragma once

#include <optional>

#include "json/value.h"
#include "net/http_server/server.h"

namespace sl::kube {

// nullopt when the request is not for a review kind.
std::optional<Result<json::Value>> serve_review(const net::HttpRequest& request, const std::string& user);

}  // namespace sl::kube

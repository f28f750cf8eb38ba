// Path, host and redirect targets. Who calls: pipeline. Thread: plain functions. Source: Gateway API
// HTTPURLRewriteFilter, HTTPRequestRedirectFilter.
#pragma once

#include "proxy/pipeline/exchange.h"

namespace sl::proxy {

// Sets x.path and x.host from the client's, the rule's and the share's rewrites.
void rewrite_request(Exchange& x);
std::string redirect_location(const Exchange& x);

// `prefix` replaced at the start of `path` (which it matches element-wise).
std::string replace_prefix(std::string_view path, std::string_view prefix, std::string_view with);

}  // namespace sl::proxy

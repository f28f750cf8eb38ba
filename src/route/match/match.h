// Which listener and rule a request takes: Gateway API precedence over a Snapshot.
// Who calls: proxy for every request, app's `sightline route`. Thread: const, no allocation but for query matching.
// Source: Gateway API HTTPRoute, precedence of matches.
#pragma once

#include <functional>

#include "route/snapshot/snapshot.h"

namespace sl::route {

struct RequestView {
  std::string_view method;
  std::string_view host;  // may carry a port
  std::string_view path;  // without query
  std::string_view query;
  // The first field of that name, or nullopt.
  std::function<std::optional<std::string_view>(std::string_view name)> header;
};

struct MatchResult {
  const CompiledListener* listener = nullptr;
  const CompiledMatch* match = nullptr;
};

// The most specific listener of a bound address for this host; nullptr when none takes it.
const CompiledListener* pick_listener(const std::vector<const CompiledListener*>& listeners, std::string_view host);

MatchResult match_request(const std::vector<const CompiledListener*>& listeners, const RequestView& request);
// Why each of the listener's other matches is not taken, a line each, in the order of precedence (not for the data
// path).
std::vector<std::string> explain_others(const std::vector<const CompiledListener*>& listeners,
                                        const RequestView& request, const MatchResult& found);
std::string rule_name(const CompiledRule& rule);  // "INDEX (NAME)"

// A path with a "." or ".." segment matches nothing and is answered 400 (decision 0012).
bool has_dot_segment(std::string_view path);
inline constexpr std::string_view kDotSegment = "the path has a \".\" or \"..\" segment: send it resolved";

std::string_view host_without_port(std::string_view host);

}  // namespace sl::route

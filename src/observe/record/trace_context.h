// W3C trace context: the traceparent header. Who calls: proxy, agent. Thread: plain functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sl::observe {

struct TraceParent {
  std::string trace_id, span_id;
  bool sampled = true;  // the caller's wish, told on
};

// Strict: version, 32, 16 and 2 lower-case hex digits, ids not all zero. nullopt for anything else.
std::optional<TraceParent> parse_traceparent(std::string_view header);
std::string new_trace_id();
std::string new_span_id();
// The same, in place.
void new_trace_id(std::string& out);
void new_span_id(std::string& out);

}  // namespace sl::observe

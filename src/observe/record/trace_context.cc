#include "observe/record/trace_context.h"

#include "base/ids.h"

namespace sl::observe {

static bool hex(std::string_view s) {
  return s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
static bool hex_id(std::string_view s) {
  return hex(s) && s.find_first_not_of('0') != std::string_view::npos;
}

std::optional<TraceParent> parse_traceparent(std::string_view h) {
  bool framed = h.size() >= 55 && h[2] == '-' && h[35] == '-' && h[52] == '-' && (h.size() == 55 || h[55] == '-');
  std::string_view version = h.substr(0, 2);
  if (!framed || !hex(version) || version == "ff" || (version == "00" && h.size() > 55) || !hex(h.substr(53, 2)) ||
      !hex_id(h.substr(3, 32)) || !hex_id(h.substr(36, 16)))
    return std::nullopt;
  return TraceParent{std::string(h.substr(3, 32)), std::string(h.substr(36, 16))};
}

static void append_hex(uint64_t n, std::string& out) {
  char digits[16];
  for (size_t i = 0; i < sizeof digits; ++i) digits[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 15];
  out.append(digits, sizeof digits);
}

void new_trace_id(std::string& out) {
  out.clear();
  append_hex(fast_random() | 1, out);
  append_hex(fast_random(), out);
}
void new_span_id(std::string& out) {
  out.clear();
  append_hex(fast_random() | 1, out);
}
std::string new_trace_id() {
  std::string out;
  new_trace_id(out);
  return out;
}
std::string new_span_id() {
  std::string out;
  new_span_id(out);
  return out;
}

}  // namespace sl::observe

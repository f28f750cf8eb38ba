#include "observe/record/trace_context.h"

#include <bit>

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
  bool sampled = std::string_view("13579bdf").find(h[54]) != std::string_view::npos;  // the lowest bit
  return TraceParent{std::string(h.substr(3, 32)), std::string(h.substr(36, 16)), sampled};
}

// Eight hex digits, as the bytes of a number in the order they are written.
static constexpr uint64_t hex_digits(uint32_t n) {
  uint64_t x = __builtin_bswap32(n);
  x = (x | x << 16) & 0x0000FFFF0000FFFF;
  x = (x | x << 8) & 0x00FF00FF00FF00FF;
  x = (x >> 4 & 0x000F000F000F000F) | (x & 0x000F000F000F000F) << 8;  // a nibble to a byte, the higher first
  uint64_t letters = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
  return x + 0x3030303030303030 + letters * ('a' - '0' - 10);
}
static_assert(std::endian::native == std::endian::little, "hex_digits() writes the lowest byte first");
static_assert(hex_digits(0x0129abcf) == 0x6663626139323130);  // "0129abcf"

static void append_hex(uint64_t n, std::string& out) {
  uint64_t digits[] = {hex_digits(static_cast<uint32_t>(n >> 32)), hex_digits(static_cast<uint32_t>(n))};
  out.append(reinterpret_cast<const char*>(digits), sizeof digits);
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

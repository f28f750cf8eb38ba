// The traceparent header: only the strict form is taken, and the ids are the header's.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "observe/record/trace_context.h"

namespace sl::observe {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

bool is_id(std::string_view s, size_t size) {
  return s.size() == size && s.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         s.find_first_not_of('0') != std::string_view::npos;
}

void run(std::string_view text) {
  auto read = parse_traceparent(text);
  if (!read) return;
  check(is_id(read->trace_id, 32) && is_id(read->span_id, 16), "ids are ids", text);
  std::string written = "00-" + read->trace_id + "-" + read->span_id + "-";
  check(text.substr(2, 51) == std::string_view(written).substr(2), "ids are the header's", text);
  check(!text.starts_with("ff") && (!text.starts_with("00") || text.size() == 55), "the version is one of W3C", text);
  for (auto flags : {"00", "01"}) {
    auto again = parse_traceparent(written + flags);
    check(again && again->trace_id == read->trace_id && again->span_id == read->span_id, "they come back", text);
  }
  check(!parse_traceparent(text.substr(0, 54)) && !parse_traceparent(" " + std::string(text)), "it is strict", text);
}

}  // namespace
}  // namespace sl::observe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::observe::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

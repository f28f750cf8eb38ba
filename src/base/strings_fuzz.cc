// Strings from outside: what is encoded decodes to itself, what decodes encodes to the same meaning.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace sl {
namespace {

constexpr int64_t kFirstMs = -62'167'219'200'000, kLastMs = 253'402'300'799'999;  // the years 0000 to 9999

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

void check_codes(std::string_view text) {
  check(base64_decode(base64_encode(text)) == text, "base64 comes back", text);
  if (auto bytes = base64_decode(text))
    check(base64_decode(base64_encode(*bytes)) == *bytes && bytes->size() <= text.size() / 4 * 3, "base64 decodes once",
          text);
  check(percent_decode(percent_encode(text)) == text, "percent encoding comes back", text);
  check(percent_decode(percent_encode(text), true) == text, "in a query string too", text);
  auto plain = percent_decode(text), query = percent_decode(text, true);
  check(plain.has_value() == query.has_value(), "plus is never malformed", text);
  if (plain) check(plain->size() <= text.size() && plain->size() == query->size(), "decoding does not grow", text);
  if (text.find_first_of("%+") == std::string_view::npos) check(plain == text && query == text, "plain stays", text);
  check(hex(text).size() == 2 * text.size(), "two digits for a byte", text);
}

void check_utf8(std::string_view text) {
  std::string clean = clean_utf8(text);
  check(valid_utf8(clean) && clean.size() == text.size(), "cleaned is UTF-8", text);
  if (!valid_utf8(text)) return;
  check(clean == text, "UTF-8 stays", text);
  for (size_t n = 0; n <= text.size() && n < 40; ++n) {
    std::string cut = truncate_utf8(text, n);
    check(valid_utf8(cut) && cut.size() <= n && cut.size() + 3 >= n && text.starts_with(cut), "cut between characters",
          text);
  }
}

void check_times(int64_t ms, bool with_ms) {
  if (ms < kFirstMs || ms > kLastMs) return;
  std::string text = rfc3339(ms, with_ms);
  auto back = parse_rfc3339(text);
  int64_t wanted = with_ms ? ms : ms - ((ms % 1000) + 1000) % 1000;
  check(back == wanted, "a time comes back", text);
}

void check_time_text(std::string_view text) {
  auto ms = parse_rfc3339(text);
  if (!ms) return;
  check(*ms >= kFirstMs - 86'400'000 && *ms <= kLastMs + 86'401'000, "a time is of four digits of year", text);
  check_times(*ms, true);
  check_times(*ms, false);
}

void check_pieces(std::string_view text) {
  std::vector<std::string> parts;
  for (auto p : split(text, ',')) parts.emplace_back(p);
  check(join(parts, ",") == text, "what is split joins", text);
  check(replace_all(text, ",", ",") == text, "replaced by itself it stays", text);
  check(trim(trim(text)) == trim(text), "trimmed once is trimmed", text);
  check(iequals(to_lower(text), text), "case does not matter", text);
  check(same_secret(text, std::string(text)) && !same_secret(text, std::string(text) + "x"), "secrets compare", text);
  if (auto n = parse_int(text)) {
    std::string out;
    append_number(*n, out);
    check(parse_int(out) == n, "a number comes back", text);
  }
  if (auto n = parse_uint(text)) check(text[0] != '-' && text[0] != '+', "no sign", text);
}

void run(std::string_view text) {
  check_codes(text);
  check_utf8(text);
  check_time_text(text);
  check_pieces(text);
  int64_t ms = 0;
  std::memcpy(&ms, text.data(), std::min(text.size(), sizeof ms));
  check_times(ms % (kLastMs + 1), text.size() % 2);
}

}  // namespace
}  // namespace sl

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

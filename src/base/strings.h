// Small string functions with no allocation where a view will do.
// Who calls: everybody. Thread: any. ASCII only: case folding is for protocol tokens, not for text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sl {

inline char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
inline bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  return true;
}
std::string to_lower(std::string_view s);
std::string_view trim(std::string_view s);  // spaces, tabs, CR, LF at both ends

// Pieces between separators; an empty string gives one empty piece.
std::vector<std::string_view> split(std::string_view s, char sep);
std::string join(const std::vector<std::string>& parts, std::string_view sep);
std::string replace_all(std::string_view s, std::string_view from, std::string_view to);

void append_number(int64_t n, std::string& out);  // decimal
// Whole-string decimal, no sign for the unsigned form; nullopt on anything else or overflow.
std::optional<int64_t> parse_int(std::string_view s);
std::optional<uint64_t> parse_uint(std::string_view s);

std::string hex(std::string_view bytes);
std::string base64_encode(std::string_view bytes);
// Standard alphabet, padding required unless the length is right without; nullopt on bad input.
std::optional<std::string> base64_decode(std::string_view text);

// %XX decoding (RFC 3986 2.1); nullopt on a malformed escape. plus_is_space for query strings.
std::optional<std::string> percent_decode(std::string_view s, bool plus_is_space = false);
std::string percent_encode(std::string_view s);  // everything but unreserved characters

bool valid_utf8(std::string_view s);
// At most `bytes` bytes of valid UTF-8, never ending inside a character.
std::string truncate_utf8(std::string_view s, size_t bytes);
// Bytes that are not UTF-8 replaced by "?".
std::string clean_utf8(std::string_view s);
// Valid UTF-8 that a terminal only prints: control characters (C0 but for those in `kept`, DEL, C1) become spaces.
std::string printable(std::string_view s, std::string_view kept = "\n\t");
// Comparison whose time does not tell where two secrets differ.
bool same_secret(std::string_view a, std::string_view b);

// RFC 3339 in UTC from Unix milliseconds: seconds precision, or with .mmm.
std::string rfc3339(int64_t unix_ms, bool with_ms = false);
// nullopt when the text is not RFC 3339.
std::optional<int64_t> parse_rfc3339(std::string_view s);

}  // namespace sl

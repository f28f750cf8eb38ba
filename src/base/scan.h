// Scans over many bytes at once, for what every request passes through.
// Who calls: json, codec, proxy. Thread: plain functions.
#pragma once

#include <cstring>
#include <string_view>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sl {
namespace scan {

constexpr size_t kStep = 16;

// Of the kStep bytes at `p`, a bit for each that is below `below`, or equal to `a` or `b`.
inline unsigned marks(const char* p, unsigned char below, char a, char b) {
#ifdef __SSE2__
  __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(static_cast<char>(below - 1))), x);
  __m128i same = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(a)), _mm_cmpeq_epi8(x, _mm_set1_epi8(b)));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, same)));
#else
  unsigned out = 0;
  for (size_t i = 0; i < kStep; ++i)
    out |= (static_cast<unsigned char>(p[i]) < below || p[i] == a || p[i] == b ? 1u : 0u) << i;
  return out;
#endif
}

// Where the first byte below `below`, or equal to `a` or `b`, stands; text.size() if there is none.
inline size_t find(std::string_view text, unsigned char below, char a, char b) {
  size_t i = 0;
  for (; i + kStep <= text.size(); i += kStep)
    if (unsigned found = marks(text.data() + i, below, a, b)) return i + static_cast<size_t>(__builtin_ctz(found));
  if (i == text.size()) return i;
  char last[kStep];
  std::memset(last, 'x', kStep);
  std::memcpy(last, text.data() + i, text.size() - i);
  unsigned found = marks(last, below, a, b);
  return found ? i + static_cast<size_t>(__builtin_ctz(found)) : text.size();
}

}  // namespace scan

// The first byte that a JSON string may not hold as it is (RFC 8259 7); text.size() if there is none.
inline size_t find_json_special(std::string_view text) {
  return scan::find(text, 0x20, '"', '\\');
}

// The same, and whether the bytes up to there, and perhaps some behind, are ASCII.
inline size_t find_json_special(std::string_view text, bool& ascii) {
  size_t i = 0;
#ifdef __SSE2__
  __m128i all = _mm_setzero_si128();
  unsigned found = 0;
  for (; !found && i + scan::kStep <= text.size(); i += scan::kStep) {
    all = _mm_or_si128(all, _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i)));
    found = scan::marks(text.data() + i, 0x20, '"', '\\');
  }
  ascii = !_mm_movemask_epi8(all);
  if (found) return i - scan::kStep + static_cast<size_t>(__builtin_ctz(found));
#else
  ascii = true;
#endif
  for (; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == '"' || c == '\\') break;
    ascii &= c < 0x80;
  }
  return i;
}

// The first control character; text.size() if there is none. A tab is one.
inline size_t find_control(std::string_view text) {
  return scan::find(text, 0x20, 0x7f, 0x7f);
}

// Where the first "\r\n\r\n" at or after `from` begins; npos if there is none.
inline size_t find_blank_line(std::string_view text, size_t from) {
  auto here = [&](size_t i) { return std::memcmp(text.data() + i, "\r\n\r\n", 4) == 0; };
  size_t i = from;
#ifdef __SSE2__
  const __m128i cr = _mm_set1_epi8('\r');
  auto at = [&](size_t where) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + where)); };
  for (; i + scan::kStep + 3 <= text.size(); i += scan::kStep) {
    auto found = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(at(i), cr), _mm_cmpeq_epi8(at(i + 2), cr))));
    for (; found; found &= found - 1)
      if (size_t where = i + static_cast<size_t>(__builtin_ctz(found)); here(where)) return where;
  }
#endif
  for (; i + 4 <= text.size(); ++i)
    if (here(i)) return i;
  return std::string_view::npos;
}

}  // namespace sl

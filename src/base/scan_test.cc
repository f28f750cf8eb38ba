// Scans of many bytes at once: the answer of a plain loop, wherever the byte stands and however long the text is.
#include "base/scan.h"

#include <gtest/gtest.h>

#include <string>

namespace sl {
namespace {

constexpr size_t kLongest = 40;  // more than two steps

// `text` of 'a' with `byte` at `at`.
std::string with(size_t size, size_t at, char byte) {
  std::string text(size, 'a');
  text[at] = byte;
  return text;
}

template <class Scan>
void finds(Scan scan, char byte) {
  for (size_t size = 1; size <= kLongest; ++size)
    for (size_t at = 0; at < size; ++at)
      EXPECT_EQ(scan(with(size, at, byte)), at) << "byte " << int(byte) << " at " << at << " of " << size;
}
template <class Scan>
void passes(Scan scan, char byte) {
  for (size_t size : {0, 1, 15, 16, 17, 31, 32, 33}) {
    std::string text(static_cast<size_t>(size), byte);
    EXPECT_EQ(scan(text), text.size()) << "byte " << int(byte);
  }
}

TEST(Scan, Controls) {
  auto scan = [](std::string_view s) { return find_control(s); };
  for (char c : {'\0', '\x01', '\t', '\r', '\n', '\x1f', '\x7f'}) finds(scan, c);
  for (char c : {' ', 'x', '~', '\x80', '\xff'}) passes(scan, c);
}

TEST(Scan, JsonSpecials) {
  auto scan = [](std::string_view s) { return find_json_special(s); };
  auto with_ascii = [](std::string_view s) {
    bool ascii;
    return find_json_special(s, ascii);
  };
  for (char c : {'\0', '\x1f', '"', '\\'}) {
    finds(scan, c);
    finds(with_ascii, c);
  }
  for (char c : {' ', '\x7f', '\x80', '\xff'}) {
    passes(scan, c);
    passes(with_ascii, c);
  }
}

// It may look behind what it found, and say "not ASCII" of that; never the other way round.
TEST(Scan, Ascii) {
  for (size_t size = 1; size <= kLongest; ++size)
    for (size_t at = 0; at < size; ++at) {
      bool ascii = true;
      find_json_special(with(size, at, '\x80'), ascii);
      EXPECT_FALSE(ascii) << at << " of " << size;
    }
  bool ascii = false;
  find_json_special(std::string(kLongest, 'a'), ascii);
  EXPECT_TRUE(ascii);
}

TEST(Scan, BlankLine) {
  for (size_t size = 4; size <= kLongest; ++size)
    for (size_t at = 0; at + 4 <= size; ++at)
      for (char filling : {'a', '\r', '\n'}) {
        std::string text(size, filling);
        text.replace(at, 4, "\r\n\r\n");
        for (size_t from = 0; from <= size; ++from)
          EXPECT_EQ(find_blank_line(text, from), text.find("\r\n\r\n", from))
              << at << " of " << size << " from " << from;
      }
  for (auto text : {"", "\r", "\r\n\r", "\r\n\n\r\n\r\r\n", "a\r\nb\r\n", "\r\r\n\n"})
    EXPECT_EQ(find_blank_line(text, 0), std::string_view::npos) << text;
}

}  // namespace
}  // namespace sl

#include "codec/http1/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sl::http1 {
namespace {

using ::testing::HasSubstr;

// What came of a body given in pieces.
struct Outcome {
  std::string payload;
  std::string error;
  std::string rest;  // not taken
  bool done = false;
  bool end_ok = false;
  bool operator==(const Outcome&) const = default;
};
void PrintTo(const Outcome& o, std::ostream* os) {
  *os << "payload=" << o.payload << " error=" << o.error << " rest=" << o.rest << " done=" << o.done
      << " end_ok=" << o.end_ok;
}

Outcome run(BodyDecoder decoder, const std::vector<std::string>& pieces) {
  Outcome out;
  for (auto& piece : pieces) {
    std::string_view input = piece;
    for (;;) {
      auto part = decoder.next(input);
      if (!part) {
        out.error = std::string(code_name(part.error().code)) + ": " + part.error().message;
        return out;
      }
      if (part->empty()) break;
      out.payload += *part;
    }
    out.rest += input;
  }
  out.done = decoder.done();
  out.end_ok = decoder.end_of_input();
  return out;
}

Outcome chunked(const std::string& text) {
  return run(BodyDecoder(Framing::Chunked, 0), {text});
}

std::vector<std::string> bytes_of(const std::string& text) {
  std::vector<std::string> out;
  for (char c : text) out.emplace_back(1, c);
  return out;
}

// Every cut in two, every byte alone, and every byte alone with empty pieces between.
void expect_same_for_every_split(const std::function<BodyDecoder()>& make, const std::string& text) {
  Outcome whole = run(make(), {text});
  for (size_t cut = 0; cut <= text.size(); ++cut)
    ASSERT_EQ(run(make(), {text.substr(0, cut), text.substr(cut)}), whole) << "cut at " << cut;
  std::vector<std::string> apart = bytes_of(text), spaced;
  EXPECT_EQ(run(make(), apart), whole);
  for (auto& b : apart) spaced.insert(spaced.end(), {b, ""});
  EXPECT_EQ(run(make(), spaced), whole);
}

constexpr const char* kAll =
    "5\r\nhello\r\nA;ext=\"v;w\"\r\n, \r\nworld!\r\n0001\r\n\n\r\n0\r\nX-Trailer: a\r\nY: "
    "b\r\n\r\nNEXT";

TEST(Body, NoneIsDoneAtOnce) {
  Outcome o = run(BodyDecoder(Framing::None, 0), {"GET /"});
  EXPECT_TRUE(o.done);
  EXPECT_TRUE(o.end_ok);
  EXPECT_EQ(o.payload, "");
  EXPECT_EQ(o.rest, "GET /");
  EXPECT_TRUE(BodyDecoder().done());
  EXPECT_TRUE(BodyDecoder(Framing::Length, 0).done());
}

TEST(Body, LengthTakesExactlyThatMuch) {
  auto make = [] { return BodyDecoder(Framing::Length, 5); };
  Outcome o = run(make(), {"helloGET /"});
  EXPECT_EQ(o.payload, "hello");
  EXPECT_EQ(o.rest, "GET /");
  EXPECT_TRUE(o.done);
  expect_same_for_every_split(make, "helloGET /");
  o = run(make(), {"hell"});
  EXPECT_FALSE(o.done);
  EXPECT_FALSE(o.end_ok);
}

TEST(Body, UntilCloseTakesEverything) {
  auto make = [] { return BodyDecoder(Framing::UntilClose, 0); };
  Outcome o = run(make(), {"abc", "def"});
  EXPECT_EQ(o.payload, "abcdef");
  EXPECT_FALSE(o.done);
  EXPECT_TRUE(o.end_ok);
  expect_same_for_every_split(make, "0\r\n\r\n");
}

TEST(Body, ReturnsViewsIntoTheInput) {
  BodyDecoder decoder(Framing::Chunked, 0);
  std::string text = "3\r\nabc\r\n";
  std::string_view input = text;
  auto part = decoder.next(input);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->data(), text.data() + 3);
  EXPECT_EQ(*part, "abc");
}

TEST(BodyChunked, DecodesAndStopsAtTheEnd) {
  Outcome o = chunked(kAll);
  EXPECT_EQ(o.error, "");
  EXPECT_EQ(o.payload, "hello, \r\nworld!\n");
  EXPECT_EQ(o.rest, "NEXT");
  EXPECT_TRUE(o.done);
  EXPECT_TRUE(o.end_ok);
}

TEST(BodyChunked, IsTheSameForEverySplit) {
  auto make = [] { return BodyDecoder(Framing::Chunked, 0); };
  expect_same_for_every_split(make, kAll);
  for (auto text : {"5\nhello\r\n", "5\r\nhelloX\r\n", "5\r\nhello\n0\r\n\r\n", "x\r\n", "0\r\nA: b\n\r\n",
                    "5 \r\nhello\r\n", "0\r\n\r\n", "5\r\nhel", "5\r\nhello\r", "0\r\n\r"})
    expect_same_for_every_split(make, text);
}

TEST(BodyChunked, IsNotDoneBeforeTheLastByte) {
  std::string text = "5\r\nhello\r\n0\r\nX: y\r\n\r\n";
  for (size_t n = 0; n < text.size(); ++n) {
    Outcome o = chunked(text.substr(0, n));
    EXPECT_FALSE(o.done) << n;
    EXPECT_FALSE(o.end_ok) << n;
    EXPECT_EQ(o.error, "") << n;
  }
  EXPECT_TRUE(chunked(text).done);
}

TEST(BodyChunked, SizesAreHexadecimal) {
  EXPECT_EQ(chunked("a\r\n0123456789\r\n0\r\n\r\n").payload, "0123456789");
  EXPECT_EQ(chunked("0A\r\n0123456789\r\n00\r\n\r\n").payload, "0123456789");
  EXPECT_EQ(chunked("1F\r\n" + std::string(31, 'x') + "\r\n0\r\n\r\n").payload.size(), 31u);
  EXPECT_TRUE(chunked("000\r\n\r\n").done);
}

TEST(BodyChunked, SpacesMayStandBeforeAnExtension) {
  for (auto line : {"5;ext", "5 ;ext=a", "5\t ;ext=\"b\""})
    EXPECT_EQ(chunked(std::string(line) + "\r\nhello\r\n0\r\n\r\n").payload, "hello") << line;
}

TEST(BodyChunked, RefusesMalformedSizes) {
  for (auto line : {"", " 5", "5 ", "5\t", "+5", "-5", "0x5", "5h", "g", "5,5", ";ext", " ", "5 x;ext", "\"5\"", "5.0"})
    EXPECT_EQ(chunked(std::string(line) + "\r\nhello\r\n0\r\n\r\n").error,
              "InvalidArgument: malformed HTTP body: chunk size")
        << line;
  EXPECT_NE(chunked(std::string("5\0\r\nhello\r\n", 11)).error, "");
}

TEST(BodyChunked, SizesHaveUpTo16Digits) {
  EXPECT_EQ(chunked("0000000000000005\r\nhello\r\n0\r\n\r\n").payload, "hello");
  EXPECT_NE(chunked("00000000000000005\r\nhello\r\n0\r\n\r\n").error, "");
  EXPECT_NE(chunked("10000000000000005\r\nhello\r\n0\r\n\r\n").error,
            "");  // 5 if the top were lost
  EXPECT_NE(chunked(std::string(200, '0') + "5\r\nhello\r\n0\r\n\r\n").error, "");
}

TEST(BodyChunked, RefusesBareLineFeeds) {
  constexpr const char* kWhy = "InvalidArgument: malformed HTTP body: chunk line ends in a bare LF";
  EXPECT_EQ(chunked("5\nhello\r\n0\r\n\r\n").error, kWhy);
  EXPECT_EQ(chunked("5\r\nhello\n0\r\n\r\n").error, kWhy);
  EXPECT_EQ(chunked("5;a\nb\r\nhello\r\n0\r\n\r\n").error, kWhy);
  EXPECT_EQ(chunked("0\n\r\n").error, kWhy);
  EXPECT_EQ(chunked("0\r\n\n").error, kWhy);
  EXPECT_EQ(chunked("0\r\nX: y\n\r\n").error, kWhy);
}

TEST(BodyChunked, RefusesCarriageReturnsInsideLines) {
  EXPECT_NE(chunked("5;a\rb\r\nhello\r\n0\r\n\r\n").error, "");
  EXPECT_NE(chunked("5\r\r\nhello\r\n0\r\n\r\n").error, "");
  EXPECT_NE(chunked("5;\r\r\nhello\r\n0\r\n\r\n").error, "");
  EXPECT_NE(chunked("0\r\nX: a\rY: b\r\n\r\n").error, "");
}

TEST(BodyChunked, RefusesDataThatDoesNotFitItsSize) {
  EXPECT_EQ(chunked("5\r\nhello world\r\n0\r\n\r\n").error,
            "InvalidArgument: malformed HTTP body: chunk longer than its size");
  EXPECT_NE(chunked("5\r\nhello0\r\n\r\n").error, "");
  EXPECT_NE(chunked("5\r\nhell\r\n0\r\n\r\n").error, "");
}

TEST(BodyChunked, LimitsChunkLinesWithTheirExtensions) {
  auto line = [](size_t total) { return "5;" + std::string(total - 4, 'e') + "\r\n"; };
  EXPECT_EQ(chunked(line(250) + "hello\r\n0\r\n\r\n").payload, "hello");
  std::string over = line(300) + "hello\r\n0\r\n\r\n";
  EXPECT_EQ(chunked(over).error, "InvalidArgument: malformed HTTP body: chunk line too long");
  EXPECT_EQ(run(BodyDecoder(Framing::Chunked, 0), bytes_of(over)).error, chunked(over).error);
  EXPECT_NE(chunked("5;" + std::string(100'000, 'e')).error,
            "");  // no line end yet: do not keep it
  EXPECT_NE(chunked("5\r\nhello" + std::string(300, ' ')).error, "");
}

TEST(BodyChunked, LimitsTrailers) {
  auto with_trailers = [](size_t lines, size_t size) {
    std::string text = "0\r\n";
    for (size_t i = 0; i < lines; ++i) text += "X: " + std::string(size - 3, 't') + "\r\n";
    return text + "\r\n";
  };
  EXPECT_TRUE(chunked(with_trailers(7, 1000)).done);
  EXPECT_THAT(chunked(with_trailers(9, 1000)).error, HasSubstr("TooLarge"));
  EXPECT_THAT(chunked(with_trailers(1, 8300)).error, HasSubstr("TooLarge"));
  EXPECT_NE(chunked(with_trailers(1, 100'000)).error, "");
  EXPECT_NE(run(BodyDecoder(Framing::Chunked, 0), bytes_of(with_trailers(3000, 4))).error, "");
}

// Another request taken for trailers would be swallowed or smuggled.
TEST(BodyChunked, RefusesTrailersThatAreNotFields) {
  for (auto trailer : {"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n", "X : a\r\n\r\n", " X: a\r\n\r\n", ": a\r\n\r\n",
                       "X: a\r\n b\r\n\r\n"})
    EXPECT_NE(chunked(std::string("0\r\n") + trailer).error, "") << trailer;
}

TEST(BodyChunked, HeadsReadBack) {
  std::string out = "x";
  append_chunk_head(0x1a2b, out);
  EXPECT_EQ(out, "x1a2b\r\n");
  std::string text, payload;
  for (size_t size : {1u, 15u, 16u, 255u, 4096u, 70'000u}) {
    std::string data(size, static_cast<char>('a' + size % 26));
    append_chunk_head(size, text);
    text += data + "\r\n";
    payload += data;
  }
  Outcome o = chunked(text + std::string(kLastChunk));
  EXPECT_TRUE(o.done);
  EXPECT_EQ(o.payload, payload);
}

}  // namespace
}  // namespace sl::http1

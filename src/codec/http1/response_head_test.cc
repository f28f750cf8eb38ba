#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "codec/http1/head.h"

namespace sl::http1 {
namespace {

using ::testing::HasSubstr;

std::string response(std::string_view status, std::string_view lines = "", std::string_view version = "HTTP/1.1") {
  return std::string(version) + " " + std::string(status) + "\r\n" + std::string(lines) + "\r\n";
}

// A parsed head with the text that its views point into.
class Parsed {
 public:
  explicit Parsed(std::string text, bool to_head = false) : text_(std::make_unique<std::string>(std::move(text))) {
    auto r = parse_response(*text_, head_, to_head);
    EXPECT_TRUE(r) << *text_ << (r ? "" : r.error().message);
  }
  const ResponseHead* operator->() const { return &head_; }

 private:
  std::unique_ptr<std::string> text_;
  ResponseHead head_;
};

std::string refusal(const std::string& text, const HeadLimits& limits = {}) {
  ResponseHead head;
  auto r = parse_response(text, head, false, limits);
  return r ? "" : std::string(code_name(r.error().code)) + ": " + r.error().message;
}

TEST(ParseResponse, ReadsAllParts) {
  std::string text = "HTTP/1.1 404 Not  Found here\r\nContent-Length: 3\r\nX-A: b\r\n\r\n";
  ResponseHead head;
  ASSERT_TRUE(parse_response(text, head, false));
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not  Found here");
  EXPECT_EQ(head.framing, Framing::Length);
  EXPECT_EQ(head.content_length, 3u);
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.bytes, text.size());
  EXPECT_EQ(head.field("x-a"), "b");
  EXPECT_TRUE(head.keep_alive);
}

TEST(ParseResponse, ReasonMayBeEmptyOrAbsent) {
  EXPECT_EQ(Parsed(response("200 "))->reason, "");
  EXPECT_EQ(Parsed(response("200"))->reason, "");
  EXPECT_EQ(Parsed(response("200"))->status, 200);
}

TEST(ParseResponse, RefusesMalformedStatusLines) {
  for (auto status :
       {"", "20", "2000", "2000 OK", "200OK", "099 x", "600 x", "+20 x", "-20 x", "2 0 x", "abc x", " 200 x", "20x x"})
    EXPECT_THAT(refusal(response(status)), HasSubstr("InvalidArgument: malformed HTTP message: ")) << status;
  for (auto version : {"HTTP/2.0", "http/1.1", "HTTP/1.", "HTTX/1.1", "ICY", "HTTP/1.1 "})
    EXPECT_THAT(refusal(response("200 OK", "", version)), HasSubstr("malformed HTTP message")) << version;
  EXPECT_THAT(refusal(response("200 a\x01")), HasSubstr("control character in the reason phrase"));
  for (auto text : {"HTTP/1.1X200 OK\r\n\r\n", "HTTP\r\n\r\n", "\r\n\r\n", "\r\n", ""})
    EXPECT_THAT(refusal(text), HasSubstr("malformed HTTP message")) << text;
  EXPECT_THAT(refusal("HTTP/1.1 200 OK\n\r\n"), HasSubstr("bare LF"));
  EXPECT_THAT(refusal("HTTP/1.1 200 a\rb\r\n\r\n"), HasSubstr("control character"));
}

TEST(ParseResponse, FieldsAreAsStrictAsInRequests) {
  for (auto lines : {"X : a\r\n", " X: a\r\n", "X: a\r\n b\r\n", "X\r\n", "X: \x01\r\n",
                     "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n",
                     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
                     "Transfer-Encoding: chunked, chunked\r\n", "X: a\nY: b\r\n"})
    EXPECT_THAT(refusal(response("200 OK", lines)), HasSubstr("malformed HTTP message")) << lines;
}

// RFC 9112 6.1: Transfer-Encoding in an HTTP/1.0 message means faulty framing.
TEST(ParseResponse, RefusesTransferEncodingInHttp10) {
  EXPECT_THAT(refusal(response("200 OK", "Transfer-Encoding: chunked\r\n", "HTTP/1.0")),
              HasSubstr("malformed HTTP message"));
}

TEST(ParseResponse, FramingFollowsTheFields) {
  EXPECT_EQ(Parsed(response("200 OK"))->framing, Framing::UntilClose);
  EXPECT_EQ(Parsed(response("200 OK", "Content-Length: 0\r\n"))->framing, Framing::None);
  EXPECT_EQ(Parsed(response("200 OK", "Content-Length: 7\r\n"))->framing, Framing::Length);
  EXPECT_EQ(Parsed(response("200 OK", "Transfer-Encoding: chunked\r\n"))->framing, Framing::Chunked);
}

TEST(ParseResponse, SomeResponsesHaveNoBodyWhateverTheySay) {
  for (auto lines : {"", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n"}) {
    for (auto status :
         {"100 Continue", "101 Switching Protocols", "103 Early Hints", "204 No Content", "304 Not Modified"}) {
      EXPECT_EQ(Parsed(response(status, lines))->framing, Framing::None) << status << lines;
      EXPECT_TRUE(Parsed(response(status, lines))->keep_alive);
    }
    EXPECT_EQ(Parsed(response("200 OK", lines), true)->framing, Framing::None);
    EXPECT_TRUE(Parsed(response("200 OK", lines), true)->keep_alive);
    EXPECT_NE(Parsed(response("205 Reset Content", lines))->framing, Framing::None);
  }
}

TEST(ParseResponse, KeepAlive) {
  constexpr std::string_view kLength = "Content-Length: 1\r\n";
  auto keeps = [&](std::string_view lines, std::string_view version = "HTTP/1.1") {
    return Parsed(response("200 OK", std::string(kLength) + std::string(lines), version))->keep_alive;
  };
  EXPECT_TRUE(keeps(""));
  EXPECT_FALSE(keeps("Connection: Close\r\n"));
  EXPECT_EQ(Parsed(response("200 OK", "", "HTTP/1.0"))->minor_version, 0);
  EXPECT_FALSE(keeps("", "HTTP/1.0"));
  EXPECT_TRUE(keeps("Connection: keep-alive\r\n", "HTTP/1.0"));
  EXPECT_FALSE(Parsed(response("200 OK"))->keep_alive);  // ends with the connection
  EXPECT_FALSE(Parsed(response("200 OK", "Connection: keep-alive\r\n"))->keep_alive);
}

TEST(ParseResponse, LimitsBytesAndFields) {
  std::string text = response("200 OK", "X: abc\r\nY: d\r\n");
  EXPECT_EQ(refusal(text, {.bytes_max = text.size()}), "");
  EXPECT_EQ(refusal(text, {.bytes_max = text.size() - 1}), "TooLarge: response head is too large");
  EXPECT_EQ(refusal(text, {.fields_max = 2}), "");
  EXPECT_EQ(refusal(text, {.fields_max = 1}), "TooLarge: too many header fields");
}

TEST(ParseResponse, LeavesNothingOfAnEarlierHead) {
  std::string first = response("404 Gone", "Content-Length: 9\r\nConnection: close\r\n"),
              second = response("200", "Transfer-Encoding: chunked\r\n");
  ResponseHead head;
  ASSERT_TRUE(parse_response(first, head, false));
  ASSERT_TRUE(parse_response(second, head, false));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.reason, "");
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_EQ(head.framing, Framing::Chunked);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.fields.size(), 1u);
}

}  // namespace
}  // namespace sl::http1

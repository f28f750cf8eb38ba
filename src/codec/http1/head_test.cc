#include "codec/http1/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace sl::http1 {
namespace {

using std::string_view_literals::operator""sv;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Error text with its code in front, "" if the text parses.
std::string refusal(std::string_view text, const HeadLimits& limits = {}) {
  RequestHead head;
  auto r = parse_request(text, head, limits);
  return r ? "" : std::string(code_name(r.error().code)) + ": " + r.error().message;
}

// A request with these field lines after a valid Host.
std::string with_fields(std::string_view lines) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}

// A request with this target and nothing else.
std::string with_target(std::string_view target, std::string_view method = "GET") {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: field.example\r\n\r\n";
}

// A parsed head with the text that its views point into.
class Parsed {
 public:
  explicit Parsed(std::string text) : text_(std::make_unique<std::string>(std::move(text))) {
    auto r = parse_request(*text_, head_);
    EXPECT_TRUE(r) << *text_ << (r ? "" : r.error().message);
  }
  const RequestHead* operator->() const { return &head_; }

 private:
  std::unique_ptr<std::string> text_;
  RequestHead head_;
};

void expect_refused(std::initializer_list<std::string_view> field_lines, const char* why) {
  for (auto lines : field_lines)
    EXPECT_THAT(refusal(with_fields(lines)), HasSubstr(std::string("InvalidArgument: malformed HTTP message: ") + why))
        << lines;
}

TEST(FindHeadEnd, IsJustPastTheBlankLine) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n";
  EXPECT_EQ(find_head_end(text, 0), text.find("body"));
  EXPECT_EQ(find_head_end("", 0), 0u);
  EXPECT_EQ(find_head_end("a\r\n\r", 0), 0u);
  EXPECT_EQ(find_head_end("a\n\n", 0), 0u);
  EXPECT_EQ(find_head_end("\r\n\r\n", 0), 4u);
}

TEST(FindHeadEnd, WorksForEveryArrival) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
  size_t end = text.find("body");
  for (size_t seen = 0; seen < end; ++seen) {
    EXPECT_EQ(find_head_end(std::string_view(text).substr(0, seen), 0), 0u);
    for (size_t now = seen; now <= text.size(); ++now)
      EXPECT_EQ(find_head_end(std::string_view(text).substr(0, now), seen), now < end ? 0 : end) << seen << " " << now;
  }
  EXPECT_EQ(find_head_end("ab", 50), 0u);
}

TEST(ParseRequest, ReadsAllParts) {
  std::string text =
      "POST /a/b?c=d HTTP/1.1\r\nhOST:  example.com:8080\t\r\nX-A: 1, \"2\"\r\nX-Empty:\r\nx-a: "
      "3\r\n\r\n";
  Parsed head(text);
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/a/b?c=d");
  EXPECT_EQ(head->host, "example.com:8080");
  EXPECT_EQ(head->minor_version, 1);
  EXPECT_EQ(head->bytes, text.size());
  EXPECT_EQ(head->framing, Framing::None);
  EXPECT_TRUE(head->keep_alive);
  EXPECT_FALSE(head->expect_continue);
  ASSERT_EQ(head->fields.size(), 4u);
  EXPECT_EQ(head->fields[0].name, "hOST");
  EXPECT_EQ(head->field("X-a"), "1, \"2\"");
  EXPECT_EQ(head->field("x-empty"), "");
  EXPECT_EQ(head->field("x-none"), std::nullopt);
}

TEST(ParseRequest, LeavesNothingOfAnEarlierHead) {
  RequestHead head;
  ASSERT_TRUE(
      parse_request("POST http://u.example/ HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", head));
  ASSERT_TRUE(parse_request("GET / HTTP/1.1\r\nHost: b\r\n\r\n", head));
  EXPECT_EQ(head.host, "b");
  EXPECT_EQ(head.framing, Framing::None);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_EQ(head.fields.size(), 1u);
}

TEST(ParseRequest, RefusesMalformedRequestLines) {
  for (auto line : {"", "GET", "GET /", "GET  HTTP/1.1", "GET  / HTTP/1.1", "GET / a HTTP/1.1", "GET / HTTP/1.1 ",
                    " GET / HTTP/1.1", "GET\t/\tHTTP/1.1", "GET / HTTP/1.1\t", "G@T / HTTP/1.1", "GET /\x01 HTTP/1.1",
                    "GET /\x7f HTTP/1.1", "GET /\t HTTP/1.1", "GET / HTTP/1.1\r"})
    EXPECT_THAT(refusal(std::string(line) + "\r\nHost: a\r\n\r\n"),
                HasSubstr("InvalidArgument: malformed HTTP message: "))
        << line;
  EXPECT_NE(refusal(std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28)), "");
}

TEST(ParseRequest, RefusesOtherVersions) {
  for (auto version :
       {"HTTP/2.0", "HTTP/1.", "HTTP/0.9", "http/1.1", "HTTP/1.10", "HTTP/1", "HTTP/1.1x", "HTTPS/1.1", "HTTP/01.1"})
    EXPECT_THAT(refusal(std::string("GET / ") + version + "\r\nHost: a\r\n\r\n"), HasSubstr("version is not HTTP/1.0"))
        << version;
}

TEST(ParseRequest, RefusesBareLineFeedsAndCarriageReturns) {
  EXPECT_THAT(refusal("GET / HTTP/1.1\nHost: a\r\n\r\n"), HasSubstr("bare LF"));
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\nHost: a\n\r\n"), HasSubstr("bare LF"));
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"), HasSubstr("bare LF"));
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\nHost: a\r\n\n"), HasSubstr("bare LF"));
  EXPECT_THAT(refusal("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("bare LF"));
  EXPECT_THAT(refusal(with_fields("X: a\rY: b\r\n")), HasSubstr("control character in a header value"));
  EXPECT_THAT(refusal(with_fields("X: a\r\r\n")), HasSubstr("control character in a header value"));
  EXPECT_THAT(refusal(with_fields("\rX: a\r\n")), HasSubstr("invalid header name"));
}

TEST(ParseRequest, RefusesAControlCharacterWhereverItStands) {
  for (size_t size : {1u, 15u, 16u, 17u, 31u, 40u})
    for (size_t at = 0; at < size; ++at)
      for (char bad : {'\0', '\r', '\x1f', '\x7f'}) {
        std::string value(size, 'v');
        value[at] = bad;
        EXPECT_THAT(refusal(with_fields("X: v" + value + "v\r\n")), HasSubstr("control character in a header value"))
            << size << " " << at;
      }
}

TEST(ParseRequest, RefusesTextCutOrContinued) {
  std::string text = with_fields("X: a\r\n");
  for (size_t n = 0; n < text.size(); ++n) EXPECT_NE(refusal(text.substr(0, n)), "") << n;
  EXPECT_THAT(refusal(text + "x"), HasSubstr("bytes after the head"));
  EXPECT_THAT(refusal(text.substr(0, text.size() - 2)), HasSubstr("line without an end"));
}

TEST(ParseRequest, RefusesFoldedLines) {
  expect_refused({" X: a\r\n", "\tX: a\r\n", "X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "X: a\r\n \r\n"},
                 "folded header line");
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), HasSubstr("folded"));
}

TEST(ParseRequest, RefusesBadFieldNames) {
  expect_refused(
      {"X : a\r\n", "X\t: a\r\n", ": a\r\n", "X Y: a\r\n", "X(: a\r\n", "\xC3\xA9: a\r\n",
       "Transfer-Encoding : chunked\r\n", "Content-Length\x0b: 5\r\n", "X[]: a\r\n", "\"X\": a\r\n", "X\x7f: a\r\n"},
      "invalid header name");
  expect_refused({"X\r\n", "no colon here\r\n"}, "header line without a colon");
}

TEST(ParseRequest, RefusesControlCharactersInValues) {
  for (int c = 0; c < 0x20; ++c) {
    std::string lines = std::string("X: a") + static_cast<char>(c) + "b\r\n";
    if (c == '\t')
      EXPECT_EQ(refusal(with_fields(lines)), "");
    else
      EXPECT_NE(refusal(with_fields(lines)), "") << c;
  }
  expect_refused({"X: a\x7f\r\n", "X: \x01\r\n"}, "control character in a header value");
  EXPECT_EQ(refusal(with_fields("X: caf\xC3\xA9 \xFF\r\n")), "");  // obs-text
}

TEST(ParseRequest, TakesOneContentLength) {
  Parsed head(with_fields("content-length: 12\r\n"));
  EXPECT_EQ(head->framing, Framing::Length);
  EXPECT_EQ(head->content_length, 12u);
  EXPECT_EQ(Parsed(with_fields("Content-Length: 0\r\n"))->framing, Framing::None);
  EXPECT_EQ(Parsed(with_fields("Content-Length: 999999999999999999\r\n"))->content_length, 999'999'999'999'999'999u);
}

TEST(ParseRequest, RefusesBadContentLength) {
  expect_refused({"Content-Length: \r\n", "Content-Length: +5\r\n", "Content-Length: -5\r\n", "Content-Length: 5,5\r\n",
                  "Content-Length: 5, 5\r\n", "Content-Length: 0x5\r\n", "Content-Length: 5 5\r\n",
                  "Content-Length: 5.0\r\n", "Content-Length: 5a\r\n", "Content-Length: \"5\"\r\n",
                  "Content-Length: 18446744073709551616\r\n", "Content-Length: 18446744073709551621\r\n",
                  "Content-Length: \xC2\xA0"
                  "5\r\n"},
                 "Content-Length is not a number");
  expect_refused({"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\ncontent-length: 6\r\n",
                  "Content-Length: 0\r\nX: y\r\nContent-Length: 5\r\n"},
                 "repeated Content-Length");
}

TEST(ParseRequest, TakesOneChunkedCoding) {
  EXPECT_EQ(Parsed(with_fields("Transfer-Encoding: chunked\r\n"))->framing, Framing::Chunked);
  EXPECT_EQ(Parsed(with_fields("transfer-encoding: \t CHUNKED \r\n"))->framing, Framing::Chunked);
}

TEST(ParseRequest, RefusesOtherTransferEncodings) {
  expect_refused(
      {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
       "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding: \r\n",
       "Transfer-Encoding: chunked;q=1\r\n", "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: \"chunked\"\r\n",
       "Transfer-Encoding: chunked,\r\n", "Transfer-Encoding: ,chunked\r\n",
       "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
       "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"},
      "Transfer-Encoding other than one \"chunked\"");
  EXPECT_THAT(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
              HasSubstr("Transfer-Encoding in HTTP/1.0"));
}

TEST(ParseRequest, RefusesLengthWithTransferEncoding) {
  expect_refused(
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
       "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"},
      "both Content-Length and Transfer-Encoding");
}

TEST(ParseRequest, WantsOneHost) {
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\n\r\n"), HasSubstr("HTTP/1.1 request without Host"));
  EXPECT_THAT(refusal("GET http://a/ HTTP/1.1\r\n\r\n"), HasSubstr("HTTP/1.1 request without Host"));
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), HasSubstr("more than one Host"));
  EXPECT_THAT(refusal("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), HasSubstr("more than one Host"));
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\n\r\n")->host, "");
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\n\r\n")->minor_version, 0);
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\nHost: a\r\n\r\n")->host, "a");
}

// RFC 9112 3.2: a Host field with an invalid value is answered with 400.
TEST(ParseRequest, RefusesInvalidHostValues) {
  for (auto host : {"a b", "a,b", "a/b", "user@a", "a?b", "a#b", "http://a", "a\\b", "a:b:c", "a:80x", "a:x", "[::1",
                    "a<b>", "caf\xC3\xA9"})
    EXPECT_NE(refusal(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n"), "") << host;
  for (auto host :
       {"a", "a.example:8080", "127.0.0.1:1", "[::1]:80", "a_b.example", "xn--caf-dma.example", "a%20b", "A-1.", ""})
    EXPECT_EQ(refusal(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n"), "") << host;
}

TEST(ParseRequest, AbsoluteTargetsOverrideHost) {
  Parsed head(with_target("http://a.example:81/x?y=1"));
  EXPECT_EQ(head->host, "a.example:81");
  EXPECT_EQ(head->target, "/x?y=1");  // in origin form from here on
  head = Parsed(with_target("HTTPS://a.example"));
  EXPECT_EQ(head->host, "a.example");
  EXPECT_EQ(head->target, "/");
  EXPECT_EQ(Parsed(with_target("/http://b/"))->host, "field.example");
}

TEST(ParseRequest, RefusesTargetsThatAreNeitherPathNorUrl) {
  for (auto target : {"x", "a.example/x", "http:/a/x", "://a/x", "a?u=http://b/x", "*", "?x", "http://", "http:///x",
                      "http://:80/x", "http://user@a/x", "1http://a/", "ht tp://a/", "http://a b/"})
    EXPECT_NE(refusal(with_target(target)), "") << target;
}

TEST(ParseRequest, RefusesFragmentsAndRawBytesInTargets) {
  for (auto target : {"/a#b", "/#", "http://a/#b", "http://a#b", "/caf\xC3\xA9", "/\xFF", "/?\x80"})
    EXPECT_NE(refusal(with_target(target)), "") << target;
  EXPECT_EQ(refusal(with_target("/a-._~!$&'()*+,;=:@%20/%FF?b/?c=d")), "");
}

TEST(ParseRequest, OptionsAndConnectHaveFormsOfTheirOwn) {
  EXPECT_EQ(Parsed(with_target("*", "OPTIONS"))->target, "*");
  EXPECT_EQ(Parsed(with_target("*", "OPTIONS"))->host, "field.example");
  Parsed head(with_target("a.example:443", "CONNECT"));
  EXPECT_EQ(head->host, "a.example:443");
  EXPECT_EQ(head->target, "a.example:443");
  for (auto target : {"/x", "http://a/", "a.example", "a.example:", "*", "user@a:443", "a:443/x"})
    EXPECT_NE(refusal(with_target(target, "CONNECT")), "") << target;
}

TEST(ParseRequest, KeepAliveFollowsVersionAndConnection) {
  auto keeps = [](const char* version, const char* lines) {
    return Parsed(std::string("GET / HTTP/") + version + "\r\nHost: a\r\n" + lines + "\r\n")->keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive, CLOSE\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: x\r\nconnection:\tclose \r\n"));
  EXPECT_TRUE(keeps("1.1", "Connection: closed, x-close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("1.0", "Connection: keep-alive\r\nConnection: close\r\n"));
}

TEST(ParseRequest, ExpectContinue) {
  EXPECT_TRUE(Parsed(with_fields("Expect: 100-Continue\r\n"))->expect_continue);
  EXPECT_FALSE(Parsed(with_fields("Expect: 200-ok\r\n"))->expect_continue);
  // RFC 9110 10.1.1: from an HTTP/1.0 client it is ignored.
  EXPECT_FALSE(Parsed("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")->expect_continue);
}

TEST(ParseRequest, LimitsBytesAndFields) {
  std::string text = with_fields("X: abc\r\n");
  EXPECT_EQ(refusal(text, {.bytes_max = text.size()}), "");
  EXPECT_EQ(refusal(text, {.bytes_max = text.size() - 1}), "TooLarge: request head is too large");
  EXPECT_EQ(refusal(text, {.fields_max = 2}), "");
  EXPECT_EQ(refusal(text, {.fields_max = 1}), "TooLarge: too many header fields");
  EXPECT_THAT(refusal(with_fields("X: " + std::string(64 * 1024, 'a') + "\r\n")), HasSubstr("TooLarge"));
  std::string many;
  for (int i = 0; i < 127; ++i) many += "X: y\r\n";
  EXPECT_EQ(refusal(with_fields(many)), "");
  EXPECT_THAT(refusal(with_fields(many + "X: y\r\n")), HasSubstr("TooLarge"));
}

TEST(IsToken, FollowsTheGrammar) {
  for (int c = 0; c < 256; ++c) {
    bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool want =
        letter || (c && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
    EXPECT_EQ(is_token(std::string(1, static_cast<char>(c))), want) << c;
  }
  EXPECT_TRUE(is_token("X-Custom"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
}

TEST(IsHopByHop, NamesConnectionFields) {
  for (auto name : {"Connection", "keep-alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Connection",
                    "Proxy-Authorization", "proxy-authenticate"})
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
  for (auto name : {"Host", "Content-Length", "Content-Type", "Authorization", "tx", "upgrades", "X-Connection", ""})
    EXPECT_FALSE(is_hop_by_hop(name)) << name;
}

}  // namespace
}  // namespace sl::http1

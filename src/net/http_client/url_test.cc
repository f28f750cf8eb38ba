// URLs as the client takes them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/http_client/client.h"

namespace sl::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// "tls host port path", or the error.
std::string parsed(std::string_view text) {
  auto u = parse_url(text);
  if (!u) {
    EXPECT_EQ(u.error().code, Code::InvalidArgument) << text;
    return "error: " + u.error().message;
  }
  return fmt::format("{} {} {} {}", u->tls ? "tls" : "plain", u->host, u->port, u->path);
}

TEST(Url, HasItsParts) {
  EXPECT_EQ(parsed("http://example.com"), "plain example.com 80 /");
  EXPECT_EQ(parsed("https://example.com/"), "tls example.com 443 /");
  EXPECT_EQ(parsed("http://127.0.0.1:8080/a/b?c=d&e"), "plain 127.0.0.1 8080 /a/b?c=d&e");
  EXPECT_EQ(parsed("https://example.com:65535/a:b@c"), "tls example.com 65535 /a:b@c");
  EXPECT_EQ(parsed("http://example.com?q=1"), "plain example.com 80 /?q=1");
}

TEST(Url, TheFragmentStaysHere) {
  EXPECT_EQ(parsed("http://example.com/a?b#c"), "plain example.com 80 /a?b");
  EXPECT_EQ(parsed("http://example.com#c/d"), "plain example.com 80 /");
  EXPECT_EQ(parsed("http://example.com/a#b?c"), "plain example.com 80 /a");
}

TEST(Url, AddressesOfVersionSixStandInBrackets) {
  EXPECT_EQ(parsed("http://[::1]/x"), "plain [::1] 80 /x");
  EXPECT_EQ(parsed("https://[2001:db8::1]:8443"), "tls [2001:db8::1] 8443 /");
}

TEST(Url, OthersAreRefused) {
  for (auto* text :
       {"", "example.com", "ftp://example.com", "//example.com", "http://", "http:///path", "https://?q", "http://:80/",
        "http://h:0/", "http://h:65536/", "http://h:99999999999999999999/", "http://h:8o/", "http://h:-1/",
        "http://h:80x/", "http://exa mple.com/", "http://h/a b", "http://h/a\r\nX: y", "http://h\n/", "http://h/\x7f"})
    EXPECT_THAT(parsed(text), HasSubstr("error: ")) << text;
}

TEST(Url, TheMendedFormIsShown) {
  EXPECT_THAT(parsed("http:example.com/a"), HasSubstr("did you mean \"http://example.com/a\"?"));
  EXPECT_THAT(parsed("https:/example.com"), HasSubstr("did you mean \"https://example.com\"?"));
}

// A password must not come back in a message that is printed.
TEST(Url, CredentialsAreRefusedAndNotRepeated) {
  for (auto* text : {"http://user:hunter2@example.com/", "https://hunter2@example.com", "http://a:hunter2@h:x/"})
    EXPECT_THAT(parsed(text), ::testing::AllOf(HasSubstr("error: "), Not(HasSubstr("hunter2")))) << text;
}

}  // namespace
}  // namespace sl::net

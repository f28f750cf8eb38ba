// Addresses, overrides, and connecting with a limit.
#include "net/dns/resolver.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "net/tcp/raw_peer.h"

namespace sl::net {
namespace {

using ::testing::HasSubstr;

std::string endpoint(std::string_view text) {
  auto e = parse_endpoint(text);
  return e ? format_endpoint(*e) : e.error().message;
}
std::string override_of(std::string_view text) {
  auto o = parse_resolve_override(text);
  if (!o) {
    EXPECT_EQ(o.error().code, Code::InvalidArgument);
    return "error";
  }
  return fmt::format("{} {} {}", o->host, o->port, format_endpoint(o->target));
}

TEST(Endpoint, IsAnAddressAndAPort) {
  EXPECT_EQ(endpoint("127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(endpoint("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(endpoint("[::1]:65535"), "[::1]:65535");
  for (auto* text : {"", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x",
                     "example.com:80", "256.0.0.1:80", "[::1]", "[]:80", "127.0.0.1 :80"})
    EXPECT_THAT(endpoint(text), HasSubstr("must be IP:PORT")) << text;
}

TEST(ResolveOverride, SendsANameElsewhere) {
  EXPECT_EQ(override_of("api.example.com:443:127.0.0.1"), "api.example.com 443 127.0.0.1:443");
  EXPECT_EQ(override_of("API.Example.com:443:127.0.0.1:8443"), "api.example.com 443 127.0.0.1:8443");
  EXPECT_EQ(override_of("h:1:[::1]"), "h 1 [::1]:1");
  EXPECT_EQ(override_of("h:1:[::1]:2"), "h 1 [::1]:2");
}

TEST(ResolveOverride, OthersAreRefused) {
  for (auto* text : {"", "h", "h:80", "h:80:", ":80:127.0.0.1", "h:0:127.0.0.1", "h:65536:127.0.0.1", "h:x:127.0.0.1",
                     "h:80:example.com", "h:80:127.0.0.1:", "h:80:127.0.0.1:0", "h:80:127.0.0.1:70000",
                     "h:80:127.0.0.1:1:2", "h:80:::1", "h:80:[::1", "h:80:[::1]x"})
    EXPECT_EQ(override_of(text), "error") << text;
}

// Connects on a loop of its own and waits for the result: "ok PEER", or the code and the message.
class Connecting : public ::testing::Test {
 protected:
  std::string connect(const std::string& host, uint16_t port, std::vector<ResolveOverride> overrides = {}) {
    Resolver resolver(loop_, std::move(overrides));
    std::promise<std::string> done;
    loop_.spawn(run(&resolver, host, port, &done));
    return done.get_future().get();
  }
  static Task<void> run(Resolver* resolver, std::string host, uint16_t port, std::promise<std::string>* done) {
    auto socket = co_await resolver->connect(host, port, 5000);
    if (socket)
      done->set_value("ok " + format_endpoint(socket->remote_endpoint()));
    else
      done->set_value(fmt::format("{}: {}", code_name(socket.error().code), socket.error().message));
  }
  void SetUp() override { loop_.start(); }
  Loop loop_{"test"};
};

TEST_F(Connecting, ToAnAddress) {
  testing::RawServer server([](testing::RawSocket&) {});
  EXPECT_EQ(connect("127.0.0.1", server.port()), fmt::format("ok 127.0.0.1:{}", server.port()));
}

TEST_F(Connecting, ToAnOverriddenName) {
  testing::RawServer server([](testing::RawSocket&) {});
  auto o = parse_resolve_override(fmt::format("api.invalid:443:127.0.0.1:{}", server.port()));
  ASSERT_TRUE(o);
  EXPECT_EQ(connect("API.invalid", 443, {*o}), fmt::format("ok 127.0.0.1:{}", server.port()));
}

TEST_F(Connecting, ARefusalNamesThePlace) {
  uint16_t port = testing::closed_port();
  EXPECT_THAT(connect("127.0.0.1", port), HasSubstr(fmt::format("UpstreamRefused: connecting to 127.0.0.1:{}", port)));
}

}  // namespace
}  // namespace sl::net

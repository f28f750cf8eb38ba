// Plain requests through the data plane, between a client and a backend whose every byte the test decides.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/test_kit.h"

namespace sl::proxy {
namespace {

using namespace test_kit;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(Plane, ForwardsTheRequestWithItsFields) {
  Backend b({answer("hi", "X-B: 1\r\n")});
  start(spec(b.port()));
  auto got = get("Accept: a\r\nX-One: 1\r\nX-One: 2\r\nCookie: c\r\n", "/a%20b/?q=%41");
  EXPECT_EQ(got, "HTTP/1.1 200 OK\r\nX-B: 1\r\nContent-Length: 2\r\n\r\nhi");
  auto sent = b.request();
  EXPECT_THAT(sent, StartsWith("GET /a%20b/?q=%41 HTTP/1.1\r\nHost: h\r\nAccept: a\r\nX-One: 1\r\nX-One: 2\r\n"
                               "Cookie: c\r\n"));
  EXPECT_THAT(sent, HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
  EXPECT_THAT(sent, HasSubstr("traceparent: 00-"));
  EXPECT_THAT(sent, Not(HasSubstr("Content-Length")));
}

TEST_F(Plane, HopByHopFieldsAreRemovedBothWays) {
  Backend b({answer("hi",
                    "Connection: X-Bound, keep-alive\r\nX-Bound: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n"
                    "Proxy-Connection: x\r\nX-Kept: 1\r\n")});
  start(spec(b.port()));
  auto got =
      get("Connection: X-Gone\r\nX-Gone: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\nUpgrade: websocket\r\n"
          "Proxy-Connection: x\r\nX-Sightline-Identity: forged\r\nX-Stays: 1\r\n");
  EXPECT_EQ(got, "HTTP/1.1 200 OK\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nhi");
  for (auto* name : {"X-Gone", "\r\nTE:", "Keep-Alive", "Upgrade", "Proxy-Connection", "Connection:", "Identity"})
    EXPECT_THAT(b.request(), Not(HasSubstr(name))) << name;
  EXPECT_THAT(b.request(), HasSubstr("X-Stays: 1\r\n"));
}

TEST_F(Plane, TheTraceAndTheChainOfAddressesGoOn) {
  Backend b({answer("")});
  start(spec(b.port()));
  get("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n"
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
  EXPECT_THAT(b.request(), HasSubstr("X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1\r\n"));
  EXPECT_THAT(b.request(), HasSubstr("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(b.request(), Not(HasSubstr("b7ad6b7169203331")));
  EXPECT_EQ(record().parent_span_id, "b7ad6b7169203331");
}

TEST_F(Plane, HeaderChangesOfTheRule) {
  Backend b({answer("hi", "X-Set: old\r\nX-Gone: old\r\nX-Stays: old\r\n")});
  auto s = spec(b.port());
  route::HeaderChange change;
  change.set = {{"X-Set", "new"}, {"Content-Length", "99"}};
  change.add = {{"X-Add", "1"}};
  change.remove = {"x-gone"};
  s.routes[0].rules[0].filters.request_headers = change;
  s.routes[0].rules[0].filters.request_headers->set.push_back({"Host", "inner.example.com"});
  s.routes[0].rules[0].filters.response_headers = change;
  start(std::move(s));
  auto got = get("X-Set: old\r\nX-Set: older\r\nX-Gone: old\r\nX-Add: 0\r\n");
  EXPECT_EQ(got, "HTTP/1.1 200 OK\r\nX-Stays: old\r\nX-Set: new\r\nX-Add: 1\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_THAT(b.request(), StartsWith("GET / HTTP/1.1\r\nHost: inner.example.com\r\n"));
  EXPECT_THAT(b.request(), AllOf(HasSubstr("X-Add: 0\r\n"), HasSubstr("X-Set: new\r\nX-Add: 1\r\n")));
  EXPECT_THAT(b.request(), Not(AllOf(HasSubstr("old"), HasSubstr("99"))));
}

TEST_F(Plane, RewritesPathAndHost) {
  Backend b({answer("")});
  auto s = spec(b.port());
  s.routes[0].rules[0].matches = {{.path = {"prefix", "/foo"}}};
  s.routes[0].rules[0].filters.rewrite = route::Rewrite{"inner", route::PathChange{"prefix", "/xyz/"}};
  start(std::move(s));
  get("", "/foo/bar?a=/foo");
  EXPECT_THAT(b.request(), StartsWith("GET /xyz/bar?a=/foo HTTP/1.1\r\nHost: inner\r\n"));
  EXPECT_THAT(get("", "/foobar"), StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(record().path, "/foobar");
}

TEST_F(Plane, RedirectsAreAnsweredHere) {
  auto s = spec(1);
  route::Redirect redirect;
  redirect.scheme = "https";
  redirect.hostname = "new.example.com";
  redirect.path = route::PathChange{"full", "/there"};
  redirect.status = 301;
  s.routes[0].rules[0].filters.redirect = redirect;
  start(std::move(s));
  auto got = get("", "/here?q=1");
  EXPECT_THAT(got, StartsWith("HTTP/1.1 301 Moved Permanently\r\n"));
  EXPECT_THAT(got, HasSubstr("Location: https://new.example.com/there?q=1\r\n"));
}

TEST_F(Plane, AnOldClientWithoutHostIsRedirectedWhereItAsked) {
  auto s = spec(1);
  s.routes[0].rules[0].filters.redirect = route::Redirect{};
  s.routes[0].rules[0].filters.redirect->path = route::PathChange{"full", "/there"};
  start(std::move(s));
  auto c = connect();
  c.send("GET /here HTTP/1.0\r\n\r\n");
  EXPECT_THAT(c.read_message(), HasSubstr("Location: /there\r\n"));
}

constexpr std::string_view kChunkedAnswer =
    "HTTP/1.1 200 OK\r\nX-B: 1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nHello\r\n6\r\n World\r\n0\r\n\r\n";

TEST_F(Plane, AChunkedAnswerIsTheSameForEverySplit) {
  Backend b({});
  start(spec(b.port()));
  for (size_t cut = 1; cut < kChunkedAnswer.size(); ++cut) {
    b.answer_with({std::string(kChunkedAnswer.substr(0, cut)), std::string(kChunkedAnswer.substr(cut))});
    auto s = connect();
    s.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    ASSERT_EQ(dechunked(s.read_to_end()), "Hello World") << cut;
  }
  EXPECT_EQ(b.accepted(), 1);  // every one of them ended cleanly
}

TEST_F(Plane, AChunkedRequestIsTheSameForEverySplit) {
  Backend b({});
  RawServer echo([](RawSocket& s) {
    for (std::string head; !(head = s.read_until("\r\n\r\n")).empty();) {
      std::string body = s.read_until("0\r\n\r\n");
      s.send(answer(dechunked(head + body)));
    }
  });
  start(spec(echo.port()));
  std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x\r\n0123456789\r\n0\r\nT: "
      "x\r\n\r\n";
  auto s = connect();
  for (size_t cut = 1; cut < text.size(); ++cut) {
    s.send(text.substr(0, cut));
    s.send(text.substr(cut));
    ASSERT_EQ(body_of(s.read_message()), "abc0123456789") << cut;
  }
}

TEST_F(Plane, ACutAnswerIsCutForTheClientToo) {
  Backend b({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "<close>"});
  start(spec(b.port()));
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(s.read_to_end(), EndsWith("Content-Length: 10\r\n\r\nhalf"));
  b.answer_with({std::string(kChunkedAnswer.substr(0, kChunkedAnswer.size() - 5)), "<close>"});
  s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(dechunked(s.read_to_end()), "cut: Hello World");
  EXPECT_THAT(record().error, HasSubstr("closed in the middle"));
}

TEST_F(Plane, WithoutAnAnswerItIsABadGateway) {
  Backend b({"<close>"});
  start(spec(b.port()));
  EXPECT_THAT(get(), AllOf(StartsWith("HTTP/1.1 502 "), HasSubstr("closed the connection before answering")));
  b.answer_with({"nonsense\r\n\r\n", "<close>"});
  EXPECT_THAT(get(), StartsWith("HTTP/1.1 502 "));
  b.answer_with({"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "<close>"});
  EXPECT_THAT(get(), StartsWith("HTTP/1.1 502 "));
  b.answer_with({"HTTP/1.1 101 Switching Protocols\r\n\r\n", "<close>"});
  EXPECT_THAT(get(), StartsWith("HTTP/1.1 502 "));
  b.answer_with({"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n", "<close>"});
  EXPECT_THAT(get(), StartsWith("HTTP/1.1 502 "));
}

TEST_F(Plane, NobodyThereIsUnavailable) {
  start(spec(net::testing::closed_port()));
  EXPECT_THAT(get(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(record().status, 503);
}

TEST_F(Plane, PipelinedRequestsKeepTheirOrder) {
  RawServer echo([](RawSocket& s) {
    for (std::string head; !(head = s.read_message()).empty();) s.send(answer(head.substr(4, head.find(" HTTP") - 4)));
  });
  start(spec(echo.port()));
  std::string all;
  for (int i = 0; i < 40; ++i) all += fmt::format("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", i);
  auto s = connect();
  s.send(all);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(body_of(s.read_message()), fmt::format("/{}", i));
}

TEST_F(Plane, BrokenHeadsAreRefusedAndRecorded) {
  Backend b({answer("")});
  start(spec(b.port()));
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  s.end();
  EXPECT_THAT(s.read_to_end(), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("Connection: close\r\n")));
  s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n");
  s.end();
  EXPECT_THAT(s.read_to_end(), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(record().status, 431);
  EXPECT_EQ(b.count(), 0u);
}

TEST_F(Plane, OldClientsGetAnAnswerWithoutChunks) {
  Backend b({std::string(kChunkedAnswer)});
  start(spec(b.port()));
  auto s = connect();
  s.send("GET / HTTP/1.0\r\n\r\n");
  auto got = s.read_to_end();
  EXPECT_THAT(got, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_EQ(body_of(got), "Hello World");
}

TEST_F(Plane, TheFailedRouteSaysWhy) {
  auto s = spec(1);
  s.routes[0].rules[0].error = "filter X is not supported";
  start(std::move(s));
  EXPECT_THAT(get(), AllOf(StartsWith("HTTP/1.1 500 "), EndsWith("filter X is not supported\n")));
}

TEST_F(Plane, TheFailedRouteRedirectsNobody) {
  auto s = spec(1);
  auto& rule = s.routes[0].rules[0];
  rule.matches = {{.path = {"prefix", "/"}, .headers = {{"x", "(", true}}}};
  rule.filters.redirect = route::Redirect{.scheme = "https"};
  start(std::move(s));
  EXPECT_THAT(get(), AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr("regular expression")));
}

TEST_F(Plane, ABadConfigurationLeavesTheLastGoodOne) {
  Backend b({answer("hi")});
  start(spec(b.port()));
  auto twice = spec(1);
  twice.listeners.push_back(twice.listeners[0]);
  EXPECT_FALSE(plane_->publish(twice));
  EXPECT_EQ(body_of(get()), "hi");
}

TEST_F(Plane, AHostFromARuleStartsNoNewLine) {
  Backend b({answer("")});
  auto s = spec(b.port());
  route::HeaderChange change;
  change.set = {{"Host", "a\r\nEvil: 1"}};
  s.routes[0].rules[0].filters.request_headers = change;
  start(s);
  get();
  EXPECT_EQ(count_of(b.request(), "\nEvil"), 0u) << b.request();
}

TEST_F(Plane, AnAgentIsKnownByTheTokenOnly) {
  Backend b({answer("")});
  start(spec(b.port()));
  get("x-sightline-identity: token;agent=ns/a;session=s;turn=t\r\n");
  EXPECT_EQ(record().agent, "ns/a");
  EXPECT_EQ(record().session, "s");
  for (auto* forged : {"wrong;agent=ns/a", "agent=ns/a", ";agent=ns/a", "token2;agent=ns/a"}) {
    get(fmt::format("x-sightline-identity: {}\r\n", forged));
    EXPECT_EQ(record().agent, "") << forged;
  }
}

}  // namespace
}  // namespace sl::proxy

// The server against a client that sends exactly these bytes.
#include "net/http_server/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "net/dns/resolver.h"
#include "net/tcp/raw_peer.h"

namespace sl::net {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RawSocket;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Answers "METHOD PATH BODY" by default and notes every request.
class Server : public ::testing::Test {
 protected:
  void start(HttpHandler handler = nullptr, ServerLimits limits = {}) {
    if (!handler)
      handler = [](HttpRequest q, HttpResponderPtr r) {
        r->respond(200, {}, fmt::format("{} {} {}", q.method, q.path, q.body));
      };
    auto noting = [this, handler](HttpRequest q, HttpResponderPtr r) {
      {
        std::lock_guard lock(mutex_);
        seen_.push_back(q);
      }
      handler(std::move(q), std::move(r));
    };
    server_ = std::make_unique<HttpServer>(loop_, nullptr, noting, limits);
    auto bound = server_->listen("127.0.0.1:0");
    ASSERT_TRUE(bound) << bound.error().message;
    port_ = parse_endpoint(*bound)->port();
    loop_.start();
  }
  void TearDown() override {
    if (server_) server_->close();
  }
  RawSocket connect() { return RawSocket::connect(port_); }
  std::vector<HttpRequest> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  // Everything that comes for these bytes until the server closes.
  std::string exchange(std::string_view bytes, bool cut = false) {
    auto s = connect();
    s.send(bytes);
    if (cut) s.end();
    return s.read_to_end();
  }
  static std::string body_of(const std::string& message) { return message.substr(message.find("\r\n\r\n") + 4); }

  std::mutex mutex_;
  std::vector<HttpRequest> seen_;
  Loop loop_{"test"};
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
};

TEST_F(Server, AnswersWithALength) {
  start();
  auto s = connect();
  s.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(s.read_message(), "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nGET /a ");
}

constexpr std::string_view kPost =
    "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: u\r\n\r\n";

TEST_F(Server, RequestsAreTheSameForEverySplit) {
  start();
  auto s = connect();
  for (size_t cut = 1; cut < kPost.size(); ++cut) {
    s.send(kPost.substr(0, cut));
    s.send(kPost.substr(cut));
    ASSERT_EQ(body_of(s.read_message()), "POST /b abcde") << cut;
  }
  for (char c : kPost) s.send(std::string(1, c));
  EXPECT_EQ(body_of(s.read_message()), "POST /b abcde");
}

TEST_F(Server, PipelinedRequestsAreAnsweredInOrder) {
  start();
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += fmt::format("POST /{} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", i, std::to_string(i).size(), i);
  auto s = connect();
  s.send(all);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(body_of(s.read_message()), fmt::format("POST /{} {}", i, i));
}

// The second answer must not overtake a first that takes its time on another thread.
TEST_F(Server, ASlowAnswerKeepsItsPlace) {
  std::promise<HttpResponderPtr> first;
  start([&](HttpRequest q, HttpResponderPtr r) {
    if (q.path == "/slow")
      first.set_value(r);
    else
      r->respond(200, {}, "fast");
  });
  auto s = connect();
  s.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\n\r\n");
  auto responder = first.get_future().get();
  EXPECT_THAT(seen(), SizeIs(1));
  responder->respond(200, {}, "slow");
  EXPECT_EQ(body_of(s.read_message()), "slow");
  EXPECT_EQ(body_of(s.read_message()), "fast");
}

TEST_F(Server, TheRequestInItsParts) {
  start();
  exchange(
      "GET /a%20b/%2e?x=1&y=a%20b+c&x=2&flag&%7A=z HTTP/1.1\r\nHost: h\r\nX-One:  v \r\nConnection: close\r\n\r\n");
  ASSERT_THAT(seen(), SizeIs(1));
  auto q = seen()[0];
  EXPECT_EQ(q.path, "/a b/.");
  EXPECT_EQ(q.raw_path, "/a%20b/%2e");
  EXPECT_EQ(q.query, "x=1&y=a%20b+c&x=2&flag&%7A=z");
  EXPECT_EQ(q.query_value("x"), "1");
  EXPECT_THAT(q.query_values("x"), ElementsAre("1", "2"));
  EXPECT_EQ(q.query_value("y"), "a b c");
  EXPECT_EQ(q.query_value("z"), "z");
  EXPECT_TRUE(q.has_query("flag"));
  EXPECT_EQ(q.query_value("flag"), "");
  EXPECT_FALSE(q.has_query("X"));
  EXPECT_EQ(q.header("x-ONE"), "v");
  EXPECT_EQ(q.header("absent"), "");
  EXPECT_THAT(q.peer, StartsWith("127.0.0.1:"));
}

TEST_F(Server, TheClientsWishToCloseIsKept) {
  start();
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(seen(), SizeIs(1));
  exchange("GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n");
  EXPECT_THAT(seen(), SizeIs(2));
}

TEST_F(Server, BrokenRequestsAreAnswered400AndClosed) {
  start();
  for (std::string text :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}) {
    auto got = exchange(text + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", true);
    EXPECT_THAT(got, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << text;
    EXPECT_THAT(got, HasSubstr("Connection: close\r\n")) << text;
  }
  EXPECT_THAT(seen(), IsEmpty());
}

TEST_F(Server, ABodyOverTheLimitIs413BeforeItIsRead) {
  ServerLimits limits;
  limits.body_bytes_max = 10;
  start(nullptr, limits);
  auto s = connect();
  s.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n");  // nothing of it sent
  EXPECT_THAT(s.read_message(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789"),
              HasSubstr("POST / 0123456789"));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n",
                       true),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(seen(), SizeIs(1));
}

TEST_F(Server, AnEndlessHeadIsRefused) {
  start();
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(300'000, 'x'));
  EXPECT_THAT(s.read_message(), StartsWith("HTTP/1.1 4"));
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 200; ++i) many += fmt::format("X-{}: y\r\n", i);
  EXPECT_THAT(exchange(many + "\r\n", true), StartsWith("HTTP/1.1 4"));
  EXPECT_THAT(seen(), IsEmpty());
}

TEST_F(Server, ExpectIsToldToContinue) {
  start();
  auto s = connect();
  s.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(s.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  s.send("abc");
  EXPECT_EQ(body_of(s.read_message()), "POST / abc");
}

// A client that goes away in the middle is nobody's request.
TEST_F(Server, ACutRequestIsNotServed) {
  start();
  std::string text = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcd";
  for (size_t cut : {size_t{0}, size_t{1}, text.find("\r\n\r\n") + 2, text.size()})
    EXPECT_EQ(exchange(text.substr(0, cut), true), "") << cut;
  EXPECT_THAT(seen(), IsEmpty());
}

TEST_F(Server, AHeadRequestGetsNoBody) {
  start();
  auto s = connect();
  s.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(s.read_until("\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
  s.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(s.read_message(), EndsWith("\r\n\r\nGET /b "));
}

TEST_F(Server, SomeStatusesHaveNoBody) {
  start([](HttpRequest q, HttpResponderPtr r) { r->respond(q.path == "/204" ? 204 : 304, {}, "ignored"); });
  auto s = connect();
  s.send("GET /204 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(s.read_until("\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n");
  s.send("GET /304 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(s.read_until("\r\n\r\n"), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST_F(Server, AValueCannotBecomeAHeader) {
  start([](HttpRequest, HttpResponderPtr r) {
    Headers h;
    h.emplace_back("X-Name", "a\r\nSet-Cookie: evil\r\n\r\nbody");
    r->respond(200, std::move(h), "");
  });
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(s.read_until("\r\n\r\n"), Not(HasSubstr("\nSet-Cookie")));
}

TEST_F(Server, AStreamIsChunkedAndEnds) {
  start([](HttpRequest, HttpResponderPtr r) {
    Headers h;
    h.emplace_back("Content-Type", "text/plain");
    r->start(200, std::move(h));
    r->write("one");
    r->write("");
    r->write("and two, longer");
    r->end();
    r->write("too late");
  });
  EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            "3\r\none\r\nf\r\nand two, longer\r\n0\r\n\r\n");
}

TEST_F(Server, OnlyTheFirstAnswerCounts) {
  start([](HttpRequest, HttpResponderPtr r) {
    r->respond(200, {}, "first");
    r->respond(500, {}, "second");
  });
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(s.read_message()), "first");
  EXPECT_EQ(body_of(s.read_message()), "first");
}

TEST_F(Server, AbortResetsWithoutAnEnd) {
  start([](HttpRequest, HttpResponderPtr r) {
    r->start(200, {});
    r->write("part");
    r->abort();
  });
  auto got = exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(got, Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(Server, TheHandlerLearnsThatTheClientLeft) {
  std::promise<void> arrived, left;
  HttpResponderPtr kept;
  start([&](HttpRequest, HttpResponderPtr r) {
    kept = r;
    r->on_close([&left] { left.set_value(); });
    arrived.set_value();
  });
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  arrived.get_future().wait();
  s.close();
  left.get_future().wait();
  EXPECT_TRUE(kept->closed());
  kept->respond(200, {}, "nobody");  // ignored
}

TEST_F(Server, TheHandlerOfAStreamLearnsItToo) {
  std::promise<void> left;
  start([&](HttpRequest, HttpResponderPtr r) {
    r->start(200, {});
    r->write("x");
    r->on_close([&left] { left.set_value(); });
  });
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  s.read_until("x\r\n");
  s.close();
  left.get_future().wait();
}

TEST_F(Server, AFinishedAnswerIsNotALeaving) {
  std::atomic<bool> called = false;
  start([&](HttpRequest, HttpResponderPtr r) {
    r->on_close([&called] { called = true; });
    r->respond(200, {}, "done");
  });
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  s.read_message();
  s.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  s.read_to_end();
  EXPECT_FALSE(called);
}

TEST_F(Server, ASlowReaderOfAStreamIsCutOff) {
  std::promise<void> left;
  ServerLimits limits;
  limits.queue_bytes_max = 1 << 20;
  start(
      [&](HttpRequest, HttpResponderPtr r) {
        r->on_close([&left] { left.set_value(); });
        r->start(200, {});
        for (int i = 0; i < 64; ++i) r->write(std::string(1 << 20, 'x'));
      },
      limits);
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  left.get_future().wait();  // though the client never reads
}

TEST_F(Server, AnIdleConnectionIsClosed) {
  ServerLimits limits;
  limits.idle_ms = 1;
  start(nullptr, limits);
  auto s = connect();
  EXPECT_EQ(s.read_to_end(), "");
}

TEST_F(Server, ADrippingRequestIsClosed) {
  ServerLimits limits;
  limits.request_ms = 1;
  start(nullptr, limits);
  auto s = connect();
  s.send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(s.read_to_end(), "");
  EXPECT_THAT(seen(), IsEmpty());
}

TEST_F(Server, ClosingEndsConnections) {
  start();
  auto s = connect();
  s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  s.read_message();
  server_->close();
  EXPECT_EQ(s.read_to_end(), "");
  EXPECT_FALSE(connect().open());
  server_.reset();
}

TEST_F(Server, ATakenPortIsSaid) {
  start();
  HttpServer second(loop_, nullptr, [](HttpRequest, HttpResponderPtr) {});
  auto bound = second.listen(fmt::format("127.0.0.1:{}", port_));
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().message, HasSubstr(fmt::format("127.0.0.1:{}", port_)));
  EXPECT_FALSE(second.listen("nowhere"));
}

}  // namespace
}  // namespace sl::net

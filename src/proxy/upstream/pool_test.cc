// Kept connections: which requests may share one.
#include "proxy/upstream/pool.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "net/http_server/server.h"
#include "net/tcp/raw_peer.h"
#include "net/tls/context.h"

namespace sl::proxy {
namespace {

using net::testing::RawServer;
using net::testing::RawSocket;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Pool : public ::testing::Test {
 protected:
  void SetUp() override { loop_.start(); }
  void TearDown() override {
    loop_.call([this] {
      kept_.clear();
      pool_.reset();
    });
    loop_.stop();
    loop_.join();
  }
  void make(std::shared_ptr<net::asio::ssl::context> tls = nullptr, std::vector<net::ResolveOverride> overrides = {}) {
    loop_.call([&] { pool_ = std::make_unique<UpstreamPool>(loop_, tls, overrides); });
  }
  static route::Backend backend(uint16_t port) {
    route::Backend b;
    b.endpoints = {{"127.0.0.1", port}};
    return b;
  }
  // "new" or "kept" and the local port, or the error; the connection goes to kept_.
  std::string acquire(const route::Backend& b, bool fresh = false, size_t endpoint = 0) {
    std::promise<std::string> done;
    auto compiled = route::compile_backend(b, 0);
    loop_.spawn(run(this, &compiled, endpoint, fresh, &done));
    return done.get_future().get();
  }
  static net::Task<void> run(Pool* self, const route::CompiledBackend* b, size_t endpoint, bool fresh,
                             std::promise<std::string>* done) {
    Result<UpstreamPtr> got(fresh ? nullptr : self->pool_->take_kept(*b, endpoint, self->now_us_));
    net::Cancel cancel;
    if (!*got) got = co_await self->pool_->connect(b, endpoint, 5000, &cancel);
    if (!got) {
      done->set_value(fmt::format("{}: {}", code_name(got.error().code), got.error().message));
      co_return;
    }
    self->kept_.push_back(std::move(*got));
    auto& c = *self->kept_.back();
    boost::system::error_code ec;
    done->set_value(fmt::format("{} {}", c.reused ? "kept" : "new", c.stream.socket().local_endpoint(ec).port()));
  }
  // Gives back the connection acquired last.
  void release() {
    loop_.call([this] {
      kept_.back()->read_us = now_us_;
      pool_->release(std::move(kept_.back()));
      kept_.pop_back();
    });
  }
  static std::string port_of(const std::string& acquired) { return acquired.substr(acquired.find(' ') + 1); }

  // As many clean reuses as earn trust.
  void earn_trust(const route::Backend& b) {
    acquire(b);
    for (int i = 0; i < kTrustAfter; ++i) {
      release();
      EXPECT_THAT(acquire(b), StartsWith("kept "));
    }
    release();
  }

  net::Loop loop_{"test"};
  int64_t now_us_ = 10'000'000;
  std::unique_ptr<UpstreamPool> pool_;
  std::vector<UpstreamPtr> kept_;
};

// Holds every connection until the server ends.
struct Holding {
  std::vector<RawSocket> clients;
  RawServer server{[this](RawSocket& s) { clients.push_back(std::move(s)); }};
};

TEST_F(Pool, AReleasedConnectionIsUsedAgain) {
  Holding h;
  make();
  auto b = backend(h.server.port());
  auto first = acquire(b);
  EXPECT_THAT(first, StartsWith("new "));
  release();
  auto second = acquire(b);
  EXPECT_THAT(second, StartsWith("kept "));
  EXPECT_EQ(port_of(first), port_of(second));
}

TEST_F(Pool, OneInUseIsNotShared) {
  Holding h;
  make();
  auto b = backend(h.server.port());
  auto first = acquire(b), second = acquire(b);
  EXPECT_THAT(second, StartsWith("new "));
  EXPECT_NE(port_of(first), port_of(second));
}

TEST_F(Pool, TheLastUsedIsUsedFirst) {
  Holding h;
  make();
  auto b = backend(h.server.port());
  acquire(b);
  auto second = acquire(b);
  release();  // the second
  release();  // the first, so the last used
  auto again = acquire(b);
  EXPECT_THAT(again, StartsWith("kept "));
  EXPECT_NE(port_of(again), port_of(second));
}

TEST_F(Pool, AFreshOneIsNew) {
  Holding h;
  make();
  auto b = backend(h.server.port());
  acquire(b);
  release();
  EXPECT_THAT(acquire(b, true), StartsWith("new "));
}

// Backends that resolve to the same place share; another endpoint does not.
TEST_F(Pool, TheKeyIsThePlaceNotTheName) {
  Holding h, other;
  make();
  auto a = backend(h.server.port()), b = backend(h.server.port());
  a.name = "ns/a";
  b.name = "ns/b";
  acquire(a);
  release();
  EXPECT_THAT(acquire(b), StartsWith("kept "));
  release();
  a.endpoints.push_back({"127.0.0.1", other.server.port()});
  EXPECT_THAT(acquire(a, false, 1), StartsWith("new "));
}

TEST_F(Pool, OneThatTheBackendClosedIsNotGivenOut) {
  std::promise<void> close, closed;
  std::vector<RawSocket> held;
  RawServer server([&](RawSocket& s) {
    if (server.accepted() > 1) {
      held.push_back(std::move(s));
      return;
    }
    close.get_future().wait();
    s.close();
    closed.set_value();
  });
  make();
  auto b = backend(server.port());
  acquire(b);
  release();
  close.set_value();
  closed.get_future().wait();
  EXPECT_THAT(acquire(b), StartsWith("new "));
}

// Bytes that nobody asked for: the next request would take them for its answer.
TEST_F(Pool, OneWithUnreadBytesIsNotKept) {
  std::promise<void> send, sent;
  std::vector<RawSocket> held;
  RawServer server([&](RawSocket& s) {
    if (held.empty()) {
      send.get_future().wait();
      s.send("HTTP/1.1 200 OK\r\n\r\nunasked");
      sent.set_value();
    }
    held.push_back(std::move(s));
  });
  make();
  auto b = backend(server.port());
  acquire(b);
  release();
  send.set_value();
  sent.get_future().wait();
  EXPECT_THAT(acquire(b), StartsWith("new "));
  loop_.call([this] { std::memcpy(kept_.back()->buffer.space(4), "rest", 4), kept_.back()->buffer.commit(4); });
  release();
  EXPECT_THAT(acquire(b), StartsWith("new "));
}

// A backend that says more than it was asked, when told to.
struct Talking {
  std::promise<void> speak, spoken;
  std::vector<RawSocket> held;
  RawServer server{[this](RawSocket& s) {
    if (held.empty()) {
      speak.get_future().wait();
      s.send("HTTP/1.1 200 OK\r\n\r\nunasked");
      spoken.set_value();
    }
    held.push_back(std::move(s));
  }};
  void speak_now() {
    speak.set_value();
    spoken.get_future().wait();
  }
};

// What is given out unseen is only what was empty a moment ago, at a backend that never said too much.
TEST_F(Pool, TrustIsEarnedAndHoldsForAMoment) {
  Talking t;
  make();
  auto b = backend(t.server.port());
  earn_trust(b);
  t.speak_now();
  now_us_ += kTrustedUs - 1;
  EXPECT_THAT(acquire(b), StartsWith("kept "));
  release();
  now_us_ += kTrustedUs;
  EXPECT_THAT(acquire(b), StartsWith("new "));
}

TEST_F(Pool, ATimeBeforeTheLastReadEarnsNothing) {
  Talking t;
  make();
  auto b = backend(t.server.port());
  earn_trust(b);
  t.speak_now();
  now_us_ -= 1;
  EXPECT_THAT(acquire(b), StartsWith("new "));
}

TEST_F(Pool, NowAndThenATrustedOneIsLookedAt) {
  Talking t;
  make();
  auto b = backend(t.server.port());
  earn_trust(b);
  t.speak_now();
  int unseen = 0;
  while (acquire(b).starts_with("kept ") && unseen <= kLookEach) {
    ++unseen;
    release();
  }
  EXPECT_LE(unseen, kLookEach);
}

TEST_F(Pool, ABackendThatSaidTooMuchIsNotTrusted) {
  Talking t;
  make();
  auto b = backend(t.server.port());
  earn_trust(b);
  acquire(b);
  loop_.call([this] { kept_.back()->broke_rules("answered more than it promised"); });
  release();
  t.speak_now();
  EXPECT_THAT(acquire(b), StartsWith("new "));
}

TEST_F(Pool, TrustOutlivesAMomentWithNothingKept) {
  Talking t;
  make();
  auto b = backend(t.server.port());
  earn_trust(b);
  acquire(b);
  loop_.call([this] {
    pool_->sweep();  // nothing is kept now: what the backend earned lives on with the one in use
    kept_.back()->broke_rules("answered more than it promised");
  });
  release();
  earn_trust(b);
  t.speak_now();
  EXPECT_THAT(acquire(b), StartsWith("new "));
}

TEST_F(Pool, OneThatWasFoundBrokenAtOnceCostsTheTrust) {
  std::vector<RawSocket> held;
  std::promise<void> ready;
  RawServer server([&](RawSocket& s) {
    held.push_back(std::move(s));
    if (held.size() == 2) ready.set_value();
  });
  make();
  auto b = backend(server.port());
  earn_trust(b);
  acquire(b);
  acquire(b);  // a second one
  ready.get_future().wait();
  release();
  release();  // the first is used first
  held[0].close();
  now_us_ += kTrustedUs;
  EXPECT_THAT(acquire(b), StartsWith("kept "));  // the second: the first was closed, and found so
  release();
  held[1].close();
  EXPECT_THAT(acquire(b), StartsWith("new "));  // though it was given back this moment
}

TEST_F(Pool, ClosingIdleOnesForgetsThem) {
  Holding h;
  make();
  auto b = backend(h.server.port());
  acquire(b);
  release();
  loop_.call([this] { pool_->close_idle(); });
  EXPECT_THAT(acquire(b), StartsWith("new "));
}

TEST_F(Pool, NobodyThereIsSaid) {
  make();
  uint16_t port = net::testing::closed_port();
  EXPECT_THAT(acquire(backend(port)), StartsWith(fmt::format("UpstreamRefused: connecting to 127.0.0.1:{}", port)));
}

TEST_F(Pool, TlsIsVerifiedAndKeptApartByName) {
  auto root = net::make_ca("root");
  ASSERT_TRUE(root);
  auto leaf = net::make_leaf(*root, "leaf", {"one.example.com", "two.example.com"});
  auto context = net::make_server_context(*leaf);
  ASSERT_TRUE(context);
  net::HttpServer server(loop_, *context, [](net::HttpRequest, net::HttpResponderPtr) {});
  auto bound = server.listen("127.0.0.1:0");
  ASSERT_TRUE(bound);
  auto client = *net::make_client_context_for_ca(root->certificate);
  // Later versions send tickets after the handshake, which nobody reads here.
  SSL_CTX_set_max_proto_version(client->native_handle(), TLS1_2_VERSION);
  make(client);
  auto one = backend(net::parse_endpoint(*bound)->port());
  one.tls = true;
  one.server_name = "one.example.com";
  auto two = one, wrong = one, plain = one;
  two.server_name = "two.example.com";
  wrong.server_name = "three.example.com";
  plain.tls = false;
  EXPECT_THAT(acquire(one), StartsWith("new "));
  EXPECT_EQ(kept_.back()->tls_version, "TLSv1.2");
  EXPECT_EQ(kept_.back()->tls_peer, "leaf");
  release();
  EXPECT_THAT(acquire(two), StartsWith("new "));
  release();
  EXPECT_THAT(acquire(plain), StartsWith("new "));
  release();
  EXPECT_THAT(acquire(one), StartsWith("kept "));
  EXPECT_THAT(acquire(wrong), ::testing::AllOf(StartsWith("UpstreamTls: "), HasSubstr("three.example.com")));
  server.close();
}

}  // namespace
}  // namespace sl::proxy

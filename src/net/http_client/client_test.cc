// The client against a server that sends exactly these bytes.
#include "net/http_client/client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "net/tcp/raw_peer.h"
#include "net/tls/context.h"

namespace sl::net {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawServer;
using testing::RawSocket;
using ::testing::StartsWith;

// Answers each request on a connection with the pieces of the next answer; after the last it closes.
class Scripted {
 public:
  using Pieces = std::vector<std::string>;
  explicit Scripted(std::vector<Pieces> answers)
      : answers_(std::move(answers)), server_([this](RawSocket& s) { serve(s); }) {}

  std::string url(std::string_view path = "/") const { return fmt::format("http://127.0.0.1:{}{}", port(), path); }
  uint16_t port() const { return server_.port(); }
  int accepted() const { return server_.accepted(); }
  std::vector<std::string> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve(RawSocket& s) {
    while (next_ < answers_.size()) {
      std::string request = s.read_message();
      if (request.empty()) return;
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      bool last = true;
      for (auto& piece : answers_[next_]) {
        last = piece == "<close>";
        if (last || !s.send(piece)) break;
      }
      ++next_;
      if (last) return;
    }
  }
  std::vector<Pieces> answers_;
  size_t next_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  RawServer server_;
};

std::vector<std::string> cut_at(std::string_view text, size_t at) {
  return {std::string(text.substr(0, at)), std::string(text.substr(at))};
}

class Client : public ::testing::Test {
 protected:
  void SetUp() override { loop_.start(); }
  void TearDown() override {
    loop_.stop();
    loop_.join();
  }
  // The answer as "STATUS BODY", or "Code: message".
  std::string fetch(ClientRequest request) {
    auto got = client_.fetch(std::move(request));
    if (!got) return fmt::format("{}: {}", code_name(got.error().code), got.error().message);
    return fmt::format("{} {}", got->status, got->body);
  }
  std::string get(const std::string& url) {
    ClientRequest r;
    r.url = url;
    return fetch(std::move(r));
  }
  // One answer on a fresh connection, then closed.
  std::string answered(std::vector<std::string> pieces, const std::string& method = "GET") {
    pieces.emplace_back("<close>");
    Scripted server({pieces});
    ClientRequest r;
    r.method = method;
    r.url = server.url();
    return fetch(std::move(r));
  }

  Loop loop_{"test"};
  HttpClient client_{loop_, nullptr};
};

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nHello\r\n10\r\n0123456789abcdef\r\n0\r\nT: "
    "x\r\n\r\n";

TEST_F(Client, ChunkedBodiesAreTheSameForEverySplit) {
  for (size_t cut = 1; cut < kChunked.size(); ++cut)
    ASSERT_EQ(answered(cut_at(kChunked, cut)), "200 Hello0123456789abcdef") << cut;
}

TEST_F(Client, ByteByByte) {
  std::vector<std::string> bytes;
  for (char c : kChunked) bytes.emplace_back(1, c);
  EXPECT_EQ(answered(bytes), "200 Hello0123456789abcdef");
}

TEST_F(Client, ACutIsAnErrorWhereverItIs) {
  for (size_t cut = 0; cut < kChunked.size(); ++cut)
    ASSERT_THAT(answered({std::string(kChunked.substr(0, cut))}), StartsWith("UpstreamClosed: ")) << cut;
  EXPECT_THAT(answered({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHell"}), StartsWith("UpstreamClosed: "));
  EXPECT_THAT(answered({""}), HasSubstr("closed before the answer"));
}

TEST_F(Client, BodiesOfEveryFraming) {
  EXPECT_EQ(answered({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"}), "200 Hello");
  EXPECT_EQ(answered({"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"}), "404 ");
  EXPECT_EQ(answered({"HTTP/1.1 204 No Content\r\n\r\n"}), "204 ");
  EXPECT_EQ(answered({"HTTP/1.1 200 OK\r\n\r\nuntil ", "the end"}), "200 until the end");
  EXPECT_EQ(answered({"HTTP/1.0 200 OK\r\n\r\nold"}), "200 old");
}

TEST_F(Client, AHeadAnswerHasNoBodyWhateverItSays) {
  Scripted server({{"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"}});
  ClientRequest r;
  r.method = "HEAD";
  r.url = server.url();
  EXPECT_EQ(fetch(r), "200 ");
}

TEST_F(Client, InterimAnswersAreSkipped) {
  std::string text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
      "2\r\n\r\nok";
  for (size_t cut = 1; cut < text.size(); cut += 7) ASSERT_EQ(answered(cut_at(text, cut)), "200 ok") << cut;
}

TEST_F(Client, BrokenAnswersAreTheServersFault) {
  for (std::string text :
       {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n"})
    EXPECT_THAT(answered({text}), StartsWith("UpstreamProtocol: ")) << text;
}

TEST_F(Client, AHeadWithoutAnEndIsRefused) {
  std::string field = "X-Long: " + std::string(1000, 'x') + "\r\n";
  std::string text = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) text += field;
  EXPECT_THAT(answered({text + "\r\n"}), StartsWith("UpstreamProtocol: "));
  EXPECT_THAT(answered({"HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x')}), StartsWith("UpstreamProtocol: "));
}

TEST_F(Client, TheRequestAsItIsSent) {
  std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  Scripted server({{ok}, {ok}, {ok}});
  ClientRequest r;
  r.url = server.url("/a?b=c#d");
  r.headers.emplace_back("X-One", "1");
  EXPECT_EQ(fetch(r), "200 ");
  r.method = "POST";
  EXPECT_EQ(fetch(r), "200 ");
  r.body = "{}";
  EXPECT_EQ(fetch(r), "200 ");
  std::string host = fmt::format("Host: 127.0.0.1:{}\r\n", server.port());
  EXPECT_THAT(server.requests(),
              ElementsAre("GET /a?b=c HTTP/1.1\r\n" + host + "X-One: 1\r\n\r\n",
                          "POST /a?b=c HTTP/1.1\r\n" + host + "X-One: 1\r\nContent-Length: 0\r\n\r\n",
                          "POST /a?b=c HTTP/1.1\r\n" + host + "X-One: 1\r\nContent-Length: 2\r\n\r\n{}"));
}

TEST_F(Client, AHeaderCannotBecomeTwo) {
  Scripted server({{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}});
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"X", "a\r\nY: b"}, {"X", "a\nb"}, {"X\r\nY", "b"}, {"X Y", "b"}, {"", "b"}, {"X", std::string(1, '\0')}};
  for (auto& [name, content] : bad) {
    ClientRequest r;
    r.url = server.url();
    r.headers.emplace_back(name, content);
    EXPECT_THAT(fetch(r), StartsWith("InvalidArgument: header")) << name << ": " << content;
  }
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(Client, OneConnectionServesManyRequests) {
  Scripted server({{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"},
                   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"},
                   {"HTTP/1.1 204 No Content\r\n\r\n"}});
  EXPECT_EQ(get(server.url()), "200 a");
  EXPECT_EQ(get(server.url()), "200 b");
  EXPECT_EQ(get(server.url()), "204 ");
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(Client, AConnectionThatIsToCloseIsNotKept) {
  for (std::string last :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naEXTRA"}) {
    Scripted server({{last, "<close>"}, {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"}});
    EXPECT_EQ(get(server.url()), "200 a") << last;
    EXPECT_EQ(get(server.url()), "200 b") << last;
    EXPECT_EQ(server.accepted(), 2) << last;
  }
}

// The server closed a kept connection: what can be repeated is sent on a new one.
TEST_F(Client, AKeptConnectionThatEndedIsReplaced) {
  Scripted server({{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "<close>"},
                   {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"}});
  EXPECT_EQ(get(server.url()), "200 a");
  EXPECT_EQ(get(server.url()), "200 b");
  EXPECT_EQ(server.accepted(), 2);
}

// The kept connection takes the request and closes without an answer: a GET goes again, a POST never does.
TEST_F(Client, OnlyWhatDoesNoHarmIsSentTwice) {
  std::string a = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
  for (std::string method : {"GET", "POST"}) {
    Scripted server({{a}, {"<close>"}, {a}});
    EXPECT_EQ(get(server.url()), "200 a");
    ClientRequest r;
    r.method = method;
    r.url = server.url();
    EXPECT_THAT(fetch(r), StartsWith(method == "GET" ? "200 a" : "UpstreamClosed: ")) << method;
    EXPECT_EQ(server.requests().size(), method == "GET" ? 3u : 2u);
  }
}

TEST_F(Client, SilenceHasALimit) {
  std::promise<void> over;
  auto wait = over.get_future().share();
  RawServer server([wait](RawSocket& s) {
    s.read_message();
    s.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHe");
    wait.wait();
  });
  ClientRequest r;
  r.url = fmt::format("http://127.0.0.1:{}/", server.port());
  r.idle_ms = 50;
  EXPECT_THAT(fetch(r), StartsWith("Timeout: "));
  over.set_value();
}

TEST_F(Client, NobodyThereIsSaid) {
  EXPECT_THAT(get(fmt::format("http://127.0.0.1:{}/", testing::closed_port())), StartsWith("UpstreamRefused: "));
  EXPECT_THAT(get("ftp://x"), StartsWith("InvalidArgument: "));
  Scripted server({{"x"}});
  EXPECT_THAT(get(fmt::format("https://127.0.0.1:{}/", server.port())), StartsWith("Unsupported: "));
}

TEST_F(Client, PiecesArriveAsTheyCome) {
  Scripted server(
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"}});
  ClientRequest r;
  r.url = server.url();
  std::string all;
  auto got = client_.stream(r, [&](std::string_view piece) { all += piece; });
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(all, "onetwo");
  EXPECT_EQ(got->body, "");
}

// Steps inside the loop: what fetch() hides.
class Steps : public Client {
 protected:
  struct Result1 {
    std::string first, all;
  };
  static Task<void> cancelled(HttpClient* client, ClientRequest r, std::promise<std::string>* done) {
    std::function<void()> aborter;
    auto x = co_await client->send(std::move(r), &aborter);
    if (!x) {
      done->set_value("no answer");
      co_return;
    }
    auto first = co_await (*x)->read();
    aborter();
    auto next = co_await (*x)->read();
    done->set_value(
        fmt::format("{} {}", first ? *first : "?", next ? *next : std::string(code_name(next.error().code))));
  }
  // Cancels a request whose answer is through, and uses its connection again.
  static Task<void> cancelled_late(HttpClient* client, ClientRequest r, std::promise<void>* cancelled,
                                   std::promise<std::string>* done) {
    std::function<void()> aborter;
    auto first = co_await client->send(r, &aborter);
    auto body = first ? co_await (*first)->read_all() : Result<std::string>(fail(first.error()));
    auto second = co_await client->send(std::move(r));
    aborter();
    cancelled->set_value();
    auto rest = second ? co_await (*second)->read_all() : Result<std::string>(fail(second.error()));
    done->set_value(fmt::format("{} {}", body ? *body : body.error().message, rest ? *rest : rest.error().message));
  }
  // Reads on after the silence was too long.
  static Task<void> read_after_silence(HttpClient* client, ClientRequest r, std::promise<std::string>* done) {
    auto x = co_await client->send(std::move(r));
    std::string text;
    for (int i = 0; x && i < 3; ++i) {
      auto piece = co_await (*x)->read();
      text += piece ? *piece : fmt::format("[{}]", code_name(piece.error().code));
    }
    done->set_value(text);
  }
  static Task<void> limited(HttpClient* client, ClientRequest r, size_t max, std::promise<std::string>* done) {
    auto x = co_await client->send(std::move(r));
    if (!x) {
      done->set_value("no answer");
      co_return;
    }
    auto all = co_await (*x)->read_all(max);
    done->set_value(all ? *all : std::string(code_name(all.error().code)));
  }
  static Task<void> headers(HttpClient* client, ClientRequest r, std::promise<std::string>* done) {
    auto x = co_await client->send(std::move(r));
    if (!x) {
      done->set_value("no answer");
      co_return;
    }
    std::string text = fmt::format("{}|{}|{}", (*x)->header("x-ONE"), (*x)->header("X-Two"), (*x)->header("absent"));
    auto rest = co_await (*x)->read_all();
    auto after = co_await (*x)->read();
    done->set_value(fmt::format("{}|{}|{}", text, rest ? *rest : "?", after ? *after : "?"));
  }
};

TEST_F(Steps, CancellingClosesTheConnection) {
  std::promise<std::string> rest;
  RawServer server([&rest](RawSocket& s) {
    s.read_message();
    s.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHe");
    rest.set_value(s.read_to_end());
  });
  ClientRequest r;
  r.url = fmt::format("http://127.0.0.1:{}/", server.port());
  std::promise<std::string> done;
  loop_.spawn(cancelled(&client_, r, &done));
  EXPECT_THAT(done.get_future().get(), StartsWith("He "));
  EXPECT_EQ(rest.get_future().get(), "");  // the server saw the end
}

TEST_F(Steps, CancellingLateHarmsNobodyElse) {
  std::promise<void> cancelled;
  RawServer server([&cancelled](RawSocket& s) {
    s.read_message();
    s.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    s.read_message();
    s.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nse");
    cancelled.get_future().wait();  // the rest comes after it
    s.send("cond");
  });
  ClientRequest r;
  r.url = fmt::format("http://127.0.0.1:{}/", server.port());
  std::promise<std::string> done;
  loop_.spawn(cancelled_late(&client_, r, &cancelled, &done));
  EXPECT_EQ(done.get_future().get(), "one second");
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(Steps, NothingIsReadThatNeverCame) {
  std::promise<void> over;
  RawServer server([&over](RawSocket& s) {
    s.read_message();
    s.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHe");
    over.get_future().wait();
  });
  ClientRequest r;
  r.url = fmt::format("http://127.0.0.1:{}/", server.port());
  r.idle_ms = 50;
  std::promise<std::string> done;
  loop_.spawn(read_after_silence(&client_, r, &done));
  EXPECT_EQ(done.get_future().get(), "He[Timeout][Cancelled]");
  over.set_value();
}

TEST_F(Steps, AnAnswerIsBounded) {
  Scripted server({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"},
                   {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"}});
  ClientRequest r;
  r.url = server.url();
  std::promise<std::string> exact, over;
  loop_.spawn(limited(&client_, r, 10, &exact));
  EXPECT_EQ(exact.get_future().get(), "0123456789");
  loop_.spawn(limited(&client_, r, 9, &over));
  EXPECT_EQ(over.get_future().get(), "TooLarge");
}

TEST_F(Steps, HeadersAreFoundInAnyCase) {
  Scripted server({{"HTTP/1.1 200 OK\r\nX-One:  a b \r\nx-two:\r\nContent-Length: 2\r\n\r\nok"}});
  ClientRequest r;
  r.url = server.url();
  std::promise<std::string> done;
  loop_.spawn(headers(&client_, r, &done));
  EXPECT_EQ(done.get_future().get(), "a b|||ok|");
}

TEST(ClientTls, VerifiesTheServer) {
  auto root = make_ca("root"), other = make_ca("other");
  ASSERT_TRUE(root && other);
  auto leaf = make_leaf(*root, "leaf", {"localhost"});
  ASSERT_TRUE(leaf);
  auto context = make_server_context(*leaf);
  ASSERT_TRUE(context);
  Loop loop("test");
  loop.start();
  HttpServer server(loop, *context, [](HttpRequest, HttpResponderPtr r) { r->respond(200, {}, "safe"); });
  auto bound = server.listen("127.0.0.1:0");
  ASSERT_TRUE(bound);
  uint16_t port = parse_endpoint(*bound)->port();
  auto to = [&](const std::string& host) {
    auto o = parse_resolve_override(fmt::format("{}:{}:127.0.0.1", host, port));
    return std::vector<ResolveOverride>{*o};
  };
  ClientRequest r;
  r.url = fmt::format("https://localhost:{}/", port);
  HttpClient good(loop, *make_client_context_for_ca(root->certificate), to("localhost"));
  auto answer = good.fetch(r);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "safe");
  HttpClient stranger(loop, *make_client_context_for_ca(other->certificate), to("localhost"));
  answer = stranger.fetch(r);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::UpstreamTls);
  r.url = fmt::format("https://example.com:{}/", port);
  HttpClient elsewhere(loop, *make_client_context_for_ca(root->certificate), to("example.com"));
  answer = elsewhere.fetch(r);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::UpstreamTls);
  server.close();
  loop.stop();  // before the clients go: what they keep is the loop's
  loop.join();
}

}  // namespace
}  // namespace sl::net

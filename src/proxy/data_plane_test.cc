// The data plane in this process, between a client and a backend whose every byte the test decides.
#include "proxy/data_plane.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "base/ids.h"
#include "codec/http1/body.h"
#include "net/tcp/raw_peer.h"

namespace sl::proxy {
namespace {

using net::testing::RawServer;
using net::testing::RawSocket;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Sink : observe::RecordSink {
  void take(std::vector<observe::RecordPtr> records) override {
    std::lock_guard lock(mutex);
    for (auto& r : records) all.push_back(std::move(*r));
  }
  std::mutex mutex;
  std::vector<observe::Record> all;
};

// Answers every request of every connection with the same pieces; "<close>" ends the connection.
class Backend {
 public:
  explicit Backend(std::vector<std::string> pieces)
      : pieces_(std::move(pieces)), server_([this](RawSocket& s) { serve(s); }) {}
  uint16_t port() const { return server_.port(); }
  int accepted() const { return server_.accepted(); }
  std::string request() {  // the last one
    std::lock_guard lock(mutex_);
    return requests_.empty() ? "" : requests_.back();
  }
  size_t count() {
    std::lock_guard lock(mutex_);
    return requests_.size();
  }
  void answer_with(std::vector<std::string> pieces) {
    std::lock_guard lock(mutex_);
    pieces_ = std::move(pieces);
  }

 private:
  void serve(RawSocket& s) {
    for (;;) {
      std::string request = s.read_message();
      if (request.empty()) return;
      std::vector<std::string> pieces;
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
        pieces = pieces_;
      }
      for (auto& piece : pieces)
        if (piece == "<close>" || !s.send(piece)) return;
    }
  }
  std::mutex mutex_;
  std::vector<std::string> pieces_, requests_;
  RawServer server_;
};

std::string body_of(const std::string& message) {
  return message.substr(std::min(message.size(), message.find("\r\n\r\n") + 4));
}
std::string answer(std::string_view body, std::string_view fields = "") {
  return fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}", fields, body.size(), body);
}
// The payload of a whole chunked message; "cut: ..." if its end is missing.
std::string dechunked(const std::string& message) {
  std::string_view rest = message;
  rest.remove_prefix(std::min(rest.size(), rest.find("\r\n\r\n") + 4));
  http1::BodyDecoder body(http1::Framing::Chunked, 0);
  std::string out;
  while (!body.done()) {
    auto piece = body.next(rest);
    if (!piece || piece->empty()) break;
    out += *piece;
  }
  return (body.done() ? "" : "cut: ") + out;
}

class Plane : public ::testing::Test {
 protected:
  // One listener whose "/" goes to this backend.
  static route::RouteSpec spec(uint16_t port) {
    route::RouteSpec s;
    s.listeners = {{.gateway = "ns/gw", .name = "http", .host = "127.0.0.1", .port = 0}};
    s.backends = {{.name = "ns/b", .endpoints = {{"127.0.0.1", port}}}};
    route::Rule rule;
    rule.backends = {{.backend = "ns/b"}};
    s.routes = {{.name = "ns/r", .listeners = {"ns/gw/http"}, .rules = {rule}}};
    return s;
  }
  static route::RouteSpec model_spec(uint16_t port, std::string provider) {
    auto s = spec(port);
    s.backends[0].ai = route::AiTarget{.provider = std::move(provider)};
    s.backends[0].ai->auth = {.kind = "key", .source = "secret", .credential = "sk-secret"};
    return s;
  }
  void start(route::RouteSpec s) {
    WorkerOptions options;
    options.sink = &sink_;
    options.identity_token = "token";
    options.llm_body_bytes_max = 10'000;
    plane_ = std::make_unique<DataPlane>(1, options);
    plane_->start();
    auto ok = plane_->publish(std::move(s));
    ASSERT_TRUE(ok) << ok.error().message;
    std::string bound = plane_->bound("127.0.0.1:0");
    ASSERT_FALSE(bound.empty());
    port_ = net::parse_endpoint(bound)->port();
  }
  void TearDown() override {
    if (plane_) plane_->drain(0);
    plane_.reset();
  }
  RawSocket connect() { return RawSocket::connect(port_); }
  std::string get(std::string_view fields = "", std::string_view path = "/") {
    ++asked_;
    auto s = connect();
    s.send(fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n{}\r\n", path, fields));
    return s.read_message();
  }
  // A chat request; all that comes back until the gateway closes.
  std::string chat(std::string_view body, std::string_view fields = "") {
    ++asked_;
    auto s = connect();
    s.send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}Content-Length: "
                    "{}\r\n\r\n{}",
                    fields, body.size(), body));
    return s.read_to_end();
  }
  // The last record; it is finished a little after its answer.
  observe::Record record() {
    for (int64_t until = monotonic_ms() + 10'000; monotonic_ms() < until;) {
      plane_->flush_records();
      std::lock_guard lock(sink_.mutex);
      if (!sink_.all.empty() && sink_.all.size() >= asked_) return sink_.all.back();
    }
    ADD_FAILURE() << "no record";
    return {};
  }

  Sink sink_;
  std::unique_ptr<DataPlane> plane_;
  uint16_t port_ = 0;
  size_t asked_ = 0;  // requests of get() and chat()
};

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

constexpr char kChat[] = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
constexpr char kChatStream[] = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";
constexpr char kMessage[] =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"yes"}],)"
    R"("stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}})";
constexpr std::string_view kEvents =
    "event: message_start\n"
    R"(data: {"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":3}}})"
    "\n\nevent: content_block_delta\n"
    R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"yes"}})"
    "\n\nevent: message_delta\n"
    R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}})"
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
std::string events_answer() {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n"
      "{}\r\n0\r\n\r\n",
      kEvents.size(), kEvents);
}

TEST_F(Plane, AModelCallIsTranslated) {
  Backend b({answer(kMessage, "request-id: req_1\r\nanthropic-ratelimit-requests-remaining: 9\r\nServer: x\r\n")});
  start(model_spec(b.port(), "anthropic"));
  auto got =
      chat(kChat, "Authorization: Bearer client-key\r\nx-api-key: client-key\r\nCookie: c\r\nX-Stainless: 1\r\n");
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(got, HasSubstr("\"content\":\"yes\""));
  EXPECT_THAT(got, HasSubstr("request-id: req_1\r\n"));
  EXPECT_THAT(got, HasSubstr("anthropic-ratelimit-requests-remaining: 9\r\n"));
  EXPECT_THAT(got, Not(HasSubstr("Server: x")));
  auto sent = b.request();
  EXPECT_THAT(sent, StartsWith("POST /v1/messages HTTP/1.1\r\n"));
  EXPECT_THAT(sent, HasSubstr("x-api-key: sk-secret\r\n"));
  EXPECT_THAT(sent, HasSubstr("anthropic-version: 2023-06-01\r\n"));
  EXPECT_THAT(sent, HasSubstr("Content-Type: application/json\r\n"));
  for (auto* gone : {"client-key", "Authorization", "Cookie", "X-Stainless"})
    EXPECT_THAT(sent, Not(HasSubstr(gone))) << gone;
  auto r = record();
  EXPECT_EQ(r.protocol, "llm");
  EXPECT_EQ(r.request_model, "m");
  EXPECT_EQ(r.response_model, "claude");
  EXPECT_EQ(r.input_tokens, 3);
  EXPECT_EQ(r.output_tokens, 4);
  EXPECT_EQ(r.auth, "secret");
}

TEST_F(Plane, PassThroughKeepsTheClientsOwnFieldsButNotItsKey) {
  Backend b({answer(R"({"model":"gpt","choices":[]})")});
  start(model_spec(b.port(), "openai"));
  chat(kChat, "Authorization: Bearer client-key\r\nOpenAI-Organization: org\r\nX-Stainless: 1\r\nCookie: c\r\n");
  auto sent = b.request();
  EXPECT_THAT(sent, AllOf(HasSubstr("Authorization: Bearer sk-secret\r\n"), HasSubstr("OpenAI-Organization: org\r\n"),
                          HasSubstr("X-Stainless: 1\r\n")));
  EXPECT_THAT(sent, AllOf(Not(HasSubstr("client-key")), Not(HasSubstr("Cookie"))));
  EXPECT_EQ(body_of(sent), kChat);
}

TEST_F(Plane, AModelStreamIsTheSameForEverySplit) {
  Backend b({});
  start(model_spec(b.port(), "anthropic"));
  std::string text = events_answer(), whole;
  for (size_t cut = 0; cut < text.size(); ++cut) {
    b.answer_with({text.substr(0, cut), text.substr(cut)});
    auto got = dechunked(chat(kChatStream));
    for (size_t at; (at = got.find("\"created\":")) != std::string::npos;) got.erase(at, 21);
    if (whole.empty()) whole = got;
    ASSERT_EQ(got, whole) << cut;
  }
  EXPECT_THAT(whole, AllOf(HasSubstr("\"content\":\"yes\""), HasSubstr("\"stop\""), EndsWith("data: [DONE]\n\n")));
  EXPECT_TRUE(record().streamed);
  EXPECT_EQ(record().output_tokens, 4);
}

TEST_F(Plane, ACutModelStreamEndsInAnErrorAndIsCut) {
  Backend b({});
  start(model_spec(b.port(), "anthropic"));
  std::string text = events_answer();
  size_t head = text.find("\r\n\r\n") + 4;
  for (size_t cut : {head, head + 60}) {  // before the first event was whole: the status can still tell
    b.answer_with({text.substr(0, cut), "<close>"});
    EXPECT_THAT(chat(kChatStream), AllOf(StartsWith("HTTP/1.1 502 "), HasSubstr("application/json"),
                                         HasSubstr("upstream_closed"), Not(HasSubstr("data:"))));
  }
  for (size_t cut : {text.find("content_block_delta"), text.find("message_delta"), text.size() - 40}) {
    b.answer_with({text.substr(0, cut), "<close>"});
    auto got = dechunked(chat(kChatStream));
    EXPECT_THAT(got, StartsWith("cut: ")) << cut;
    EXPECT_THAT(got, HasSubstr("data: {\"error\":")) << cut;
    EXPECT_THAT(got, Not(HasSubstr("[DONE]"))) << cut;
  }
  EXPECT_THAT(record().error, Not(IsEmpty()));
}

TEST_F(Plane, TheProvidersErrorIsTranslated) {
  std::string body = R"({"type":"error","error":{"type":"rate_limit_error","message":"slow"}})";
  Backend b({fmt::format("HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nContent-Length: {}\r\n\r\n{}",
                         body.size(), body)});
  start(model_spec(b.port(), "anthropic"));
  for (auto* request : {kChat, kChatStream}) {
    auto got = chat(request);
    EXPECT_THAT(got, StartsWith("HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"));
    EXPECT_THAT(got, HasSubstr("retry-after: 7\r\n"));
    EXPECT_THAT(got, HasSubstr(R"("message":"slow","type":"rate_limit_error")"));
  }
}

TEST_F(Plane, ModelErrorsOfTheGatewaySpeakTheClientsFormat) {
  Backend b({answer("<html>")});
  start(model_spec(b.port(), "anthropic"));
  EXPECT_THAT(chat(kChat), AllOf(StartsWith("HTTP/1.1 502 "), HasSubstr(R"("type":"server_error")")));
  EXPECT_THAT(chat("{"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr(R"("type":"invalid_request_error")")));
  EXPECT_THAT(chat(std::string(10'001, ' ')), AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("{\"error\":")));
  EXPECT_THAT(get(), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("{\"error\":")));
  EXPECT_EQ(b.count(), 1u);
}

TEST_F(Plane, TheCallersKeyIsPassedOnWhenToldSo) {
  Backend b({answer(kMessage)});
  auto s = model_spec(b.port(), "anthropic");
  s.backends[0].ai->auth = {.kind = "passthrough"};
  start(std::move(s));
  chat(kChat, "Authorization: Bearer mine\r\n");
  EXPECT_THAT(b.request(), AllOf(HasSubstr("x-api-key: mine\r\n"), Not(HasSubstr("Authorization"))));
  chat(kChat, "x-api-key: other\r\n");
  EXPECT_THAT(b.request(), HasSubstr("x-api-key: other\r\n"));
  EXPECT_THAT(chat(kChat), AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("authentication_error")));
  EXPECT_EQ(b.count(), 2u);
}

// A model call costs money: it is never sent a second time by itself.
TEST_F(Plane, AModelCallIsSentOnce) {
  Backend b({answer(kMessage)});
  start(model_spec(b.port(), "anthropic"));
  EXPECT_THAT(chat(kChat), StartsWith("HTTP/1.1 200 "));
  b.answer_with({"<close>"});
  EXPECT_THAT(chat(kChat), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(b.count(), 2u);
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

TEST_F(Plane, ABadConfigurationLeavesTheLastGoodOne) {
  Backend b({answer("hi")});
  start(spec(b.port()));
  auto twice = spec(1);
  twice.listeners.push_back(twice.listeners[0]);
  EXPECT_FALSE(plane_->publish(twice));
  EXPECT_EQ(body_of(get()), "hi");
}

size_t count_of(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}
constexpr std::string_view kYes =
    R"({"id":"m","model":"c","content":[{"type":"text","text":"yes"}],"stop_reason":"end_turn","usage":{}})";
constexpr std::string_view kQuestion = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kStreamed = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";

TEST_F(Plane, RulesReplaceTheModelAnswersFieldsButNotItsFraming) {
  Backend b({answer(kYes)});
  auto s = model_spec(b.port(), "anthropic");
  route::HeaderChange change;
  change.set = {
      {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}, {"X", "a\r\nEvil: 1"}, {"Content-Type", "text/x"}};
  s.routes[0].rules[0].filters.response_headers = change;
  start(s);
  auto got = chat(kQuestion);
  EXPECT_EQ(count_of(got, "Content-Length:"), 1u) << got;
  EXPECT_EQ(count_of(got, "Transfer-Encoding:"), 0u) << got;
  EXPECT_EQ(count_of(got, "\nEvil"), 0u) << got;
  EXPECT_EQ(count_of(got, "Content-Type:"), 1u) << got;
}

TEST_F(Plane, RulesReplaceTheFieldsWeMakeForTheProvider) {
  Backend b({answer(kYes)});
  auto s = model_spec(b.port(), "anthropic");
  route::HeaderChange change;
  change.set = {{"x-api-key", "other"}, {"Content-Type", "text/x"}, {"Accept", "z"}};
  change.remove = {"anthropic-version"};
  s.routes[0].rules[0].filters.request_headers = change;
  start(s);
  chat(kQuestion);
  for (auto* name : {"x-api-key:", "Content-Type:", "Accept:"}) EXPECT_EQ(count_of(b.request(), name), 1u) << name;
  EXPECT_EQ(count_of(b.request(), "anthropic-version:"), 0u);
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

// The provider says all there is to say and keeps its connection open.
std::string open_stream(std::string_view events) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n",
      events.size(), events);
}

TEST_F(Plane, TheAnswerEndsWithTheModelsLastEvent) {
  Backend b({open_stream("data: {\"type\":\"message_stop\"}\n\n")});
  start(model_spec(b.port(), "anthropic"));
  EXPECT_THAT(dechunked(chat(kStreamed)), EndsWith("data: [DONE]\n\n"));
}

TEST_F(Plane, AnErrorEventEndsTheAnswer) {
  Backend b({open_stream(
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n")});
  start(model_spec(b.port(), "anthropic"));
  EXPECT_THAT(chat(kStreamed), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("application/json"), HasSubstr("busy")));
  EXPECT_THAT(record().error, Not(IsEmpty()));
  EXPECT_EQ(record().status, 503);
}

TEST_F(Plane, AnErrorEventAfterTheFirstEndsTheAnswer) {
  Backend b(
      {open_stream("data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n"
                   "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n")});
  start(model_spec(b.port(), "anthropic"));
  EXPECT_THAT(dechunked(chat(kStreamed)), AllOf(StartsWith("cut: "), HasSubstr("busy")));
}

// Passed through, the client gets what the provider said, as it said it.
TEST_F(Plane, AnErrorOfTheClientsOwnFormIsPassedOn) {
  std::string event = R"(data: {"error":{"message":"slow down","type":"x","code":"context_length_exceeded"}})";
  Backend b({open_stream(event + "\n\n")});
  start(model_spec(b.port(), "openai"));
  std::string got = chat(kStreamed);
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(dechunked(got), AllOf(StartsWith("cut: "), HasSubstr(event)));
  EXPECT_THAT(record().error, HasSubstr("slow down"));
}

TEST_F(Plane, WhoLeavesBeforeTheFirstEventHasLeft) {
  Backend b({"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"});
  start(model_spec(b.port(), "anthropic"));
  ++asked_;
  {
    auto s = connect();
    s.send(fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}",
                       kStreamed.size(), kStreamed));
    for (int64_t until = monotonic_ms() + 10'000; b.request().empty() && monotonic_ms() < until;)
      std::this_thread::yield();
    EXPECT_THAT(b.request(), HasSubstr("/v1/messages"));
  }
  EXPECT_EQ(record().status, 499);
}

TEST_F(Plane, ASilentStreamIsAnsweredWhenItsTimeIsUp) {
  Backend b({"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"});
  auto s = model_spec(b.port(), "anthropic");
  s.routes[0].rules[0].request_timeout_ms = 200;
  start(std::move(s));
  EXPECT_THAT(chat(kStreamed), AllOf(StartsWith("HTTP/1.1 504 "), HasSubstr("application/json")));
  EXPECT_EQ(record().status, 504);
}

TEST_F(Plane, WhatIsNoAnswerIsNamed) {
  auto plain = [](std::string_view head, std::string_view body) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}", head, body.size(), body);
  };
  Backend b({});
  start(model_spec(b.port(), "anthropic"));
  for (auto [answer, words] :
       {std::pair{plain("302 Found\r\nLocation: http://x.test/", ""), "redirected to http://x.test/"},
        {plain("200 OK\r\nContent-Encoding: gzip", "\x1f\x8b"), "Content-Encoding gzip"},
        {plain("200 OK", ""), "was empty"},
        {plain("200 OK\r\nContent-Type: text/event-stream", "data: {}\n\n"), "was a stream"}}) {
    b.answer_with({answer});
    EXPECT_THAT(chat(kChat), AllOf(StartsWith("HTTP/1.1 502 "), HasSubstr(words)));
  }
  b.answer_with({plain("200 OK\r\nContent-Type: application/json", R"({"content":[{"type":"text","text":"x"}]})")});
  EXPECT_THAT(chat(kStreamed), AllOf(StartsWith("HTTP/1.1 502 "), HasSubstr("where a stream was asked for")));
}

}  // namespace
}  // namespace sl::proxy

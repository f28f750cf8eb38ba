// Model calls through the data plane.
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
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

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

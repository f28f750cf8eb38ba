// One model call: the same result at every split of the bytes, cut streams, usage asked for and hidden.
#include "llm/exchange/exchange.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sl::llm {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kAnthropicStream =
    "event: message_start\r\n"
    R"(data: {"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":10,)"
    R"("cache_read_input_tokens":4,"output_tokens":1}}})"
    "\r\n\r\n"
    "event: content_block_start\n"
    R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
    "\n\n"
    ": comment\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
    "event: content_block_delta\n"
    R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüß)"
    "\xE2\x82\xAC"
    R"(\n"}})"
    "\n\n"
    R"(data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c1","name":"f","input":{}}})"
    "\n\n"
    R"(data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}})"
    "\r\r"
    "data: {\"type\":\"content_block_stop\",\n"
    "data: \"index\":1}\n\n"
    R"(data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})"
    "\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

constexpr std::string_view kOpenAiStream =
    R"(data: {"id":"x","object":"chat.completion.chunk","model":"gpt","choices":[{"index":0,"delta":{"content":"Grüß"},)"
    R"("finish_reason":null}],"usage":null})"
    "\n\n"
    R"(data: {"id":"x","model":"gpt","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null,"x_new":1e2})"
    "\n\n"
    R"(data: {"id":"x","model":"gpt","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}})"
    "\n\n"
    "data: [DONE]\n\n";

Exchange exchange(std::string_view provider) {
  return Exchange(openai_chat(), *find_provider(provider));
}

// The time of day is not part of what is compared.
std::string timeless(std::string text) {
  static constexpr std::string_view kKey = "\"created\":";
  for (size_t at = 0; (at = text.find(kKey, at)) != std::string::npos;) {
    at += kKey.size();
    size_t end = text.find_first_not_of("0123456789", at);
    text.replace(at, end - at, "0");
  }
  return text;
}

struct Outcome {
  std::string out;
  bool whole = false, failed = false;
  std::string model, finish;
  int64_t input = 0, output = 0, cached = 0;
  bool operator==(const Outcome&) const = default;
};
void PrintTo(const Outcome& o, std::ostream* os) {
  *os << o.out << " whole=" << o.whole << " failed=" << o.failed << " " << o.model << " " << o.finish << " " << o.input
      << " " << o.output;
}

// A streamed answer in these pieces; the client asked for usage or not.
Outcome run(std::string_view provider, const std::vector<std::string>& pieces, bool include_usage) {
  Exchange x = exchange(provider);
  std::string body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}])";
  if (include_usage) body += R"(,"stream_options":{"include_usage":true})";
  EXPECT_TRUE(x.request(body + "}", ""));
  EXPECT_TRUE(x.streamed());
  Outcome o;
  for (auto& piece : pieces) x.feed(piece, o.out);
  o.whole = x.finish(o.out);
  o.failed = x.stream_failed();
  auto& f = x.facts();
  o.model = f.model;
  o.finish = f.finish;
  o.input = f.usage.input;
  o.output = f.usage.output;
  o.cached = f.usage.cached;
  o.out = timeless(std::move(o.out));
  return o;
}

std::vector<std::string> bytes_of(std::string_view text) {
  std::vector<std::string> out;
  for (char c : text) out.emplace_back(1, c);
  return out;
}
std::vector<std::string> payloads(std::string_view text) {
  sse::Decoder decoder;
  EXPECT_TRUE(decoder.feed(text));
  std::vector<std::string> out;
  for (sse::Event e; decoder.next(e);) out.emplace_back(e.data);
  EXPECT_FALSE(decoder.has_partial()) << text;
  return out;
}
size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(ExchangeStream, SaysWhatTheProviderSaid) {
  Outcome o = run("anthropic", {std::string(kAnthropicStream)}, true);
  EXPECT_TRUE(o.whole);
  EXPECT_FALSE(o.failed);
  EXPECT_EQ(o.model, "claude");
  EXPECT_EQ(o.finish, "tool_calls");
  EXPECT_EQ(o.input, 14);
  EXPECT_EQ(o.cached, 4);
  EXPECT_EQ(o.output, 9);
  auto all = payloads(o.out);
  ASSERT_THAT(all, SizeIs(7));
  EXPECT_THAT(all[1], HasSubstr("\"content\":\"Grüß\xE2\x82\xAC\\n\""));
  EXPECT_THAT(all[2], HasSubstr("\"id\":\"c1\""));
  EXPECT_THAT(all[3], HasSubstr(R"({\"a\":1})"));
  EXPECT_THAT(all[4], HasSubstr("\"finish_reason\":\"tool_calls\""));
  EXPECT_THAT(all[5], HasSubstr("\"total_tokens\":23"));
  EXPECT_EQ(all[6], "[DONE]");
}

TEST(ExchangeStream, IsTheSameForEverySplitInTwo) {
  for (std::string provider : {"anthropic", "openai"})
    for (bool usage : {false, true}) {
      std::string_view text = provider == "openai" ? kOpenAiStream : kAnthropicStream;
      Outcome whole = run(provider, {std::string(text)}, usage);
      ASSERT_TRUE(whole.whole);
      for (size_t cut = 0; cut <= text.size(); ++cut)
        ASSERT_EQ(run(provider, {std::string(text.substr(0, cut)), std::string(text.substr(cut))}, usage), whole)
            << provider << " " << cut;
      ASSERT_EQ(run(provider, bytes_of(text), usage), whole) << provider;
    }
}

TEST(ExchangeStream, AnErrorThatIsNullIsNone) {
  Outcome o = run("openai", {"data: {\"id\":\"x\",\"error\":null,\"choices\":[]}\n\ndata: [DONE]\n\n"}, true);
  EXPECT_TRUE(o.whole);
  EXPECT_FALSE(o.failed);
}

TEST(ExchangeStream, AnErrorKeepsItsKind) {
  Outcome o = run("anthropic",
                  {"event: error\ndata: {\"type\":\"error\",\"error\":"
                   "{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}\n\n"},
                  true);
  EXPECT_TRUE(o.failed);
  EXPECT_THAT(o.out, HasSubstr(R"("type":"rate_limit_error")"));
}

TEST(ExchangeStream, EmptyPiecesChangeNothing) {
  for (std::string provider : {"anthropic", "openai"}) {
    std::string text(provider == "openai" ? kOpenAiStream : kAnthropicStream);
    EXPECT_EQ(run(provider, {"", text, "", ""}, false), run(provider, {text}, false));
  }
}

// Wherever the provider stops, the client gets one error, in words, and no [DONE].
TEST(ExchangeStream, ACutAnywhereIsOneError) {
  size_t end = kAnthropicStream.rfind('\n');  // with the blank line's end missing nothing has been said
  for (size_t cut = 0; cut < end; ++cut) {
    Outcome o = run("anthropic", {std::string(kAnthropicStream.substr(0, cut))}, true);
    ASSERT_FALSE(o.whole) << cut;
    ASSERT_TRUE(o.failed) << cut;
    auto all = payloads(o.out);
    ASSERT_FALSE(all.empty()) << cut;
    ASSERT_EQ(count(o.out, "{\"error\":"), 1u) << cut;
    auto last = json::parse(all.back());
    ASSERT_TRUE(last) << cut;
    ASSERT_FALSE(json::str(*last, "error", "message").empty()) << cut;
    ASSERT_EQ(json::str(*last, "error", "type"), "server_error") << cut;
    ASSERT_EQ(count(o.out, "[DONE]"), 0u) << cut;
  }
}

// The cut event of a hidden stream is held back, so the error stands alone.
TEST(ExchangeStream, ACutPassThroughIsOneErrorToo) {
  size_t end = kOpenAiStream.size() - 1;
  for (size_t cut = 0; cut < end; ++cut) {
    Outcome o = run("openai", {std::string(kOpenAiStream.substr(0, cut))}, false);
    ASSERT_FALSE(o.whole) << cut;
    auto all = payloads(o.out);
    ASSERT_FALSE(all.empty()) << cut;
    ASSERT_THAT(all.back(), HasSubstr("{\"error\":")) << cut;
    ASSERT_EQ(count(o.out, "{\"error\":"), 1u) << cut;
    ASSERT_EQ(count(o.out, "[DONE]"), 0u) << cut;
  }
}

TEST(ExchangeStream, TheReasonForTheCutIsTold) {
  Exchange x = exchange("anthropic");
  std::string out;
  EXPECT_FALSE(x.finish(out, "no bytes for 300 s"));
  EXPECT_THAT(out, HasSubstr("no bytes for 300 s"));
  EXPECT_THAT(out, HasSubstr("upstream_closed"));
  Exchange slow = exchange("anthropic");
  std::string late;
  EXPECT_FALSE(slow.finish(late, "no bytes for 300 s", 504));
  EXPECT_THAT(late, HasSubstr("timeout"));
  EXPECT_THAT(late, Not(HasSubstr("upstream_closed")));
  std::string again;
  EXPECT_FALSE(x.finish(again));
  EXPECT_EQ(again, "");
}

TEST(ExchangeStream, AnErrorEventIsTheEnd) {
  std::string text(kAnthropicStream.substr(0, kAnthropicStream.find("event: ping")));
  text += "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
  text += kAnthropicStream.substr(kAnthropicStream.find("event: ping"));
  Outcome whole = run("anthropic", {text}, true);
  EXPECT_FALSE(whole.whole);
  EXPECT_TRUE(whole.failed);
  EXPECT_EQ(count(whole.out, "{\"error\":"), 1u);
  EXPECT_THAT(payloads(whole.out).back(), HasSubstr("busy"));
  EXPECT_EQ(run("anthropic", bytes_of(text), true), whole);
}

TEST(ExchangeStream, WhatFollowsTheEndIsIgnored) {
  Outcome whole = run("anthropic", {std::string(kAnthropicStream)}, true);
  std::string more = std::string(kAnthropicStream) + "data: {\"type\":\"error\"}\n\nnonsense";
  EXPECT_EQ(run("anthropic", {more}, true), whole);
  EXPECT_EQ(run("anthropic", bytes_of(more), true), whole);
}

TEST(ExchangePassThrough, WantedUsageLeavesEveryByte) {
  Outcome o = run("openai", bytes_of(kOpenAiStream), true);
  EXPECT_EQ(o.out, kOpenAiStream);
  EXPECT_EQ(o.input, 9);
  EXPECT_EQ(o.output, 3);
  EXPECT_EQ(o.finish, "stop");
}

TEST(ExchangePassThrough, UnwantedUsageIsTakenAndHidden) {
  Outcome o = run("openai", {std::string(kOpenAiStream)}, false);
  EXPECT_EQ(o.input, 9);
  EXPECT_EQ(o.output, 3);
  auto all = payloads(o.out);
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_THAT(o.out, Not(HasSubstr("prompt_tokens")));
  EXPECT_THAT(o.out, HasSubstr("\"x_new\":1e2"));
  EXPECT_EQ(all[2], "[DONE]");
}

TEST(ExchangePassThrough, AnErrorInTheStreamIsAFailure) {
  Outcome o = run("openai", {"data: {\"error\":{\"message\":\"busy\"}}\n\n"}, true);
  EXPECT_FALSE(o.whole);
  EXPECT_TRUE(o.failed);
  EXPECT_EQ(count(o.out, "{\"error\":"), 1u);
}

TEST(ExchangePassThrough, TheRequestKeepsItsSpelling) {
  Exchange x = exchange("openai");
  EXPECT_TRUE(x.pass_through());
  std::string body = "{ \"temperature\" : 1.0,\n\"model\":\"gpt\", \"x\\u0041\": [1e2], \"messages\":[] }";
  EXPECT_EQ(*x.request(body, ""), body);
  EXPECT_EQ(*x.request(body, "gpt"), body);
  EXPECT_EQ(*x.request(body, "other"),
            "{ \"temperature\" : 1.0,\n\"model\":\"other\", \"x\\u0041\": [1e2], \"messages\":[] }");
  EXPECT_EQ(x.model(), "other");
  EXPECT_FALSE(x.streamed());
}

TEST(ExchangePassThrough, AStreamAlwaysAsksForUsage) {
  struct Case {
    std::string options;
    bool kept;
  };
  for (auto& c : std::vector<Case>{{"", false},
                                   {R"(,"stream_options":null)", false},
                                   {R"(,"stream_options":{})", false},
                                   {R"(,"stream_options":{"include_usage":false,"x":1})", false},
                                   {R"(,"stream_options":{"x":1,"include_usage":true})", true}}) {
    Exchange x = exchange("openai");
    std::string body = R"({"model":"m","stream":true)" + c.options + "}";
    auto sent = x.request(body, "");
    ASSERT_TRUE(sent) << c.options;
    auto v = json::parse(*sent);
    ASSERT_TRUE(v) << *sent;
    EXPECT_TRUE(v->at("stream_options").at("include_usage").get_bool()) << c.options;
    EXPECT_EQ(*sent == body, c.kept) << c.options;
    EXPECT_EQ(json::num(*v, 0, "stream_options", "x"), c.options.find("\"x\"") == std::string::npos ? 0 : 1);
  }
}

TEST(ExchangePassThrough, BrokenRequestsAreRefused) {
  for (auto* body : {"", "{", "[]", "3", "{}", R"({"model":""})", R"({"model":3})"}) {
    Exchange x = exchange("openai");
    auto sent = x.request(body, "");
    ASSERT_FALSE(sent) << body;
    EXPECT_EQ(sent.error().code, Code::InvalidArgument) << body;
  }
  Exchange x = exchange("openai");
  EXPECT_TRUE(x.request("{}", "given"));
}

TEST(ExchangeRequest, TheModelOfTheBackendWins) {
  Exchange x = exchange("anthropic");
  auto sent = x.request(R"({"model":"gpt","messages":[{"role":"user","content":"hi"}],"seed":1})", "claude-opus-4-6");
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(json::str(*json::parse(*sent), "model"), "claude-opus-4-6");
  EXPECT_EQ(x.model(), "claude-opus-4-6");
  EXPECT_THAT(x.dropped(), ElementsAre("seed"));
  EXPECT_FALSE(x.pass_through());
}

TEST(ExchangeResponse, IsTranslatedAndCounted) {
  Exchange x = exchange("anthropic");
  ASSERT_TRUE(x.request(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})", ""));
  auto out = x.response(R"({"id":"msg_1","type":"message","model":"claude","content":[{"type":"text","text":"yes"}],
      "stop_reason":"max_tokens","usage":{"input_tokens":3,"output_tokens":4}})");
  ASSERT_TRUE(out) << out.error().message;
  auto v = json::parse(*out);
  EXPECT_EQ(json::str(v->at("choices").at(0), "message", "content"), "yes");
  EXPECT_EQ(json::num(*v, 0, "usage", "total_tokens"), 7);
  EXPECT_EQ(x.facts().model, "claude");
  EXPECT_EQ(x.facts().finish, "length");
  EXPECT_TRUE(x.facts().has_usage);
  EXPECT_EQ(x.facts().usage.output, 4);
}

TEST(ExchangeResponse, WhatIsNotAnAnswerIsTheProvidersFault) {
  for (auto* body : {"", "<html>", "{}", "[]", R"({"content":5})"}) {
    Exchange x = exchange("anthropic");
    auto out = x.response(body);
    ASSERT_FALSE(out) << body;
    EXPECT_EQ(out.error().code, Code::UpstreamProtocol) << body;
  }
}

TEST(ExchangeResponse, PassThroughLeavesEveryByte) {
  Exchange x = exchange("openai");
  std::string body = "{ \"model\":\"gpt\",\n \"choices\":[{\"finish_reason\":\"stop\"}], \"x\":1.0 }";
  EXPECT_EQ(*x.response(body), body);
  EXPECT_EQ(x.facts().finish, "stop");
}

TEST(ExchangeErrors, ComeInTheClientsWords) {
  Exchange x = exchange("anthropic");
  int status = 529;
  auto v = json::parse(x.error_response(
      &status, R"({"type":"error","error":{"type":"overloaded_error","message":"busy"},"request_id":"r"})"));
  EXPECT_EQ(status, 503);
  EXPECT_EQ(json::str(*v, "error", "message"), "busy");
  EXPECT_EQ(json::str(*v, "error", "type"), "server_error");
  EXPECT_EQ(json::str(*v, "error", "code"), "overloaded_error");
  const std::vector<std::pair<int, std::string>> cases = {{400, "invalid_request_error"}, {401, "authentication_error"},
                                                          {403, "permission_error"},      {404, "not_found_error"},
                                                          {413, "invalid_request_error"}, {429, "rate_limit_error"},
                                                          {500, "server_error"}};
  for (auto& [code, type] : cases) {
    status = code;
    v = json::parse(x.error_response(&status, R"({"type":"error","error":{"type":"t","message":"m"}})"));
    EXPECT_EQ(status, code);
    EXPECT_EQ(json::str(*v, "error", "type"), type);
  }
}

// A page of a load balancer, or nothing, still becomes an error that says the status.
TEST(ExchangeErrors, WithoutAMessageTheStatusIsTold) {
  for (std::string provider : {"anthropic", "openai"})
    for (std::string body : {"", "<html>bad gateway</html>", "upstream gone", "{}"}) {
      Exchange x = exchange(provider);
      int status = 502;
      auto v = json::parse(x.error_response(&status, body));
      ASSERT_TRUE(v) << body;
      EXPECT_EQ(status, 502);
      EXPECT_THAT(std::string(json::str(*v, "error", "message")), HasSubstr("502")) << body;
      EXPECT_THAT(std::string(json::str(*v, "error", "message")), Not(HasSubstr("<html>")));
    }
}

TEST(ExchangeErrors, PassThroughLeavesEveryByte) {
  Exchange x = exchange("openai");
  int status = 400;
  std::string body = "{ \"error\": {\"type\":\"invalid_request_error\",\"message\":\"m\",\"x\":1.0} }";
  EXPECT_EQ(x.error_response(&status, body), body);
  EXPECT_EQ(status, 400);
}

TEST(ExchangeAssume, ActsAsIfTheClientHadAsked) {
  for (bool usage : {false, true}) {
    Exchange x = exchange("anthropic");
    x.assume("m", true, usage);
    std::string out;
    x.feed(kAnthropicStream, out);
    EXPECT_TRUE(x.finish(out));
    EXPECT_EQ(count(out, "\"prompt_tokens\""), usage ? 1u : 0u);
  }
}

// A cut in the middle of an event: what came of it is not shown, the error stands alone.
TEST(ExchangePassThrough, ACutEventDoesNotRunIntoTheError) {
  for (std::string_view cut : {"data: {\"choi", "data: {\"choices\":[]}\n"}) {
    auto x = exchange("openai");
    ASSERT_TRUE(x.request(R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]})", ""));
    std::string out;
    x.feed("data: {\"id\":\"1\",\"choices\":[]}\n\n", out);
    x.feed(cut, out);
    EXPECT_FALSE(x.finish(out, "cut"));
    size_t second = out.find("\n\n") + 2;
    ASSERT_TRUE(out.substr(second).starts_with("data: {\"error\"")) << out;
    EXPECT_TRUE(json::parse(out.substr(second + 6, out.size() - second - 8))) << out;
  }
}

// An answer to "functions" has place for one call: the others are named.
TEST(Translated, ASecondCallForOldFunctionsIsNamed) {
  constexpr std::string_view kRequest =
      R"({"model":"claude-3-5-haiku","messages":[{"role":"user","content":"q"}],"functions":[{"name":"f"}]})";
  auto tool = [](std::string_view id) {
    return fmt::format(R"({{"type":"tool_use","id":"{}","name":"f","input":{{}}}})", id);
  };
  for (int calls : {1, 2}) {
    auto named = calls == 1 ? std::vector<std::string>{} : std::vector<std::string>{"content.tool_use"};
    auto whole = exchange("anthropic");
    ASSERT_TRUE(whole.request(kRequest, ""));
    std::string content = tool("a") + (calls == 2 ? "," + tool("b") : "");
    ASSERT_TRUE(whole.response(fmt::format(R"({{"content":[{}],"stop_reason":"tool_use"}})", content)));
    EXPECT_EQ(whole.dropped(), named);
    auto streamed = exchange("anthropic");
    ASSERT_TRUE(streamed.request(kRequest, ""));
    streamed.assume("claude", true, false);
    std::string in = "data: {\"type\":\"message_start\",\"message\":{}}\n\n", out;
    for (int i = 0; i < calls; ++i)
      in += fmt::format("data: {{\"type\":\"content_block_start\",\"index\":{},\"content_block\":{}}}\n\n", i,
                        tool(i ? "b" : "a"));
    streamed.feed(in, out);
    EXPECT_EQ(streamed.dropped(), named);
  }
}

}  // namespace
}  // namespace sl::llm

// Anthropic's answers, errors and streams as the canonical chat.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include <string>
#include <vector>

#include "json/test_kit.h"
#include "providers/anthropic/anthropic.h"

namespace sl::providers {
namespace {

using namespace llm;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

using json::test::kept;
using json::test::must;
Result<ChatResponse> decode(std::string_view text) {
  return decode_response(kept(text));
}

TEST(AnthropicAnswer, StopReasons) {
  EXPECT_EQ(finish_of("end_turn"), Finish::Stop);
  EXPECT_EQ(finish_of("stop_sequence"), Finish::Stop);
  EXPECT_EQ(finish_of("pause_turn"), Finish::Stop);
  EXPECT_EQ(finish_of("max_tokens"), Finish::Length);
  EXPECT_EQ(finish_of("model_context_window_exceeded"), Finish::Length);
  EXPECT_EQ(finish_of("tool_use"), Finish::ToolCalls);
  EXPECT_EQ(finish_of("refusal"), Finish::ContentFilter);
  EXPECT_EQ(finish_of("something_new"), Finish::Stop);
}

TEST(AnthropicAnswer, UsageCountsCachedInput) {
  auto u = usage_of(kept(R"({"input_tokens":10,"cache_read_input_tokens":200,"cache_creation_input_tokens":3000,
                              "output_tokens":7})"));
  EXPECT_EQ(u.input, 3210);
  EXPECT_EQ(u.cached, 200);
  EXPECT_EQ(u.cache_write, 3000);
  EXPECT_EQ(u.output, 7);
  u = usage_of(kept(R"({"input_tokens":10,"cache_read_input_tokens":null,"output_tokens":7})"));
  EXPECT_EQ(u.input, 10);
  EXPECT_EQ(u.cached, 0);
}

TEST(AnthropicAnswer, BlocksInOrder) {
  auto r = decode(R"({"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[
      {"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"zz"},
      {"type":"text","text":"so"},{"type":"tool_use","id":"c1","name":"f","input":{"a":[1]}},
      {"type":"tool_use","id":"c2","name":"g"}],
      "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2}})");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->id, "msg_1");
  EXPECT_EQ(r->model, "claude");
  EXPECT_EQ(r->finish, Finish::ToolCalls);
  ASSERT_EQ(r->parts.size(), 5u);
  EXPECT_EQ(r->parts[0].kind, PartKind::Thinking);
  EXPECT_EQ(r->parts[0].signature, "sig");
  EXPECT_EQ(r->parts[1].kind, PartKind::RedactedThinking);
  EXPECT_EQ(r->parts[1].text, "zz");
  EXPECT_EQ(r->parts[2].text, "so");
  EXPECT_EQ(r->parts[3].arguments, R"({"a":[1]})");
  EXPECT_EQ(r->parts[4].arguments, "{}");
  EXPECT_THAT(r->dropped, IsEmpty());
}

TEST(AnthropicAnswer, WhatHasNoPlaceIsNamed) {
  auto r = decode(R"({"content":[{"type":"text","text":"a","citations":[{"type":"char_location"}]},
      {"type":"server_tool_use","id":"x","name":"web_search","input":{}}],"stop_reason":"end_turn"})");
  ASSERT_TRUE(r);
  EXPECT_THAT(r->dropped, ElementsAre("content.citations", "content.server_tool_use"));
  EXPECT_EQ(r->parts.size(), 1u);
}

TEST(AnthropicAnswer, WhatIsSaidBesideTheContentIsNamed) {
  auto r = decode(R"({"content":[],"stop_reason":"pause_turn","stop_sequence":"END","container":{"id":"c"},
      "usage":{"input_tokens":1,"output_tokens":1,"service_tier":"priority","server_tool_use":{"web_search_requests":1}}})");
  ASSERT_TRUE(r);
  EXPECT_THAT(r->dropped, ElementsAre("stop_reason.pause_turn", "stop_sequence", "container", "usage.service_tier",
                                      "usage.server_tool_use"));
  r = decode(R"({"content":[],"stop_reason":"end_turn","stop_sequence":null,"container":null,
      "usage":{"input_tokens":1,"output_tokens":1,"service_tier":"standard","server_tool_use":null}})");
  EXPECT_THAT(r->dropped, IsEmpty());
}

TEST(AnthropicAnswer, WithoutContentItIsNoAnswer) {
  for (auto* text : {"{}", "[]", "null", R"({"content":null})", R"({"content":"text"})"}) {
    auto r = decode(text);
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().code, Code::UpstreamProtocol);
  }
}

TEST(AnthropicAnswer, TheForcedToolIsTheAnswer) {
  std::string block = fmt::format(R"({{"type":"tool_use","id":"c","name":"{}","input":{{"a":1}}}})", kStructuredTool);
  auto r = decode(fmt::format(R"({{"content":[{}],"stop_reason":"tool_use"}})", block));
  ASSERT_TRUE(r);
  ASSERT_EQ(r->parts.size(), 1u);
  EXPECT_EQ(r->parts[0].kind, PartKind::Text);
  EXPECT_EQ(r->parts[0].text, R"({"a":1})");
  EXPECT_EQ(r->finish, Finish::Stop);
  r = decode(fmt::format(R"({{"content":[{},{{"type":"tool_use","id":"d","name":"f","input":{{}}}}],)"
                         R"("stop_reason":"tool_use"}})",
                         block));
  ASSERT_EQ(r->parts.size(), 2u);
  EXPECT_EQ(r->parts[1].kind, PartKind::ToolCall);
  EXPECT_EQ(r->finish, Finish::ToolCalls);
  r = decode(fmt::format(R"({{"content":[{}],"stop_reason":"max_tokens"}})", block));
  EXPECT_EQ(r->finish, Finish::Length);
}

TEST(AnthropicAnswer, WordsBesideTheForcedToolWouldSpoilItsValue) {
  std::string block = fmt::format(R"({{"type":"tool_use","id":"c","name":"{}","input":{{"a":1}}}})", kStructuredTool);
  auto r =
      decode(fmt::format(R"({{"content":[{{"type":"text","text":"Here: "}},{}],"stop_reason":"tool_use"}})", block));
  ASSERT_TRUE(r);
  ASSERT_EQ(r->parts.size(), 1u);
  EXPECT_EQ(r->parts[0].text, R"({"a":1})");
  EXPECT_THAT(r->dropped, ElementsAre("content.text"));
}

TEST(AnthropicErrors, KeepTypeAndMessage) {
  auto& p = anthropic();
  auto e = p.decode_error(400, R"({"type":"error","error":{"type":"invalid_request_error","message":"no"}})");
  EXPECT_EQ(e.status, 400);
  EXPECT_EQ(e.type, "invalid_request_error");
  EXPECT_EQ(e.message, "no");
  e = p.decode_error(529, R"({"type":"error","error":{"type":"overloaded_error","message":"busy"}})");
  EXPECT_EQ(e.status, 503);
  EXPECT_EQ(e.type, "overloaded_error");
  for (auto* text : {"", "<html>", "[]", R"({"error":"text"})", "\xff"}) {
    e = p.decode_error(502, text);
    EXPECT_EQ(e.status, 502) << text;
    EXPECT_EQ(e.type + e.message, "") << text;
  }
}

TEST(AnthropicHeaders, AsTheApiWantsThem) {
  auto& p = anthropic();
  EXPECT_EQ(p.credential("k").name, "x-api-key");
  EXPECT_EQ(p.credential("sk-ant-oat01-x").name, "Authorization");
  EXPECT_EQ(p.credential("sk-ant-oat01-x").prefix, "Bearer ");
  EXPECT_EQ(p.credential("k").prefix, "");
  EXPECT_EQ(p.headers("")[1].name, "");
  EXPECT_EQ(p.headers("")[0].name, "anthropic-version");
  EXPECT_EQ(p.headers("")[0].value, "2023-06-01");
  EXPECT_EQ(p.headers("2024-01-01")[0].value, "2024-01-01");
  EXPECT_EQ(p.endpoint().host, "api.anthropic.com");
  EXPECT_EQ(p.endpoint().path, "/v1/messages");
  EXPECT_TRUE(p.endpoint().tls);
}

TEST(AnthropicTap, TakesTheFactsOfAWholeAnswer) {
  AnswerFacts f;
  anthropic().tap(kept(R"({"model":"claude","stop_reason":"end_turn","usage":{"input_tokens":10,
      "cache_read_input_tokens":5,"output_tokens":7}})"),
                  false, f);
  EXPECT_EQ(f.model, "claude");
  EXPECT_EQ(f.finish, "end_turn");
  EXPECT_TRUE(f.has_usage);
  EXPECT_EQ(f.usage.input, 15);
  EXPECT_EQ(f.usage.output, 7);
}

TEST(AnthropicTap, TheLastUsageOfAStreamCounts) {
  AnswerFacts f;
  auto& p = anthropic();
  p.tap(kept(R"({"type":"message_start","message":{"model":"claude","usage":{"input_tokens":10,
      "cache_read_input_tokens":5,"output_tokens":1}}})"),
        true, f);
  p.tap(kept(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}})"), true, f);
  p.tap(kept(R"({"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":42}})"), true, f);
  EXPECT_EQ(f.model, "claude");
  EXPECT_EQ(f.finish, "max_tokens");
  EXPECT_EQ(f.usage.input, 15);
  EXPECT_EQ(f.usage.cached, 5);
  EXPECT_EQ(f.usage.output, 42);
}

// Events of a stream in a few words each.
struct Reader {
  std::unique_ptr<StreamDecoder> decoder = make_stream_decoder(false);
  std::vector<std::string> seen;
  std::string usage;

  Reader& put(std::string_view name, std::string_view data) {
    decoder->decode(name, data, [this](const StreamEvent& e) {
      if (e.kind == StreamEvent::Kind::Usage) {  // told whenever it is known better: the last one counts
        usage = words(e);
        return;
      }
      if (e.kind == StreamEvent::Kind::End) seen.push_back(usage);
      seen.push_back(words(e));
    });
    return *this;
  }
  // Named by its type, as the API does.
  Reader& put(std::string_view data) {
    auto v = json::parse(data);
    return put(v ? json::str(*v, "type") : "", data);
  }
  static std::string words(const StreamEvent& e) {
    using Kind = StreamEvent::Kind;
    switch (e.kind) {
      case Kind::Start:
        return fmt::format("start {} {}", e.id, e.name);
      case Kind::Text:
        return fmt::format("text {}", e.text);
      case Kind::Thinking:
        return fmt::format("thinking {}", e.text);
      case Kind::Signature:
        return fmt::format("signature {}", e.text);
      case Kind::ThinkingEnd:
        return "thinking end";
      case Kind::Dropped:
        return fmt::format("dropped {}", e.name);
      case Kind::Redacted:
        return fmt::format("redacted {}", e.text);
      case Kind::ToolStart:
        return fmt::format("tool {} {} {}", e.tool_index, e.id, e.name);
      case Kind::ToolArguments:
        return fmt::format("arguments {} {}", e.tool_index, e.text);
      case Kind::Finish:
        return fmt::format("finish {}", static_cast<int>(e.finish));
      case Kind::Usage:
        return fmt::format("usage {} {} {} {}", e.usage.input, e.usage.cached, e.usage.cache_write, e.usage.output);
      case Kind::Error:
        return fmt::format("error {}: {}", e.name, e.text);
      case Kind::End:
        return "end";
    }
    return "?";
  }
};

constexpr char kStart[] = R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",
    "content":[],"model":"claude","stop_reason":null,"usage":{"input_tokens":10,"cache_read_input_tokens":4,
    "cache_creation_input_tokens":2,"output_tokens":1}}})";
constexpr char kStop[] = R"({"type":"message_stop"})";

std::string block_start(int index, std::string_view block) {
  return fmt::format(R"({{"type":"content_block_start","index":{},"content_block":{}}})", index, block);
}
std::string delta(int index, std::string_view what) {
  return fmt::format(R"({{"type":"content_block_delta","index":{},"delta":{}}})", index, what);
}
std::string block_stop(int index) {
  return fmt::format(R"({{"type":"content_block_stop","index":{}}})", index);
}
std::string tool_block(std::string_view id, std::string_view name) {
  return fmt::format(R"({{"type":"tool_use","id":"{}","name":"{}","input":{{}}}})", id, name);
}
std::string json_delta(std::string_view piece) {
  std::string out = R"({"type":"input_json_delta","partial_json":)";
  json::write_string(piece, out);
  return out + "}";
}

TEST(AnthropicStream, TextFromStartToEnd) {
  Reader r;
  r.put(kStart).put(block_start(0, R"({"type":"text","text":""})")).put(R"({"type":"ping"})");
  r.put(delta(0, R"({"type":"text_delta","text":"Hel"})")).put(delta(0, R"({"type":"text_delta","text":"lo"})"));
  r.put(block_stop(0));
  r.put(
      R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}})");
  EXPECT_FALSE(r.decoder->complete());
  r.put(kStop);
  EXPECT_TRUE(r.decoder->complete());
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "text Hel", "text lo", "finish 0", "usage 16 4 2 9", "end"));
}

TEST(AnthropicStream, ToolsAreCountedApartFromBlocks) {
  Reader r;
  r.put(kStart).put(block_start(0, R"({"type":"text","text":""})")).put(block_stop(0));
  r.put(block_start(1, tool_block("c1", "f"))).put(block_start(2, R"({"type":"thinking","thinking":""})"));
  r.put(block_start(3, tool_block("c2", "g")));
  r.put(delta(1, json_delta(""))).put(delta(3, json_delta("{\"b\":"))).put(delta(1, json_delta("{\"a\":1}")));
  r.put(delta(3, json_delta("2}"))).put(block_stop(1)).put(block_stop(3));
  r.seen.erase(r.seen.begin());
  EXPECT_THAT(r.seen, ElementsAre("tool 0 c1 f", "tool 1 c2 g", "arguments 1 {\"b\":", "arguments 0 {\"a\":1}",
                                  "arguments 1 2}"));
}

TEST(AnthropicStream, AToolWithoutInputGetsAnEmptyObject) {
  Reader r;
  r.put(kStart).put(block_start(0, tool_block("c1", "f"))).put(delta(0, json_delta(""))).put(block_stop(0));
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "tool 0 c1 f", "arguments 0 {}"));
}

TEST(AnthropicStream, ThinkingAndItsSignature) {
  Reader r;
  r.put(block_start(0, R"({"type":"thinking","thinking":""})"));
  r.put(delta(0, R"({"type":"thinking_delta","thinking":"hm"})"));
  r.put(delta(0, R"({"type":"signature_delta","signature":"sig"})"));
  r.put(block_start(1, R"({"type":"redacted_thinking","data":"zz"})")).put(block_stop(1));
  EXPECT_THAT(r.seen, ElementsAre("thinking hm", "signature sig", "redacted zz"));
}

TEST(AnthropicStream, TheForcedToolIsText) {
  Reader r;
  r.put(kStart).put(block_start(0, tool_block("c1", kStructuredTool)));
  r.put(delta(0, json_delta("{\"a\":"))).put(delta(0, json_delta("1}"))).put(block_stop(0));
  r.put(R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})");
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "text {\"a\":", "text 1}", "finish 0"));
}

TEST(AnthropicStream, WordsWaitUntilItIsKnownWhetherTheForcedToolComes) {
  Reader r;
  r.decoder = make_stream_decoder(true);
  r.put(kStart).put(block_start(0, R"({"type":"text","text":""})"));
  r.put(delta(0, R"({"type":"text_delta","text":"Here: "})")).put(block_stop(0));
  r.put(block_start(1, tool_block("c1", kStructuredTool))).put(delta(1, json_delta("{\"a\":1}"))).put(block_stop(1));
  r.put(R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})");
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "text {\"a\":1}", "dropped content.text", "finish 0"));
  Reader none;
  none.decoder = make_stream_decoder(true);
  none.put(kStart).put(block_start(0, R"({"type":"text","text":""})"));
  for (auto piece : {"I ", "can't."}) none.put(delta(0, fmt::format(R"({{"type":"text_delta","text":"{}"}})", piece)));
  none.put(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"}})").put(kStop);
  EXPECT_THAT(none.seen, ElementsAre("start msg_1 claude", "text I can't.", "finish 0", ::testing::_, "end"));
}

TEST(AnthropicStream, UsageIsToldAsItBecomesKnown) {
  Reader r;
  r.put(kStart);
  EXPECT_EQ(r.usage, "usage 16 4 2 1");  // all that a stream which breaks off here has cost
}

TEST(AnthropicStream, TheFinalUsageCounts) {
  Reader r;
  r.put(kStart);
  r.put(
      R"({"type":"message_delta","delta":{},"usage":{"input_tokens":20,"cache_read_input_tokens":5,"output_tokens":3}})");
  r.put(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":8}})").put(kStop);
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "finish 0", "usage 27 5 2 8", "end"));
}

TEST(AnthropicStream, UnknownEventsAndDeltasAreTolerated) {
  Reader r;
  r.put(kStart).put("new_event", R"({"type":"new_event","x":1})").put("", R"({"x":1})").put("", "[]").put("", "3");
  r.put(delta(0, R"({"type":"new_delta","text":"x"})")).put(block_start(7, R"({"type":"new_block"})"));
  r.put(block_stop(9)).put(R"({"type":"content_block_delta","index":0})").put(R"({"type":"message_delta"})");
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "dropped content.new_delta", "dropped content.new_block"));
  EXPECT_FALSE(r.decoder->complete());
}

// What the provider's own tools do is not the client's to run: it is named, and never mixed with a real call.
TEST(AnthropicStream, ServerToolsAndCitationsAreNamed) {
  Reader r;
  r.put(kStart).put(block_start(0, tool_block("c1", "f"))).put(delta(0, json_delta("{\"a\":1}"))).put(block_stop(0));
  r.put(block_start(1, R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})"));
  r.put(delta(1, json_delta("{\"q\":1}"))).put(block_stop(1)).put(block_start(2, R"({"type":"text","text":""})"));
  r.put(delta(2, R"({"type":"citations_delta","citation":{}})"));
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "tool 0 c1 f", "arguments 0 {\"a\":1}",
                                  "dropped content.server_tool_use", "dropped content.citations"));
}

TEST(AnthropicStream, WhatIsSaidBesideTheContentIsNamed) {
  Reader r;
  r.put(kStart).put(
      R"({"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END"},"usage":{"output_tokens":1,)"
      R"("server_tool_use":{"web_search_requests":1}}})");
  EXPECT_THAT(r.seen, IsSupersetOf({"dropped stop_sequence", "dropped usage.server_tool_use"}));
}

TEST(AnthropicStream, InputGivenWithTheBlockIsKept) {
  Reader r;
  r.put(block_start(0, R"({"type":"tool_use","id":"c","name":"f","input":{"a":1}})")).put(block_stop(0));
  EXPECT_THAT(r.seen, ElementsAre("tool 0 c f", "arguments 0 {\"a\":1}"));
}

TEST(AnthropicStream, PiecesStandInsteadOfTheInputGivenBefore) {
  Reader r;
  r.put(block_start(0, R"({"type":"tool_use","id":"c","name":"f","input":{"a":1}})"));
  r.put(delta(0, json_delta(R"({"a":1})"))).put(block_stop(0));
  EXPECT_THAT(r.seen, ElementsAre("tool 0 c f", "arguments 0 {\"a\":1}"));
}

TEST(AnthropicStream, ThinkingGivenWithTheBlockIsKept) {
  Reader r;
  r.put(block_start(0, R"({"type":"thinking","thinking":"hm","signature":"sig"})")).put(block_stop(0));
  EXPECT_THAT(r.seen, ElementsAre("thinking hm", "signature sig", "thinking end"));
}

TEST(AnthropicStream, UsageThatIsNotToldIsNotNone) {
  for (auto [usage, told] :
       {std::pair{R"(,"usage":{"output_tokens":7})", true}, {"", false}, {R"(,"usage":null)", false}}) {
    bool last = true;
    auto decoder = make_stream_decoder(false);
    auto sink = [&](const StreamEvent& e) {
      if (e.kind == StreamEvent::Kind::Usage) last = e.usage.told;
    };
    decoder->decode("", R"({"type":"message_start","message":{"id":"m","model":"c"}})", sink);
    decoder->decode("", fmt::format(R"({{"type":"message_delta","delta":{{"stop_reason":"end_turn"}}{}}})", usage),
                    sink);
    decoder->decode("", kStop, sink);
    EXPECT_EQ(told, last) << usage;
  }
}

TEST(AnthropicUsage, CountsAreNeverBelowNone) {
  EXPECT_EQ(usage_of(kept(R"({"input_tokens":-5,"output_tokens":-1})")).input, 0);
}

TEST(AnthropicStream, AnErrorIsToldInWhateverWordsThereAre) {
  for (auto [error, words] :
       {std::pair{R"("slow down")", "error : slow down"},
        {R"({"type":"overloaded_error"})", "error overloaded_error: the provider gave no reason"}}) {
    Reader r;
    r.put("error", fmt::format(R"({{"type":"error","error":{}}})", error));
    EXPECT_THAT(r.seen, ElementsAre(words));
  }
}

TEST(AnthropicStream, PartialUsageKeepsWhatItDoesNotName) {
  Reader r;
  r.put(kStart).put(
      R"({"type":"message_delta","delta":{},"usage":{"input_tokens":11,"cache_read_input_tokens":null}})");
  r.put(kStop);
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "usage 17 4 2 1", "end"));
}

TEST(AnthropicAnswer, ToolInputIsKeptToTheLastDigit) {
  auto r = decode(R"({"content":[{"type":"text","text":"]}"},
      {"type":"tool_use","id":"c","name":"f","input":{"n":12345678901234567890123, "d":1.50}}]})");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->parts[1].arguments, R"({"n":12345678901234567890123, "d":1.50})");
}

TEST(AnthropicErrors, HaveTheStatusOfTheirKindWhereNoneIsKnown) {
  for (auto [type, status] : std::vector<std::pair<std::string, int>>{{"invalid_request_error", 400},
                                                                      {"authentication_error", 401},
                                                                      {"permission_error", 403},
                                                                      {"not_found_error", 404},
                                                                      {"request_too_large", 413},
                                                                      {"rate_limit_error", 429},
                                                                      {"overloaded_error", 503},
                                                                      {"api_error", 500},
                                                                      {"new_error", 500}}) {
    std::string body = fmt::format(R"({{"type":"error","error":{{"type":"{}","message":"m"}}}})", type);
    EXPECT_EQ(anthropic().decode_error(0, body).status, status) << type;
    EXPECT_EQ(anthropic().decode_error(418, body).status, 418) << type;
  }
}

TEST(AnthropicStream, TheNameServesWhereTheTypeIsMissing) {
  Reader r;
  r.put("content_block_delta", R"({"index":0,"delta":{"type":"text_delta","text":"x"}})").put("message_stop", "{}");
  EXPECT_THAT(r.seen, ElementsAre("text x", "usage 0 0 0 0", "end"));
}

TEST(AnthropicStream, AnErrorEndsIt) {
  Reader r;
  r.put(kStart).put(R"({"type":"error","error":{"type":"overloaded_error","message":"busy"}})");
  EXPECT_TRUE(r.decoder->complete());
  r.put(delta(0, R"({"type":"text_delta","text":"x"})")).put(kStop);
  EXPECT_THAT(r.seen, ElementsAre("start msg_1 claude", "error overloaded_error: busy"));
}

TEST(AnthropicStream, BrokenJsonEndsItToo) {
  for (auto* data : {"{", "{}{}", "nonsense", "{\"a\":\"\xff\"}", "{\"type\":\"ping\",}"}) {
    Reader r;
    r.put("content_block_delta", data);
    ASSERT_EQ(r.seen.size(), 1u) << data;
    EXPECT_THAT(r.seen[0], HasSubstr("error api_error: ")) << data;
    EXPECT_TRUE(r.decoder->complete());
  }
}

// One buffer serves all events: views of an earlier one must not leak into a later one, whatever the sizes.
TEST(AnthropicStream, LongAndShortEventsTakeTurns) {
  Reader r;
  std::vector<std::string> want;
  for (int i = 0; i < 15; ++i) {
    std::string text(i % 3 ? 10 : 40'000, static_cast<char>('a' + i % 26));
    r.put(delta(0, fmt::format(R"({{"type":"text_delta","text":"{}"}})", text)));
    want.push_back("text " + text);
  }
  EXPECT_EQ(r.seen, want);
}

TEST(AnthropicStream, ManyLargeEventsTakeNoMoreMemoryThanOne) {
  Reader r;
  r.put(kStart).put(block_start(0, R"({"type":"text","text":""})"));
  std::string large(9'000, 'x');
  for (int i = 0; i < 200; ++i)
    r.put(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" + large + "\"}}");
  EXPECT_EQ(r.seen.size(), 201u);
  EXPECT_EQ(r.seen.back(), "text " + large);
}

TEST(AnthropicUsage, SumsThatDoNotFitAreTheLargestNumber) {
  auto u = usage_of(kept(R"({"input_tokens":9223372036854775807,"cache_read_input_tokens":1,"output_tokens":1})"));
  EXPECT_EQ(u.input, INT64_MAX);
}

}  // namespace
}  // namespace sl::providers

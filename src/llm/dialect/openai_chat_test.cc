// Canonical answers, errors and stream events in the words of the OpenAI chat API.
#include "llm/dialect/openai_chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/sse/sse.h"
#include "json/test_kit.h"

namespace sl::llm {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Kind = StreamEvent::Kind;

using json::test::must;
Part part(PartKind kind, std::string_view text) {
  Part p;
  p.kind = kind;
  p.text = text;
  return p;
}
Part call(std::string_view id, std::string_view name, std::string_view arguments) {
  Part p;
  p.kind = PartKind::ToolCall;
  p.id = id;
  p.name = name;
  p.arguments = arguments;
  return p;
}
json::Value encoded(const ChatResponse& r) {
  return must(openai_chat().encode(r, false));
}
json::Value message_of(const ChatResponse& r) {
  return encoded(r).at("choices").at(0).at("message");
}
void expect_json(const json::Value& got, std::string_view want) {
  EXPECT_TRUE(json::equal(got, must(want))) << json::dump(got);
}

TEST(OpenAiAnswer, HasTheShapeOfACompletion) {
  ChatResponse r;
  r.id = "msg_1";
  r.model = "claude";
  r.parts = {part(PartKind::Text, "Hel"), part(PartKind::Text, "lo \"you\"")};
  r.usage = {12, 5, 3, 7, std::nullopt};
  auto v = encoded(r);
  EXPECT_GT(json::num(v, 0, "created"), 1'600'000'000);
  EXPECT_LT(json::num(v, 0, "created"), 10'000'000'000);  // seconds
  v.get_object().erase("created");
  expect_json(v, R"({"id":"msg_1","object":"chat.completion","model":"claude","choices":[{"index":0,
      "message":{"role":"assistant","content":"Hello \"you\"","refusal":null},"logprobs":null,"finish_reason":"stop"}],
      "usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19,
               "prompt_tokens_details":{"cached_tokens":5,"cache_write_tokens":3}}})");
}

TEST(OpenAiAnswer, FinishReasons) {
  EXPECT_EQ(openai_finish(Finish::Stop), "stop");
  EXPECT_EQ(openai_finish(Finish::Length), "length");
  EXPECT_EQ(openai_finish(Finish::ToolCalls), "tool_calls");
  EXPECT_EQ(openai_finish(Finish::ContentFilter), "content_filter");
}

TEST(OpenAiAnswer, CallsCarryTheirArgumentsAsText) {
  ChatResponse r;
  r.finish = Finish::ToolCalls;
  r.parts = {call("c1", "f", R"({"a":"\"x\"","b":[1,2.5]})"), call("c2", "g", "{}")};
  auto m = message_of(r);
  EXPECT_TRUE(m.at("content").is_null());
  expect_json(m.at("tool_calls"), R"([
      {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":\"\\\"x\\\"\",\"b\":[1,2.5]}"}},
      {"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}])");
  EXPECT_EQ(json::str(encoded(r).at("choices").at(0), "finish_reason"), "tool_calls");
}

TEST(OpenAiAnswer, WithoutCallsThereIsNoList) {
  ChatResponse r;
  r.parts = {part(PartKind::Text, "a")};
  EXPECT_FALSE(json::find(message_of(r), "tool_calls"));
  r.parts.clear();
  EXPECT_TRUE(message_of(r).at("content").is_null());
}

TEST(OpenAiAnswer, ReasoningKeepsItsSignature) {
  ChatResponse r;
  r.parts = {part(PartKind::Thinking, "hm"), part(PartKind::Text, "so")};
  r.parts[0].signature = "sig";
  auto m = message_of(r);
  EXPECT_EQ(json::str(m, "reasoning_content"), "hm");
  EXPECT_EQ(json::str(m, "reasoning_signature"), "sig");
  EXPECT_EQ(json::str(m, "content"), "so");
  EXPECT_FALSE(json::find(m, "thinking_blocks"));
}

TEST(OpenAiAnswer, SeveralBlocksOfReasoningStayApart) {
  ChatResponse r;
  r.parts = {part(PartKind::Thinking, "a"), part(PartKind::RedactedThinking, "zz"), part(PartKind::Thinking, "b")};
  r.parts[0].signature = "s1";
  r.parts[2].signature = "s2";
  expect_json(message_of(r).at("thinking_blocks"), R"([{"type":"thinking","thinking":"a","signature":"s1"},
      {"type":"redacted_thinking","data":"zz"},{"type":"thinking","thinking":"b","signature":"s2"}])");
  r.parts = {part(PartKind::RedactedThinking, "zz")};
  expect_json(message_of(r).at("thinking_blocks"), R"([{"type":"redacted_thinking","data":"zz"}])");
}

// What an answer says can be sent back in the next request, and means the same.
TEST(OpenAiAnswer, ReadsBackAsTheAssistantsTurn) {
  ChatResponse r;
  r.parts = {part(PartKind::Thinking, "hm"), part(PartKind::RedactedThinking, "zz"), part(PartKind::Text, "t"),
             call("c1", "f", R"({"a":1})")};
  r.parts[0].signature = "s";
  json::Value body = json::Object{{"messages", json::Array{message_of(r)}}};
  auto back = decode_openai_chat(json::test::kept(json::dump(body)));
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->messages.size(), 1u);
  auto& parts = back->messages[0].parts;
  ASSERT_EQ(parts.size(), r.parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].kind, r.parts[i].kind) << i;
    EXPECT_EQ(parts[i].text, r.parts[i].text) << i;
    EXPECT_EQ(parts[i].signature, r.parts[i].signature) << i;
  }
  EXPECT_EQ(parts[3].id, "c1");
  EXPECT_EQ(parts[3].arguments, R"({"a":1})");
}

TEST(OpenAiUsage, CountsTheWholePrompt) {
  std::string out;
  write_openai_usage({100, 60, 30, 8, 5}, out);
  expect_json(must(out), R"({"prompt_tokens":100,"completion_tokens":8,"total_tokens":108,
      "prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},
      "completion_tokens_details":{"reasoning_tokens":5}})");
}

TEST(OpenAiErrors, AreTypedByTheirStatus) {
  const std::vector<std::pair<int, std::string>> cases = {
      {400, "invalid_request_error"}, {413, "invalid_request_error"}, {422, "invalid_request_error"},
      {401, "authentication_error"},  {403, "permission_error"},      {404, "not_found_error"},
      {429, "rate_limit_error"},      {500, "server_error"},          {502, "server_error"},
      {503, "server_error"},          {504, "server_error"},          {405, "invalid_request_error"}};
  for (auto& [status, type] : cases) EXPECT_EQ(openai_error_type(status), type) << status;
}

TEST(OpenAiErrors, HaveTheFourMembers) {
  auto v = must(openai_chat().encode(ProviderError{429, "rate_limit_error", "slow \"down\"\n"}));
  expect_json(v, R"({"error":{"message":"slow \"down\"\n","type":"rate_limit_error","param":null,
                              "code":"rate_limit_error"}})");
  v = must(openai_chat().encode(ProviderError{500, "", "x"}));
  EXPECT_TRUE(v.at("error").at("code").is_null());
}

// Stream: events in, the payloads of the chunks out.
struct Writer {
  explicit Writer(bool include_usage, bool old_functions = false)
      : encoder(openai_chat().stream(include_usage, old_functions)) {}
  void put(Kind kind, std::string_view text = "", std::string_view id = "", std::string_view name = "", int tool = 0) {
    StreamEvent e;
    e.kind = kind;
    e.text = text;
    e.id = id;
    e.name = name;
    e.tool_index = tool;
    encoder->encode(e, out);
  }
  void finish(Finish why) {
    StreamEvent e;
    e.kind = Kind::Finish;
    e.finish = why;
    encoder->encode(e, out);
  }
  void usage(Usage u) {
    StreamEvent e;
    e.kind = Kind::Usage;
    e.usage = u;
    encoder->encode(e, out);
  }
  std::vector<std::string> payloads() const {
    sse::Decoder decoder;
    EXPECT_TRUE(decoder.feed(out));
    std::vector<std::string> all;
    for (sse::Event e; decoder.next(e);) {
      EXPECT_EQ(e.name, "");  // the chat API names no events
      all.emplace_back(e.data);
    }
    EXPECT_FALSE(decoder.has_partial());
    return all;
  }
  json::Value delta(size_t i) const { return must(payloads().at(i)).at("choices").at(0).at("delta"); }

  std::unique_ptr<StreamEncoder> encoder;
  std::string out;
};

TEST(OpenAiStream, AnAnswerOfText) {
  Writer w(false);
  w.put(Kind::Start, "", "msg_1", "claude");
  w.put(Kind::Text, "Hel");
  w.put(Kind::Text, "lo\n");
  w.finish(Finish::Length);
  w.usage({1, 0, 0, 2, std::nullopt});
  w.put(Kind::End);
  auto all = w.payloads();
  ASSERT_THAT(all, SizeIs(5));
  for (size_t i = 0; i < 4; ++i) {
    auto v = must(all[i]);
    EXPECT_EQ(json::str(v, "id"), "msg_1");
    EXPECT_EQ(json::str(v, "model"), "claude");
    EXPECT_EQ(json::str(v, "object"), "chat.completion.chunk");
    EXPECT_FALSE(json::find(v, "usage"));
    EXPECT_EQ(v.at("choices").at(0).at("index"), 0);
    if (i < 3) {
      EXPECT_TRUE(v.at("choices").at(0).at("finish_reason").is_null()) << i;
    }
  }
  expect_json(w.delta(0), R"({"role":"assistant","content":""})");
  expect_json(w.delta(1), R"({"content":"Hel"})");
  expect_json(w.delta(2), R"({"content":"lo\n"})");
  expect_json(w.delta(3), "{}");
  EXPECT_EQ(json::str(must(all[3]).at("choices").at(0), "finish_reason"), "length");
  EXPECT_EQ(all[4], "[DONE]");
}

// All thinking_blocks of a stream, in order, as a client collects them.
json::Array blocks_of(const Writer& w) {
  json::Array out;
  for (auto& payload : w.payloads())
    if (payload != "[DONE]")
      for (auto& choice : must(payload).at("choices").get_array())
        if (auto* blocks = json::arr(choice, "delta", "thinking_blocks"))
          for (auto& b : *blocks) out.push_back(b);
  return out;
}

TEST(OpenAiStream, OnePairIsEnoughForOneBlockOfReasoning) {
  Writer w(false);
  w.put(Kind::Thinking, "a");
  w.put(Kind::Signature, "s");
  w.put(Kind::ThinkingEnd);
  EXPECT_THAT(blocks_of(w), IsEmpty());
}

TEST(OpenAiStream, SeveralBlocksOfReasoningComeWhole) {
  Writer w(false);
  for (auto [text, signature] : {std::pair("a", "s1"), std::pair("b", "s2"), std::pair("c", "s3")}) {
    w.put(Kind::Thinking, text);
    w.put(Kind::Signature, signature);
    w.put(Kind::ThinkingEnd);
  }
  expect_json(blocks_of(w), R"([{"type":"thinking","thinking":"a","signature":"s1"},
      {"type":"thinking","thinking":"b","signature":"s2"},{"type":"thinking","thinking":"c","signature":"s3"}])");
}

TEST(OpenAiStream, HiddenReasoningComesWithWhatStoodBeforeIt) {
  Writer w(false);
  w.put(Kind::Thinking, "a");
  w.put(Kind::Signature, "s1");
  w.put(Kind::ThinkingEnd);
  w.put(Kind::Redacted, "zz");
  expect_json(blocks_of(w), R"([{"type":"thinking","thinking":"a","signature":"s1"},
      {"type":"redacted_thinking","data":"zz"}])");
  Writer alone(false);
  alone.put(Kind::Redacted, "zz");
  expect_json(blocks_of(alone), R"([{"type":"redacted_thinking","data":"zz"}])");
}

// Who asked with "functions" is answered with "function_call".
TEST(OpenAiStream, OldFunctionsAreAnsweredInTheirForm) {
  Writer w(false, true);
  w.put(Kind::ToolStart, "", "c1", "f", 0);
  w.put(Kind::ToolArguments, "{}", "", "", 0);
  w.put(Kind::ToolStart, "", "c2", "g", 1);
  w.put(Kind::ToolArguments, "{}", "", "", 1);
  w.finish(Finish::ToolCalls);
  w.put(Kind::End);
  ASSERT_THAT(w.payloads(), SizeIs(4));
  expect_json(w.delta(0), R"({"function_call":{"name":"f","arguments":""}})");
  expect_json(w.delta(1), R"({"function_call":{"arguments":"{}"}})");
  EXPECT_THAT(w.payloads()[2], HasSubstr(R"("finish_reason":"function_call")"));

  ChatResponse r;
  r.parts = {call("c1", "f", R"({"a":1})")};
  r.finish = Finish::ToolCalls;
  auto v = must(openai_chat().encode(r, true));
  expect_json(v.at("choices").at(0).at("message").at("function_call"), R"({"name":"f","arguments":"{\"a\":1}"})");
  EXPECT_EQ(json::str(v.at("choices").at(0), "finish_reason"), "function_call");
}

TEST(OpenAiStream, UsageComesLastAndOnlyWhenWanted) {
  Writer w(true);
  w.put(Kind::Start, "", "i", "m");
  w.put(Kind::Text, "x");
  w.finish(Finish::Stop);
  w.usage({10, 4, 2, 3, std::nullopt});
  w.put(Kind::End);
  auto all = w.payloads();
  ASSERT_THAT(all, SizeIs(5));
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(must(all[i]).at("usage").is_null()) << i;
  auto last = must(all[3]);
  EXPECT_THAT(last.at("choices").get_array(), IsEmpty());
  EXPECT_EQ(json::str(last, "id"), "i");
  EXPECT_EQ(json::num(last, 0, "usage", "prompt_tokens"), 10);
  EXPECT_EQ(json::num(last, 0, "usage", "total_tokens"), 13);
  EXPECT_EQ(json::num(last, 0, "usage", "prompt_tokens_details", "cached_tokens"), 4);
  EXPECT_EQ(all[4], "[DONE]");
}

TEST(OpenAiStream, ToolCallsStartOnceAndGrow) {
  Writer w(false);
  w.put(Kind::Start, "", "i", "m");
  w.put(Kind::ToolStart, "", "c1", "f", 0);
  w.put(Kind::ToolArguments, R"({"a":)", "", "", 0);
  w.put(Kind::ToolStart, "", "c2", "g", 1);
  w.put(Kind::ToolArguments, "{}", "", "", 1);
  w.put(Kind::ToolArguments, "1}", "", "", 0);
  w.finish(Finish::ToolCalls);
  w.put(Kind::End);
  expect_json(w.delta(1),
              R"({"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]})");
  expect_json(w.delta(2), R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]})");
  expect_json(w.delta(3),
              R"({"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"g","arguments":""}}]})");
  expect_json(w.delta(4), R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})");
  expect_json(w.delta(5), R"({"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]})");
}

TEST(OpenAiStream, ReasoningHasItsOwnMembers) {
  Writer w(false);
  w.put(Kind::Start, "", "i", "m");
  w.put(Kind::Thinking, "hm");
  w.put(Kind::Signature, "sig");
  w.put(Kind::Redacted, "zz");
  expect_json(w.delta(1), R"({"reasoning_content":"hm"})");
  expect_json(w.delta(2), R"({"reasoning_signature":"sig"})");
  expect_json(w.delta(3), R"({"thinking_blocks":[{"type":"redacted_thinking","data":"zz"}]})");
}

TEST(OpenAiStream, AnErrorEndsItWithoutDone) {
  Writer w(true);
  w.put(Kind::Start, "", "i", "m");
  w.put(Kind::Error, "too \"busy\"", "", "overloaded_error");
  auto all = w.payloads();
  ASSERT_THAT(all, SizeIs(2));
  auto v = must(all[1]);
  EXPECT_EQ(json::str(v, "error", "message"), "too \"busy\"");
  EXPECT_EQ(json::str(v, "error", "type"), "server_error");
  EXPECT_EQ(json::str(v, "error", "code"), "overloaded_error");
  EXPECT_THAT(w.out, Not(HasSubstr("[DONE]")));
}

// Text with line ends or odd bytes never breaks the framing.
TEST(OpenAiStream, EveryPieceIsOneLine) {
  Writer w(false);
  w.put(Kind::Start, "", "a\nb", "c\r\nd");
  w.put(Kind::Text, "x\n\ndata: [DONE]\n\n\r\x01\xE2\x80\xA8");
  ASSERT_THAT(w.payloads(), SizeIs(2));
  EXPECT_EQ(json::str(w.delta(1), "content"), "x\n\ndata: [DONE]\n\n\r\x01\xE2\x80\xA8");
  EXPECT_THAT(w.out, EndsWith("\n\n"));
}

TEST(Dialects, AreFoundByName) {
  ASSERT_TRUE(find_dialect("openai-chat"));
  EXPECT_EQ(find_dialect("openai-chat")->name(), "openai-chat");
  EXPECT_EQ(find_dialect("openai"), nullptr);
  EXPECT_EQ(find_dialect(""), nullptr);
}

}  // namespace
}  // namespace sl::llm

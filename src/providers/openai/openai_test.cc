// OpenAI as a provider: its headers, its errors, and the facts of answers that go through untouched.
#include "providers/openai/openai.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::providers {
namespace {

using namespace llm;

using json::test::must;

TEST(OpenAiProvider, Headers) {
  auto& p = openai();
  EXPECT_EQ(p.credential("k").name, "Authorization");
  EXPECT_EQ(p.credential("k").prefix, "Bearer ");
  EXPECT_EQ(p.headers("")[0].name, "");
  EXPECT_EQ(p.endpoint().host, "api.openai.com");
  EXPECT_EQ(p.endpoint().path, "/v1/chat/completions");
  EXPECT_EQ(p.dialect(), "openai-chat");
}

TEST(OpenAiProvider, ErrorsKeepTheirWords) {
  auto e = openai().decode_error(429, R"({"error":{"message":"slow","type":"rate_limit_exceeded","code":"x"}})");
  EXPECT_EQ(e.status, 429);
  EXPECT_EQ(e.type, "rate_limit_exceeded");
  EXPECT_EQ(e.message, "slow");
  for (auto* text : {"", "<html>", "{}", R"([{"error":{"message":"m"}}])"})
    EXPECT_EQ(openai().decode_error(500, text).message, "") << text;
}

TEST(OpenAiProvider, FactsOfAWholeAnswer) {
  AnswerFacts f;
  openai().tap(
      json::test::kept(R"({"model":"gpt","choices":[{"index":0,"finish_reason":"length"}],"usage":{"prompt_tokens":9,
      "completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}})"),
      false, f);
  EXPECT_EQ(f.model, "gpt");
  EXPECT_EQ(f.finish, "length");
  EXPECT_TRUE(f.has_usage);
  EXPECT_EQ(f.usage.input, 9);
  EXPECT_EQ(f.usage.output, 3);
  EXPECT_EQ(f.usage.cached, 4);
}

TEST(OpenAiProvider, FactsOfAStreamArriveInPieces) {
  AnswerFacts f;
  auto& p = openai();
  p.tap(json::test::kept(R"({"model":"gpt","choices":[{"delta":{},"finish_reason":null}],"usage":null})"), true, f);
  EXPECT_FALSE(f.has_usage);
  EXPECT_EQ(f.finish, "");
  p.tap(json::test::kept(R"({"model":"gpt","choices":[{"delta":{},"finish_reason":"stop"}],"usage":null})"), true, f);
  p.tap(json::test::kept(R"({"model":"gpt","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}})"), true, f);
  EXPECT_EQ(f.finish, "stop");
  EXPECT_TRUE(f.has_usage);
  EXPECT_EQ(f.usage.input, 9);
}

TEST(OpenAiProvider, OddAnswersHaveNoFacts) {
  AnswerFacts f;
  for (auto* text : {"[]", "null", "3", R"({"choices":{},"usage":[]})", R"({"choices":[3],"model":5})"})
    openai().tap(json::test::kept(text), false, f);
  EXPECT_EQ(f.model + f.finish, "");
  EXPECT_FALSE(f.has_usage);
}

TEST(OpenAiProvider, TakesOnlyItsOwnFormat) {
  ChatRequest r;
  auto e = openai().encode(r);
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().code, Code::Unsupported);
}

}  // namespace
}  // namespace sl::providers

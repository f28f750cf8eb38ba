// Fields of an OpenAI request of a kind or in a place that they have no meaning in: refused, or named, never lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/test_kit.h"
#include "llm/dialect/openai_chat.h"

namespace sl::llm {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

using json::test::kept;

Result<ChatRequest> with(const std::string& messages, const std::string& members = "") {
  return decode_openai_chat(kept(R"({"model":"m","messages":[)" + messages + "]" + members + "}"));
}
constexpr char kHi[] = R"({"role":"user","content":"hi"})";

TEST(OpenAiFields, OfTheWrongKindAreRefused) {
  for (auto [members, said] : {std::pair{R"(,"stream_options":{"include_usage":"yes"})",
                                         "stream_options.include_usage: must be true or false"},
                               {R"(,"modalities":"audio")", "modalities: must be an array"},
                               {R"(,"modalities":[1])", "modalities: only text"},
                               {R"(,"tools":[{"type":"function","function":{"name":"f","description":5}}])",
                                "tools[0].function.description: must be a string"}}) {
    auto r = with(kHi, members);
    ASSERT_FALSE(r) << members;
    EXPECT_THAT(r.error().message, StartsWith(said));
  }
  for (auto [message, said] :
       {std::pair{R"({"role":"assistant","tool_calls":{"id":"c"}})", "messages[0].tool_calls: must be an array"},
        {R"({"role":"assistant","tool_calls":"c"})", "messages[0].tool_calls: must be an array"},
        {R"({"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"arguments":"{}"}}]})",
         "messages[0].tool_calls[0].function.name: is required"}}) {
    auto r = with(message);
    ASSERT_FALSE(r) << message;
    EXPECT_THAT(r.error().message, StartsWith(said));
  }
}

TEST(OpenAiFields, OfAnotherRoleAreNamed) {
  auto r = with(R"({"role":"user","content":"hi","tool_calls":[{"id":"c"}],"refusal":"no","reasoning_content":"hm"},
                   {"role":"assistant","content":"a","tool_call_id":"c","thinking_blocks":"no"})");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_THAT(r->dropped,
              UnorderedElementsAre("messages[0].tool_calls", "messages[0].refusal", "messages[0].reasoning_content",
                                   "messages[1].tool_call_id", "messages[1].thinking_blocks"));
}

TEST(OpenAiFields, MediaTypesAreSpelledAsTheProviderDoes) {
  auto r = with(R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/jpg;base64,aGk="}},
      {"type":"file","file":{"filename":"a.csv","file_data":"data:text/csv;base64,YSxi"}}]})");
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ("image/jpeg", r->messages[0].parts[0].media_type);
  EXPECT_EQ("text/plain", r->messages[0].parts[1].media_type);
}

}  // namespace
}  // namespace sl::llm

#include "agent/loop/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sl::agent {
namespace {

using json::Array;
using ::testing::HasSubstr;

// A stored message of a task.
LogMessage said(std::string task, std::string_view message) {
  LogMessage m;
  m.task = std::move(task);
  auto v = json::parse(message);
  EXPECT_TRUE(v) << message;
  if (v) m.message = *v;
  return m;
}

constexpr std::string_view kHi = R"({"role":"user","content":"hi"})";
constexpr std::string_view kTwoCalls = R"({"role":"assistant","content":"","tool_calls":[
  {"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},
  {"id":"2","type":"function","function":{"name":"g","arguments":"{}"}}]})";
constexpr std::string_view kFirst = R"({"role":"tool","tool_call_id":"1","name":"f","content":"one"})";
constexpr std::string_view kSecond = R"({"role":"tool","tool_call_id":"2","name":"g","content":"two"})";

// "ROLE[ID]: CONTENT" of each message.
std::vector<std::string> shape(const Array& messages) {
  std::vector<std::string> out;
  for (auto& m : messages) {
    std::string id(json::str(m, "tool_call_id"));
    out.push_back(std::string(json::str(m, "role")) + (id.empty() ? "" : "[" + id + "]") + ": " +
                  std::string(json::str(m, "content")));
  }
  return out;
}
std::vector<std::string> open_ids(const std::string& task, const std::vector<LogMessage>& messages) {
  std::vector<std::string> out;
  for (auto& c : open_calls(task, messages)) out.emplace_back(json::str(c, "id"));
  return out;
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(History, TheSystemPromptComesFirst) {
  EXPECT_THAT(shape(model_messages("be kind", {said("t", kHi)})), ElementsAre("system: be kind", "user: hi"));
  EXPECT_THAT(shape(model_messages("", {said("t", kHi)})), ElementsAre("user: hi"));
}

TEST(History, ResultsFollowTheirCallsInTheOrderOfTheCalls) {
  auto m = model_messages("", {said("t", kHi), said("t", kTwoCalls), said("t", kSecond), said("t", kFirst),
                               said("t", R"({"role":"assistant","content":"done"})")});
  EXPECT_THAT(shape(m), ElementsAre("user: hi", "assistant: ", "tool[1]: one", "tool[2]: two", "assistant: done"));
}

TEST(History, MessagesPassUnchanged) {
  auto m = model_messages("", {said("t", kTwoCalls), said("t", kFirst), said("t", kSecond)});
  EXPECT_EQ(json::dump(*json::find(m[0], "tool_calls")),
            R"([{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},)"
            R"({"id":"2","type":"function","function":{"name":"g","arguments":"{}"}}])");
}

TEST(History, ACallThatWasNeverAnsweredGetsAResultThatSaysSo) {
  auto m = model_messages("", {said("t", kTwoCalls), said("t", kFirst), said("t2", kHi)});
  ASSERT_EQ(m.size(), 4u);
  EXPECT_EQ(shape(m)[1], "tool[1]: one");
  EXPECT_THAT(shape(m)[2], ::testing::StartsWith("tool[2]: (not answered"));
  EXPECT_EQ(shape(m)[3], "user: hi");
}

TEST(History, AResultOfAnotherTaskIsNoAnswer) {
  auto m = model_messages(
      "", {said("t1", kTwoCalls), said("t1", kSecond), said("t2", kTwoCalls), said("t2", kFirst), said("t2", kSecond)});
  EXPECT_THAT(shape(m), ElementsAre("assistant: ", HasSubstr("tool[1]: (not answered"), "tool[2]: two",
                                    "assistant: ", "tool[1]: one", "tool[2]: two"));
}

TEST(History, AnIdUsedAgainMeetsItsOwnResult) {
  auto again = R"({"role":"tool","tool_call_id":"1","content":"one again"})";
  auto call = R"({"role":"assistant","content":"","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]})";
  EXPECT_THAT(shape(model_messages("", {said("t", call), said("t", kFirst), said("t", call), said("t", again)})),
              ElementsAre("assistant: ", "tool[1]: one", "assistant: ", "tool[1]: one again"));
}

TEST(History, AResultWithoutACallIsLeftOut) {
  EXPECT_THAT(shape(model_messages("", {said("t", kFirst), said("t", kHi)})), ElementsAre("user: hi"));
}

TEST(History, ArgumentsAreAlwaysAnObject) {
  for (auto [given, want] : {std::pair{R"("{\"a\":1}")", R"({"a":1})"},
                             {R"("")", "{}"},
                             {R"("{\"a\":")", "{}"},
                             {R"("[1]")", "{}"},
                             {R"("5")", "{}"},
                             {R"("null")", "{}"}}) {
    auto m = model_messages("", {said("t", R"({"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f",
      "arguments":)" + std::string(given) + "}}]}")});
    EXPECT_EQ(json::str((*json::arr(m[0], "tool_calls"))[0], "function", "arguments"), want) << given;
  }
}

TEST(OpenCalls, AreThoseOfTheLastAnswerWithoutAResult) {
  EXPECT_THAT(open_ids("t", {said("t", kHi), said("t", kTwoCalls)}), ElementsAre("1", "2"));
  EXPECT_THAT(open_ids("t", {said("t", kTwoCalls), said("t", kSecond)}), ElementsAre("1"));
  EXPECT_THAT(open_ids("t", {said("t", kTwoCalls), said("t", kSecond), said("t", kFirst)}), IsEmpty());
}

TEST(OpenCalls, NoneWithoutAnAnswerOrWithAPlainOne) {
  EXPECT_THAT(open_ids("t", {}), IsEmpty());
  EXPECT_THAT(open_ids("t", {said("t", kHi)}), IsEmpty());
  EXPECT_THAT(open_ids("t", {said("t", kTwoCalls), said("t", R"({"role":"assistant","content":"done"})")}), IsEmpty());
}

TEST(OpenCalls, OfThisTaskOnly) {
  std::vector<LogMessage> log = {said("t1", kTwoCalls), said("t2", kFirst), said("t2", kTwoCalls), said("t1", kSecond)};
  EXPECT_THAT(open_ids("t1", log), ElementsAre("1"));
  EXPECT_THAT(open_ids("t2", log), ElementsAre("1", "2"));
  EXPECT_THAT(open_ids("t3", log), IsEmpty());
}

TEST(OpenCalls, AnEarlierResultOfTheSameIdDoesNotCount) {
  auto call = R"({"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]})";
  EXPECT_THAT(open_ids("t", {said("t", call), said("t", kFirst), said("t", call)}), ElementsAre("1"));
}

TEST(OpenCalls, TwoCallsOfOneIdNeedTwoResults) {
  auto twins = R"({"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}},
    {"id":"1","function":{"name":"g","arguments":"{}"}}]})";
  EXPECT_THAT(open_ids("t", {said("t", twins), said("t", kFirst)}), ElementsAre("1"));
  EXPECT_THAT(open_ids("t", {said("t", twins), said("t", kFirst), said("t", kFirst)}), IsEmpty());
}

TEST(ModelMessages, WhoSpeaksInASharedSessionIsNothingToTheModel) {
  auto out = model_messages("", {said("t", R"({"role":"user","content":"hi","initiated_by":"bob"})")});
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(*json::parse(kHi), out[0]);
}

}  // namespace
}  // namespace sl::agent

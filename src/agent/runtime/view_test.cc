#include "agent/runtime/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/test_kit.h"

namespace sl::agent {
namespace {

using json::Value;

using json::test::must;

LogMessage said(std::string id, std::string_view message, std::string_view usage = "null") {
  LogMessage m;
  m.id = std::move(id);
  m.task = "t";
  m.at_us = 1'700'000'000'500'000;
  m.message = must(message);
  m.usage = must(usage);
  return m;
}

const LogMessage kQuestion = said("m1", R"({"role":"user","content":"which pods?"})");
const LogMessage kCall = said("m2", R"({"role":"assistant","content":"let me look","tool_calls":[{"id":"c1",
  "type":"function","function":{"name":"get","arguments":"{\"kind\":\"pod\"}"}}]})",
                              R"({"prompt_tokens":10,"completion_tokens":4,"total_tokens":14})");
const LogMessage kResult = said("m3", R"({"role":"tool","tool_call_id":"c1","name":"get","content":"a | b"})");
const LogMessage kAnswer = said("m4", R"({"role":"assistant","content":"a and b"})");
const std::vector<LogMessage> kAll = {kQuestion, kCall, kResult, kAnswer};

void expect_json(const Value& got, std::string_view want) {
  EXPECT_TRUE(json::equal(got, must(want))) << json::dump(got) << "\ninstead of\n" << want;
}

TaskRow row(std::string state, std::string detail = {}) {
  TaskRow r;
  r.id = "t";
  r.session = "s";
  r.agent = "kagent/my-agent";
  r.user = "u";
  r.state = std::move(state);
  r.detail = std::move(detail);
  r.trace_id = "trace";
  r.updated_us = 1'700'000'000'500'000;
  return r;
}

TEST(MessageView, OfAPerson) {
  expect_json(message_view(kQuestion, "s", "t"), R"({"kind":"message","role":"user","messageId":"m1","contextId":"s",
    "taskId":"t","parts":[{"kind":"text","text":"which pods?"}]})");
}

TEST(MessageView, OfSomebodyInAnothersSession) {
  auto m = said("m1", R"({"role":"user","content":"which pods?","initiated_by":"bob"})");
  EXPECT_EQ("bob", json::str(message_view(m, "s", "t"), "metadata", "initiated_by"));
  EXPECT_EQ("bob", json::str(adk_event(m, "kagent/my-agent"), "customMetadata", "initiated_by"));
}

TEST(MessageView, OfCallsAndTheirCost) {
  expect_json(message_view(kCall, "s", "t"), R"({"kind":"message","role":"agent","messageId":"m2","contextId":"s",
    "taskId":"t","parts":[{"kind":"text","text":"let me look"},
      {"kind":"data","data":{"id":"c1","name":"get","args":{"kind":"pod"}},
       "metadata":{"adk_type":"function_call","kagent_type":"function_call"}}],
    "metadata":{"adk_usage_metadata":{"promptTokenCount":10,"candidatesTokenCount":4,"totalTokenCount":14},
                "kagent_usage_metadata":{"promptTokenCount":10,"candidatesTokenCount":4,"totalTokenCount":14}}})");
}

TEST(MessageView, OfAResult) {
  expect_json(message_view(kResult, "s", "t"), R"({"kind":"message","role":"agent","messageId":"m3","contextId":"s",
    "taskId":"t","parts":[{"kind":"data","data":{"id":"c1","name":"get","response":{"result":"a | b"}},
       "metadata":{"adk_type":"function_response","kagent_type":"function_response"}}]})");
}

TEST(MessageView, ArgumentsThatAreNoJsonStandAsText) {
  auto m = said(
      "m",
      R"({"role":"assistant","content":"","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{oops"}}]})");
  auto view = Value(message_view(m, "s", "t"));
  EXPECT_EQ(json::str((*json::arr(view, "parts"))[0], "data", "args"), "{oops");
}

TEST(AdkEvent, OfEachRole) {
  expect_json(adk_event(kQuestion, "kagent/my-agent"), R"({"id":"m1","author":"user","invocationId":"t",
    "timestamp":1700000000.5,"content":{"role":"user","parts":[{"text":"which pods?"}]},"partial":false})");
  expect_json(adk_event(kCall, "kagent/my-agent"), R"({"id":"m2","author":"my_agent","invocationId":"t",
    "timestamp":1700000000.5,"content":{"role":"model","parts":[{"text":"let me look"},
      {"functionCall":{"id":"c1","name":"get","args":{"kind":"pod"}}}]},"partial":false,
    "usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":4,"totalTokenCount":14}})");
  expect_json(adk_event(kResult, "kagent/my-agent"), R"({"id":"m3","author":"my_agent","invocationId":"t",
    "timestamp":1700000000.5,"content":{"role":"user","parts":[
      {"functionResponse":{"id":"c1","name":"get","response":{"result":"a | b"}}}]},"partial":false})");
}

TEST(LastAnswer, IsTheLastWordOfTheModel) {
  EXPECT_EQ(last_answer(kAll), "a and b");
  EXPECT_EQ(last_answer({kQuestion}), "");
  EXPECT_EQ(last_answer({}), "");
  EXPECT_EQ(last_answer({kAnswer, kQuestion}), "a and b");
}

TEST(TaskView, OfACompletedTask) {
  Value v = task_view(row(kCompleted), kAll, -1);
  EXPECT_EQ(json::str(v, "kind"), "task");
  EXPECT_EQ(json::str(v, "id"), "t");
  EXPECT_EQ(json::str(v, "contextId"), "s");
  expect_json(*json::find(v, "status"), R"({"state":"completed","timestamp":"2023-11-14T22:13:20.500Z"})");
  expect_json(*json::find(v, "artifacts"), R"([{"artifactId":"t-answer","parts":[{"kind":"text","text":"a and b"}]}])");
  expect_json(*json::find(v, "metadata"), R"({"kagent_app_name":"kagent/my-agent","kagent_session_id":"s",
    "kagent_user_id":"u","sightline_trace_id":"trace"})");
  EXPECT_EQ(json::arr(v, "history")->size(), 4u);
}

TEST(TaskView, HistoryIsAsLongAsAskedFor) {
  EXPECT_EQ(json::find(Value(task_view(row(kWorking), kAll, 0)), "history"), nullptr);
  Value two = task_view(row(kWorking), kAll, 2);
  ASSERT_EQ(json::arr(two, "history")->size(), 2u);
  EXPECT_EQ(json::str((*json::arr(two, "history"))[0], "messageId"), "m3");
  EXPECT_EQ(json::arr(Value(task_view(row(kWorking), kAll, 100)), "history")->size(), 4u);
}

TEST(TaskView, AnOpenOrFailedTaskHasNoAnswer) {
  for (auto state : {kSubmitted, kWorking, kInputRequired, kFailed, kCanceled})
    EXPECT_EQ(json::find(Value(task_view(row(state), kAll, -1)), "artifacts"), nullptr) << state;
}

TEST(TaskView, TheStatusSaysWhy) {
  Value v = task_view(row(kFailed, "the model refused"), kAll, 0);
  expect_json(*json::find(v, "status", "message"), R"({"kind":"message","role":"agent","messageId":"t-status",
    "contextId":"s","taskId":"t","parts":[{"kind":"text","text":"the model refused"}]})");
}

}  // namespace
}  // namespace sl::agent

#include "a2a/wire/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/test_kit.h"

namespace sl::a2a {
namespace {

using json::Array;
using json::Object;
using json::Value;
using ::testing::AllOf;
using ::testing::HasSubstr;

using json::test::must;

TEST(Version, ThreeUnlessOneIsAskedFor) {
  for (auto text : {"", "0.3", "0.3.0", " 0.3 "}) EXPECT_EQ(parse_version(text), Version::V03) << text;
  for (auto text : {"1.0", "1.0.1", " 1.0"}) EXPECT_EQ(parse_version(text), Version::V10) << text;
}

TEST(Version, AnythingElseIsRefused) {
  for (auto text : {"0.2", "0.31", "1.1", "2.0", "1", "0.3,1.0", "10.0", "1.00", "latest"}) {
    auto v = parse_version(text);
    ASSERT_FALSE(v) << text;
    EXPECT_EQ(v.error().code, Code::InvalidArgument);
    EXPECT_THAT(v.error().message, AllOf(HasSubstr(text), HasSubstr("0.3 and 1.0")));
  }
}

TEST(Parts, OfTextAndData) {
  EXPECT_EQ(json::dump(text_part("hi")), R"({"kind":"text","text":"hi"})");
  EXPECT_EQ(json::dump(data_part(Object{{"a", 1}}, "function_call")),
            R"({"kind":"data","data":{"a":1},"metadata":{"adk_type":"function_call","kagent_type":"function_call"}})");
}

TEST(Parts, TextOfBothShapes) {
  EXPECT_EQ(text_of(must(R"({"parts":[{"kind":"text","text":"a"},{"kind":"data","data":{}},{"text":"b"}]})")), "a\nb");
  EXPECT_EQ(text_of(must(R"({"parts":[]})")), "");
  EXPECT_EQ(text_of(must(R"({"parts":"x"})")), "");
  EXPECT_EQ(text_of(must("null")), "");
}

TEST(Parts, TheFirstDataOfBothShapes) {
  EXPECT_EQ(json::dump(data_of(must(R"({"parts":[{"text":"a"},{"data":{"x":1}},{"data":{"y":1}}]})"))), R"({"x":1})");
  EXPECT_TRUE(data_of(must(R"({"parts":[{"text":"a"}]})")).is_null());
  EXPECT_TRUE(data_of(must("[]")).is_null());
}

TEST(Shapes, OfMessagesStatusAndEvents) {
  EXPECT_EQ(json::dump(message("user", Array{text_part("hi")}, "m", "c", "t")),
            R"({"kind":"message","role":"user","parts":[{"kind":"text","text":"hi"}],"messageId":"m",)"
            R"("contextId":"c","taskId":"t"})");
  EXPECT_EQ(json::dump(status("working", nullptr, 1'700'000'000'123'456)),
            R"({"state":"working","timestamp":"2023-11-14T22:13:20.123Z"})");
  EXPECT_EQ(json::dump(*json::find(Value(status("failed", Object{{"a", 1}}, 0)), "message")), R"({"a":1})");
  EXPECT_EQ(json::dump(status_event("t", "c", Object{{"state", "working"}}, false)),
            R"({"kind":"status-update","taskId":"t","contextId":"c","status":{"state":"working"},"final":false})");
  EXPECT_EQ(json::dump(*json::find(Value(status_event("t", "c", {}, true, Object{{"k", 1}})), "metadata")),
            R"({"k":1})");
  EXPECT_EQ(json::dump(artifact_event("t", "c", Object{{"artifactId", "a"}}, true)),
            R"({"kind":"artifact-update","taskId":"t","contextId":"c","artifact":{"artifactId":"a"},)"
            R"("append":false,"lastChunk":true})");
}

constexpr std::string_view kTask = R"({"kind":"task","id":"t","contextId":"c",
  "status":{"state":"input-required","timestamp":"2026-01-01T00:00:00.000Z",
    "message":{"kind":"message","role":"agent","parts":[{"kind":"text","text":"which?"}],"messageId":"m"}},
  "artifacts":[{"artifactId":"a","parts":[{"kind":"text","text":"x"}]}],
  "history":[{"kind":"message","role":"user","messageId":"h","parts":[
    {"kind":"text","text":"hi"},
    {"kind":"data","data":{"kind":"keep","state":"working","role":"user","final":true},"metadata":{"kind":"keep"}}]}],
  "metadata":{"kind":"keep","state":"working"}})";

TEST(ToVersion1, ATask) {
  EXPECT_TRUE(json::equal(to_v1(must(kTask)), must(R"({"task":{"id":"t","contextId":"c",
    "status":{"state":"TASK_STATE_INPUT_REQUIRED","timestamp":"2026-01-01T00:00:00.000Z",
      "message":{"role":"ROLE_AGENT","parts":[{"text":"which?"}],"messageId":"m"}},
    "artifacts":[{"artifactId":"a","parts":[{"text":"x"}]}],
    "history":[{"role":"ROLE_USER","messageId":"h","parts":[{"text":"hi"},
      {"data":{"kind":"keep","state":"working","role":"user","final":true},"metadata":{"kind":"keep"}}]}],
    "metadata":{"kind":"keep","state":"working"}}})")))
      << json::dump(to_v1(must(kTask)));
}

TEST(ToVersion1, MessagesAndEventsAreWrapped) {
  EXPECT_EQ(json::dump(to_v1(message("user", Array{text_part("hi")}, "m", "c", "t"))),
            R"({"message":{"role":"ROLE_USER","parts":[{"text":"hi"}],"messageId":"m","contextId":"c","taskId":"t"}})");
  EXPECT_EQ(json::dump(to_v1(status_event("t", "c", Object{{"state", "completed"}}, true))),
            R"({"statusUpdate":{"taskId":"t","contextId":"c","status":{"state":"TASK_STATE_COMPLETED"}}})");
  EXPECT_EQ(json::dump(to_v1(artifact_event("t", "c", Object{{"parts", Array{text_part("x")}}}, true))),
            R"({"artifactUpdate":{"taskId":"t","contextId":"c","artifact":{"parts":[{"text":"x"}]},)"
            R"("append":false,"lastChunk":true}})");
}

TEST(ToVersion1, EveryState) {
  for (auto [old, now] : {std::pair{"submitted", "TASK_STATE_SUBMITTED"},
                          {"working", "TASK_STATE_WORKING"},
                          {"input-required", "TASK_STATE_INPUT_REQUIRED"},
                          {"auth-required", "TASK_STATE_AUTH_REQUIRED"},
                          {"completed", "TASK_STATE_COMPLETED"},
                          {"failed", "TASK_STATE_FAILED"},
                          {"canceled", "TASK_STATE_CANCELED"},
                          {"rejected", "TASK_STATE_REJECTED"}}) {
    EXPECT_EQ(json::str(to_v1(Object{{"state", old}}), "state"), now);
    EXPECT_EQ(state_v03(now), old);
    EXPECT_EQ(state_v03(old), old);
  }
}

TEST(ToVersion1, OtherValuesPass) {
  EXPECT_EQ(json::dump(to_v1(must(R"({"tasks":[],"totalSize":0,"nextPageToken":""})"))),
            R"({"tasks":[],"totalSize":0,"nextPageToken":""})");
  EXPECT_EQ(json::dump(to_v1(must("null"))), "null");
}

TEST(FromVersion1, AMessage) {
  EXPECT_TRUE(json::equal(from_v1(must(R"({"message":{"role":"ROLE_USER","messageId":"m","contextId":"c","parts":[
      {"text":"hi"},{"data":{"kind":"keep","role":"ROLE_USER"}}]},
      "configuration":{"returnImmediately":true,"historyLength":3},"metadata":{"role":"ROLE_USER"}})")),
                          must(R"({"message":{"kind":"message","role":"user","messageId":"m","contextId":"c","parts":[
      {"kind":"text","text":"hi"},{"kind":"data","data":{"kind":"keep","role":"ROLE_USER"}}]},
      "configuration":{"returnImmediately":true,"blocking":false,"historyLength":3},
      "metadata":{"role":"ROLE_USER"}})")));
}

TEST(FromVersion1, RolesAndWaiting) {
  auto role = [](std::string_view r) {
    return std::string(json::str(from_v1(Object{{"message", Object{{"role", r}}}}), "message", "role"));
  };
  EXPECT_EQ(role("ROLE_AGENT"), "agent");
  EXPECT_EQ(role("ROLE_OTHER"), "ROLE_OTHER");
  EXPECT_EQ(json::dump(*json::find(from_v1(must(R"({"configuration":{"returnImmediately":false}})")), "configuration",
                                   "blocking")),
            "true");
  EXPECT_EQ(json::find(from_v1(must(R"({"configuration":{}})")), "configuration", "blocking"), nullptr);
}

TEST(FromVersion1, OtherParamsPass) {
  for (auto text :
       {R"({"id":"t"})", "null", "[]", R"({"message":"x","configuration":5})", R"({"message":{"kind":"message"}})"})
    EXPECT_EQ(json::dump(from_v1(must(text))), text);
  EXPECT_EQ(json::dump(from_v1(must(R"({"message":{"parts":[5,"x"]}})"))),
            R"({"message":{"parts":[5,"x"],"kind":"message"}})");
}

TEST(FromVersion1, AMessageSurvivesTheRoundTrip) {
  Value m = message("user", Array{text_part("hi"), data_part(Object{{"kind", "x"}}, "t")}, "m", "c", "t");
  EXPECT_TRUE(json::equal(*json::find(from_v1(to_v1(m)), "message"), m));
}

TEST(Rpc, Envelopes) {
  EXPECT_EQ(json::dump(rpc_result(7, Object{{"a", 1}})), R"({"jsonrpc":"2.0","id":7,"result":{"a":1}})");
  EXPECT_EQ(json::dump(rpc_error(nullptr, kParseError, "bad \"json\"")),
            R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad \"json\""}})");
  EXPECT_EQ(json::dump(rpc_error("x", kTaskNotFound, "no")),
            R"({"jsonrpc":"2.0","id":"x","error":{"code":-32001,"message":"no"}})");
}

}  // namespace
}  // namespace sl::a2a

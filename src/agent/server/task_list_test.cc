#include "agent/server/task_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sl::agent {
namespace {

using ::testing::HasSubstr;

Result<TaskQuery> asked(std::string_view params) {
  return task_query(*json::parse(params));
}

TEST(TaskQuery, WithoutParametersTheNewestFifty) {
  auto q = asked("{}");
  ASSERT_TRUE(q);
  EXPECT_EQ(50u, q->limit);
  EXPECT_EQ("", q->session + q->state + q->user + q->agent + q->after_id);
  EXPECT_EQ(0, q->before_us);
}

TEST(TaskQuery, TakesStatesOfBothVersions) {
  for (auto state : {"input-required", "TASK_STATE_INPUT_REQUIRED"}) {
    auto q = asked(std::string(R"({"contextId":"c","status":")") + state + "\"}");
    ASSERT_TRUE(q) << q.error().message;
    EXPECT_EQ(kInputRequired, q->state);
    EXPECT_EQ("c", q->session);
  }
}

TEST(TaskQuery, TheTimeItselfIsAmongThem) {
  auto q = asked(R"({"statusTimestampAfter":"2026-01-02T03:04:05.678Z"})");
  ASSERT_TRUE(q) << q.error().message;
  EXPECT_EQ(677'999, q->changed_after_us % 1'000'000);
}

TEST(TaskQuery, APageHasAHundredAtMost) {
  EXPECT_EQ(100u, asked(R"({"pageSize":1000})")->limit);
  EXPECT_EQ(1u, asked(R"({"pageSize":0})")->limit);
}

TEST(TaskQuery, ContinuesWhereItsTokenSays) {
  TaskRow last;
  last.id = "an,id";
  last.updated_us = 1'700'000'000'000'001;
  auto q = asked(R"({"pageToken":")" + page_token(last) + "\"}");
  ASSERT_TRUE(q) << q.error().message;
  EXPECT_EQ(last.updated_us, q->before_us);
  EXPECT_EQ("an,id", q->after_id);
}

TEST(TaskQuery, NamesWhatItDoesNotTake) {
  for (auto [params, named] : {std::pair{R"({"status":"asleep"})", "asleep"},
                               {R"({"statusTimestampAfter":7})", "statusTimestampAfter"},
                               {R"({"statusTimestampAfter":"soon"})", "statusTimestampAfter"},
                               {R"({"pageSize":-1})", "pageSize"},
                               {R"({"pageSize":"9"})", "pageSize"},
                               {R"({"pageToken":"###"})", "pageToken"},
                               {R"({"pageToken":"MCxpZA=="})", "pageToken"}}) {
    auto q = asked(params);
    ASSERT_FALSE(q) << params;
    EXPECT_EQ(Code::InvalidArgument, q.error().code);
    EXPECT_THAT(q.error().message, HasSubstr(named));
  }
}

}  // namespace
}  // namespace sl::agent

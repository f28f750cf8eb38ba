#include "app/rest/queries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sl::rest {
namespace {

using ::testing::HasSubstr;

net::HttpRequest asked(std::string query) {
  net::HttpRequest r;
  r.query = std::move(query);
  return r;
}

TEST(MessageQuery, WithoutParametersAllInOrder) {
  auto q = message_query(asked(""));
  ASSERT_TRUE(q);
  EXPECT_EQ(-1, q->after_us);
  EXPECT_EQ(-1, q->limit);
  EXPECT_FALSE(q->newest_first);
}

TEST(MessageQuery, TellsNoEventTwice) {
  auto q = message_query(asked("order=desc&limit=5&after=2026-01-02T03:04:05.678Z"));
  ASSERT_TRUE(q) << q.error().message;
  EXPECT_TRUE(q->newest_first);
  EXPECT_EQ(5, q->limit);
  // What the client was told as .678 may have happened at any microsecond of it.
  EXPECT_EQ(678'999, q->after_us % 1'000'000);
}

TEST(MessageQuery, NamesWhatItDoesNotTake) {
  for (auto [query, named] : {std::pair{"order=up", "order"},
                              {"after=yesterday", "after"},
                              {"limit=0", "limit"},
                              {"limit=-2", "limit"},
                              {"limit=many", "limit"}}) {
    auto q = message_query(asked(query));
    ASSERT_FALSE(q) << query;
    EXPECT_EQ(Code::InvalidArgument, q.error().code);
    EXPECT_THAT(q.error().message, HasSubstr(named));
  }
}

TEST(SessionQuery, ContinuesAfterThePageBefore) {
  auto q = session_query(asked("limit=20&before=1700000000000001-an-id-with-dashes"));
  ASSERT_TRUE(q) << q.error().message;
  EXPECT_EQ(20u, q->limit);
  EXPECT_EQ(1'700'000'000'000'001, q->before_us);
  EXPECT_EQ("an-id-with-dashes", q->after_id);
}

TEST(SessionQuery, NamesWhatItDoesNotTake) {
  for (auto [query, named] : {std::pair{"limit=0", "limit"},
                              {"limit=10001", "limit"},
                              {"limit=-1", "limit"},
                              {"before=x-id", "before"},
                              {"before=17", "before"},
                              {"before=0-id", "before"}}) {
    auto q = session_query(asked(query));
    ASSERT_FALSE(q) << query;
    EXPECT_EQ(Code::InvalidArgument, q.error().code);
    EXPECT_THAT(q.error().message, HasSubstr(named));
  }
}

}  // namespace
}  // namespace sl::rest

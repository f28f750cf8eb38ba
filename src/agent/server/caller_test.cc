#include "agent/server/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sl::agent {
namespace {

using ::testing::HasSubstr;

class CallerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.open(":memory:"));
    ASSERT_TRUE(store_.create_session({"s", "n/a", "alice", "name", "", 1, 1}));
    ASSERT_TRUE(store_.create_session({"other", "n/a", "alice", "name", "", 1, 1}));
    ASSERT_TRUE(store_.add_share({"to-read", "s", "alice", true, 1}));
    ASSERT_TRUE(store_.add_share({"to-talk", "s", "alice", false, 1}));
  }
  Result<Caller> caller(std::string user, std::string token = "") {
    net::HttpRequest r;
    if (!user.empty()) r.headers.emplace_back("X-User-Id", std::move(user));
    if (!token.empty()) r.headers.emplace_back("X-Share-Token", std::move(token));
    return caller_of(r, store_);
  }
  SessionStore store_;
};

TEST_F(CallerTest, OnesOwnIsReadAndWritten) {
  auto c = caller("alice");
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->sees("alice", "s"));
  EXPECT_TRUE(c->writes("alice", "s"));
  EXPECT_FALSE(c->sees("bob", "s"));
  EXPECT_FALSE(c->writes("bob", "s"));
}

TEST_F(CallerTest, WithoutANameItIsTheOneUser) {
  EXPECT_EQ("admin@kagent.dev", caller("")->user);
}

TEST_F(CallerTest, TheQueryNamesTheUserBeforeTheField) {
  net::HttpRequest r;
  r.query = "user_id=carol%40test";
  r.headers.emplace_back("X-User-Id", "alice");
  EXPECT_EQ("carol@test", user_of(r));
}

TEST_F(CallerTest, AShareOpensItsSessionAlone) {
  auto c = caller("bob", "to-read");
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->sees("alice", "s"));
  EXPECT_FALSE(c->writes("alice", "s"));
  EXPECT_FALSE(c->sees("alice", "other"));
  EXPECT_TRUE(c->writes("bob", "bobs"));
}

TEST_F(CallerTest, AShareToTalkWrites) {
  auto c = caller("bob", "to-talk");
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->writes("alice", "s"));
  EXPECT_FALSE(c->writes("alice", "other"));
}

TEST_F(CallerTest, WhoseSessionItIsNeedsNoShare) {
  auto c = caller("alice", "to-read");
  ASSERT_TRUE(c);
  EXPECT_FALSE(c->share) << "it would take rights away";
  EXPECT_TRUE(c->writes("alice", "s"));
}

TEST_F(CallerTest, AnUnknownOrRemovedTokenIsRefused) {
  ASSERT_TRUE(store_.remove_share("s", "to-talk"));
  for (auto token : {"no-such", "to-talk"}) {
    auto c = caller("bob", token);
    ASSERT_FALSE(c) << token;
    EXPECT_EQ(Code::PermissionDenied, c.error().code);
    EXPECT_THAT(c.error().message, HasSubstr("X-Share-Token"));
    EXPECT_THAT(c.error().message, ::testing::Not(HasSubstr(token)));
  }
}

}  // namespace
}  // namespace sl::agent

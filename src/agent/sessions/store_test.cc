#include "agent/sessions/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace sl::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

Session session(std::string id, std::string agent = "n/a", std::string user = "u", int64_t at = 1) {
  return {std::move(id), std::move(agent), std::move(user), "name", "", at, at};
}

TaskRow row(std::string id, std::string in = "s", int64_t at = 1, std::string state = kSubmitted) {
  TaskRow t;
  t.id = std::move(id);
  t.session = std::move(in);
  t.agent = "n/a";
  t.user = "u";
  t.state = std::move(state);
  t.trace_id = "trace";
  t.span_id = "span";
  t.parent_span_id = "parent";
  t.streaming = true;
  t.created_us = t.updated_us = at;
  return t;
}

LogMessage message(std::string id, std::string task, std::string text) {
  LogMessage m;
  m.id = std::move(id);
  m.task = std::move(task);
  m.at_us = 7;
  m.message = json::Object{{"role", "user"}, {"content", text}};
  return m;
}

std::vector<std::string> ids(const Result<std::vector<TaskRow>>& rows) {
  std::vector<std::string> out;
  EXPECT_TRUE(rows) << rows.error().message;
  if (rows)
    for (auto& r : *rows) out.push_back(r.id);
  return out;
}
std::vector<std::string> ids(const Result<std::vector<LogMessage>>& rows) {
  std::vector<std::string> out;
  EXPECT_TRUE(rows) << rows.error().message;
  if (rows)
    for (auto& r : *rows) out.push_back(r.id);
  return out;
}

class Sessions : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store.open(":memory:")); }
  void begin(const std::string& task, const std::string& in = "s", int64_t at = 1) {
    ASSERT_TRUE(store.begin_task(session(in), row(task, in, at), message("m-" + task, task, "hi")));
  }
  std::string state(const std::string& task) {
    auto r = store.task(task);
    return r ? r->state : "none";
  }
  SessionStore store;
};

TEST_F(Sessions, ATaskBeginsWithItsSessionAndMessage) {
  begin("t");
  auto t = store.task("t");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->session, "s");
  EXPECT_EQ(t->agent, "n/a");
  EXPECT_EQ(t->user, "u");
  EXPECT_EQ(t->state, kSubmitted);
  EXPECT_EQ(t->trace_id, "trace");
  EXPECT_EQ(t->span_id, "span");
  EXPECT_EQ(t->parent_span_id, "parent");
  EXPECT_TRUE(t->streaming);
  EXPECT_EQ(t->created_us, 1);
  auto s = store.session("s");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->name, "name");
  auto messages = store.messages_of_task("t");
  ASSERT_TRUE(messages);
  ASSERT_THAT(*messages, SizeIs(1));
  EXPECT_EQ((*messages)[0].id, "m-t");
  EXPECT_EQ((*messages)[0].at_us, 7);
  EXPECT_EQ(json::dump((*messages)[0].message), R"({"role":"user","content":"hi"})");
  EXPECT_TRUE((*messages)[0].usage.is_null());
}

TEST_F(Sessions, AnExistingSessionStaysAsItIs) {
  begin("t1", "s", 1);
  Session other = session("s", "n/other", "stranger", 50);
  other.name = "renamed";
  ASSERT_TRUE(store.begin_task(other, row("t2", "s", 50), message("m", "t2", "x")));
  EXPECT_EQ(store.session("s")->name, "name");
  EXPECT_EQ(store.session("s")->agent, "n/a");
  EXPECT_EQ(store.session("s")->created_us, 1);
  EXPECT_EQ(store.session("s")->updated_us, 50);
}

TEST_F(Sessions, ATaskThatCannotBeginLeavesNothing) {
  begin("t");
  EXPECT_FALSE(store.begin_task(session("new"), row("t", "new"), message("m", "t", "x")));
  EXPECT_FALSE(store.session("new"));
  EXPECT_THAT(ids(store.messages_of_session("new")), IsEmpty());
  EXPECT_THAT(ids(store.messages_of_task("t")), SizeIs(1));
}

TEST_F(Sessions, AdvancesWithMessagesAndState) {
  begin("t");
  LogMessage answer = message("m2", "t", "done");
  answer.usage = json::Object{{"total_tokens", 5}};
  ASSERT_TRUE(store.advance("t", {answer, message("m3", "t", "x")}, kWorking, "half way"));
  auto t = store.task("t");
  EXPECT_EQ(t->state, kWorking);
  EXPECT_EQ(t->detail, "half way");
  EXPECT_GT(t->updated_us, 1);
  auto messages = store.messages_of_task("t");
  EXPECT_THAT(ids(messages), ElementsAre("m-t", "m2", "m3"));
  EXPECT_EQ(json::dump((*messages)[1].usage), R"({"total_tokens":5})");
  EXPECT_LT((*messages)[1].seq, (*messages)[2].seq);
}

TEST_F(Sessions, AFinalStateIsFinal) {
  for (auto last : {kCompleted, kFailed, kCanceled}) {
    std::string id = std::string("t-") + last;
    begin(id);
    ASSERT_TRUE(store.advance(id, {}, last, ""));
    auto again = store.advance(id, {message("late", id, "x")}, kWorking, "");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::Conflict);
    EXPECT_THAT(again.error().message, HasSubstr(std::string("already ") + last));
    EXPECT_EQ(state(id), last);
    EXPECT_THAT(ids(store.messages_of_task(id)), SizeIs(1));
    EXPECT_TRUE(is_final(last));
  }
  for (auto open : {kSubmitted, kWorking, kInputRequired}) EXPECT_FALSE(is_final(open));
}

TEST_F(Sessions, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(store.task("t").error().code, Code::NotFound);
  EXPECT_EQ(store.session("s").error().code, Code::NotFound);
  EXPECT_EQ(store.advance("t", {}, kWorking, "").error().code, Code::NotFound);
  EXPECT_THAT(ids(store.tasks_of("s")), IsEmpty());
}

TEST_F(Sessions, UnfinishedTasksAreThoseThatWork) {
  for (auto id : {"sub", "work", "wait", "done", "fail"}) begin(id);
  ASSERT_TRUE(store.advance("work", {}, kWorking, ""));
  ASSERT_TRUE(store.advance("wait", {}, kInputRequired, "?"));
  ASSERT_TRUE(store.advance("done", {}, kCompleted, ""));
  ASSERT_TRUE(store.advance("fail", {}, kFailed, ""));
  EXPECT_THAT(ids(store.unfinished()), UnorderedElementsAre("sub", "work"));
}

TEST_F(Sessions, TasksOfASessionInTheOrderOfTheirBeginning) {
  begin("b", "s", 1);
  begin("a", "s", 2);
  begin("c", "other", 3);
  EXPECT_THAT(ids(store.tasks_of("s")), ElementsAre("b", "a"));
  EXPECT_THAT(ids(store.messages_of_session("s")), ElementsAre("m-b", "m-a"));
}

TEST_F(Sessions, FindsTasks) {
  begin("a", "s1", 1);
  begin("b", "s1", 2);
  begin("c", "s2", 3);
  ASSERT_TRUE(store.advance("b", {}, kCompleted, ""));
  size_t total = 0;
  EXPECT_THAT(ids(store.find_tasks({}, &total)), UnorderedElementsAre("a", "b", "c"));
  EXPECT_EQ(total, 3u);
  EXPECT_THAT(ids(store.find_tasks({.session = "s1"}, &total)), UnorderedElementsAre("a", "b"));
  EXPECT_EQ(total, 2u);
  EXPECT_THAT(ids(store.find_tasks({.session = "s1", .state = kCompleted}, &total)), ElementsAre("b"));
  EXPECT_THAT(ids(store.find_tasks({.user = "nobody"}, &total)), IsEmpty());
  EXPECT_THAT(ids(store.find_tasks({.changed_after_us = 1}, &total)), UnorderedElementsAre("b", "c"));
  EXPECT_THAT(ids(store.find_tasks({.agent = "n/other"}, &total)), IsEmpty());
  EXPECT_EQ(total, 0u);
}

TEST_F(Sessions, PagesOfTasksNeitherRepeatNorMiss) {
  for (int i = 0; i < 25; ++i) begin("t" + std::to_string(i), "s", 5);
  std::vector<std::string> all;
  TaskQuery query{.limit = 10};
  for (size_t n : {10, 10, 5, 0}) {
    size_t total = 0;
    auto page = store.find_tasks(query, &total);
    ASSERT_TRUE(page);
    EXPECT_EQ(total, all.empty() ? 25u : 26u);
    ASSERT_EQ(page->size(), n);
    if (n == 0) break;
    for (auto& row : *page) all.push_back(row.id);
    query.before_us = page->back().updated_us;
    query.after_id = page->back().id;
    if (all.size() == n) begin("later", "s", 9);  // what comes meanwhile moves nothing
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()) - all.begin(), 25);
}

TEST_F(Sessions, ListsTheNewestSessionsFirst) {
  ASSERT_TRUE(store.create_session(session("old", "n/a", "u", 1)));
  ASSERT_TRUE(store.create_session(session("new", "n/a", "u", 9)));
  ASSERT_TRUE(store.create_session(session("hers", "n/a", "she", 5)));
  ASSERT_TRUE(store.create_session(session("else", "n/b", "u", 5)));
  auto list = [&](const std::string& agent, const std::string& user) {
    std::vector<std::string> out;
    auto found = store.sessions({agent, user});
    EXPECT_TRUE(found);
    for (auto& s : *found) out.push_back(s.id);
    return out;
  };
  EXPECT_THAT(list("n/a", "u"), ElementsAre("new", "old"));
  EXPECT_THAT(list("n/a", ""), ElementsAre("new", "hers", "old"));
  EXPECT_THAT(list("", ""), SizeIs(4));
  ASSERT_TRUE(store.create_session(session("twin", "n/a", "u", 9)));
  std::vector<std::string> paged;
  for (SessionQuery q{"n/a", "", 1};;) {
    auto page = store.sessions(q);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    ASSERT_THAT(*page, SizeIs(1));
    paged.push_back(page->front().id);
    ASSERT_LE(paged.size(), 4u);
    q.before_us = page->front().updated_us;
    q.after_id = page->front().id;
  }
  EXPECT_THAT(paged, ElementsAre("new", "twin", "hers", "old"));
  EXPECT_THAT(list("n/a' OR '1'='1", ""), IsEmpty());
}

TEST_F(Sessions, AreRenamedAndDeletedWithAllTheyHold) {
  begin("t1", "s");
  begin("t2", "keep");
  ASSERT_TRUE(store.rename_session("s", "Weather's \"talk\""));
  EXPECT_EQ(store.session("s")->name, "Weather's \"talk\"");
  EXPECT_EQ(store.session("keep")->name, "name");
  ASSERT_TRUE(store.delete_session("s"));
  EXPECT_FALSE(store.session("s"));
  EXPECT_FALSE(store.task("t1"));
  EXPECT_THAT(ids(store.messages_of_session("s")), IsEmpty());
  EXPECT_TRUE(store.session("keep"));
  EXPECT_TRUE(store.task("t2"));
  EXPECT_THAT(ids(store.messages_of_session("keep")), SizeIs(1));
}

TEST_F(Sessions, AreShared) {
  ASSERT_TRUE(store.create_session(session("s")));
  ASSERT_TRUE(store.create_session(session("other")));
  ASSERT_TRUE(store.add_share({"a", "s", "u", true, 1}));
  ASSERT_TRUE(store.add_share({"b", "s", "u", false, 2}));
  ASSERT_TRUE(store.add_share({"c", "other", "u", true, 3}));
  auto b = store.share("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->session, "s");
  EXPECT_EQ(b->user, "u");
  EXPECT_FALSE(b->read_only);
  EXPECT_TRUE(store.share("a")->read_only);
  EXPECT_EQ(store.remove_share("s", "c").error().code, Code::NotFound) << "another session's";
  ASSERT_TRUE(store.remove_share("s", "a"));
  EXPECT_EQ(store.share("a").error().code, Code::NotFound);
  ASSERT_THAT(*store.shares_of("s"), SizeIs(1));
  ASSERT_TRUE(store.delete_session("s"));
  EXPECT_FALSE(store.share("b")) << "it goes with its session";
  EXPECT_TRUE(store.share("c"));
}

TEST_F(Sessions, HaveABoundedNumberOfShares) {
  for (size_t i = 0; i < SessionStore::kSharesMax; ++i)
    ASSERT_TRUE(store.add_share({std::to_string(i), "s", "u", true, 1}));
  EXPECT_EQ(store.add_share({"more", "s", "u", true, 1}).error().code, Code::TooLarge);
  EXPECT_TRUE(store.add_share({"more", "other", "u", true, 1}));
}

TEST(SessionsFile, AreThereAgainAfterReopening) {
  std::string made = (std::filesystem::temp_directory_path() / "sl-sessions-XXXXXX").string();
  ASSERT_NE(mkdtemp(made.data()), nullptr);
  {
    SessionStore store;
    ASSERT_TRUE(store.open(made + "/agents.db"));
    ASSERT_TRUE(store.begin_task(session("s"), row("t"), message("m", "t", "ünïcode \u0001")));
    ASSERT_TRUE(store.advance("t", {message("m2", "t", "x")}, kWorking, ""));
  }
  {
    SessionStore store;
    ASSERT_TRUE(store.open(made + "/agents.db"));
    EXPECT_THAT(ids(store.unfinished()), ElementsAre("t"));
    auto messages = store.messages_of_task("t");
    EXPECT_THAT(ids(messages), ElementsAre("m", "m2"));
    EXPECT_EQ(json::str((*messages)[0].message, "content"), "ünïcode \u0001");
    ASSERT_TRUE(store.advance("t", {message("m3", "t", "x")}, kCompleted, ""));
    EXPECT_THAT(ids(store.messages_of_task("t")), ElementsAre("m", "m2", "m3"));
    EXPECT_THAT(ids(store.unfinished()), IsEmpty());
  }
  std::filesystem::remove_all(made);
}

// A trigger plays the full disk.
TEST(SessionsOnAFullDisk, AnEndIsToldAndStoredLater) {
  std::string made = (std::filesystem::temp_directory_path() / "sl-sessions-XXXXXX").string();
  ASSERT_NE(mkdtemp(made.data()), nullptr);
  {
    SessionStore store;
    ASSERT_TRUE(store.open(made + "/agents.db"));
    ASSERT_TRUE(store.begin_task(session("s"), row("t"), message("m1", "t", "hi")));
    sqlite::Database other;
    ASSERT_TRUE(other.open(made + "/agents.db"));
    ASSERT_TRUE(other.exec("CREATE TRIGGER f BEFORE UPDATE ON tasks BEGIN SELECT RAISE(ABORT, 'full'); END"));
    EXPECT_FALSE(store.end("t", {message("m2", "t", "as far as it came")}, kFailed, "why"));
    EXPECT_EQ(store.task("t")->state, kFailed);
    EXPECT_EQ(store.task("t")->detail, "why");
    EXPECT_FALSE(store.advance("t", {}, kWorking, "")) << "it has ended";
    EXPECT_FALSE(store.save_ends());
    EXPECT_THAT(*store.unfinished(), SizeIs(1)) << "as a crash would leave it";
    ASSERT_TRUE(other.exec("DROP TRIGGER f"));
    EXPECT_TRUE(store.save_ends());
    EXPECT_THAT(*store.unfinished(), IsEmpty());
    EXPECT_THAT(*store.messages_of_task("t"), SizeIs(2));
  }
  std::filesystem::remove_all(made);
}

}  // namespace
}  // namespace sl::agent

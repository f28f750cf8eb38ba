#include "observe/ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace sl::observe {
namespace {

Result<void> add_all(Ledger& ledger, const std::vector<Record>& records) {
  std::vector<const Record*> pointers;
  for (auto& r : records) pointers.push_back(&r);
  SL_CHECK(ledger.add(pointers));
  SL_CHECK(ledger.trim());
  return {};
}

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Record record(std::string path, int64_t start_us = 1, std::string trace = "t") {
  Record r;
  r.path = std::move(path);
  r.start_unix_us = start_us;
  r.trace_id = std::move(trace);
  r.span_id = "s";
  return r;
}

std::vector<std::string> paths(const Result<json::Array>& rows) {
  std::vector<std::string> out;
  EXPECT_TRUE(rows) << rows.error().message;
  if (rows)
    for (auto& r : *rows) out.emplace_back(json::str(r, "http.path"));
  return out;
}

class LedgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "sl-ledger-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    dir = made;
  }
  void TearDown() override { std::filesystem::remove_all(dir); }
  std::string file() const { return (dir / "ledger.db").string(); }
  std::filesystem::path dir;
};

class InMemory : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(ledger.open(":memory:")); }
  Ledger ledger;
};

TEST_F(InMemory, KeepsWholeRecordsWithTheirIds) {
  Record r = record("/a", 5);
  r.status = 200;
  r.dropped = {"x"};
  r.error = "é \"quoted\"\n";
  ASSERT_TRUE(add_all(ledger, {r}));
  auto rows = ledger.find({});
  ASSERT_TRUE(rows);
  ASSERT_THAT(*rows, SizeIs(1));
  json::Value want = to_json(r);
  want.get_object()["id"] = 1;
  EXPECT_TRUE(json::equal((*rows)[0], want)) << json::dump((*rows)[0]);
}

TEST_F(InMemory, GivesTheNewestOldestFirst) {
  ASSERT_TRUE(add_all(ledger, {record("/1"), record("/2"), record("/3")}));
  ASSERT_TRUE(add_all(ledger, {record("/4")}));
  LedgerQuery q;
  EXPECT_THAT(paths(ledger.find(q)), ElementsAre("/1", "/2", "/3", "/4"));
  q.limit = 2;
  EXPECT_THAT(paths(ledger.find(q)), ElementsAre("/3", "/4"));
  q.after_id = 3;
  EXPECT_THAT(paths(ledger.find(q)), ElementsAre("/4"));
  q.after_id = 4;
  EXPECT_THAT(paths(ledger.find(q)), IsEmpty());
}

TEST_F(InMemory, FindsByWhoWhenAndWhat) {
  Record a = record("/a", 10, "t1"), b = record("/b", 20, "t2"), c = record("/c", 30, "t1");
  a.agent = b.agent = "ns/one";
  c.agent = "ns/two";
  a.session = "s1";
  b.session = c.session = "s2";
  a.turn = "u1";
  ASSERT_TRUE(add_all(ledger, {a, b, c}));
  EXPECT_THAT(paths(ledger.find({.agent = "ns/one"})), ElementsAre("/a", "/b"));
  EXPECT_THAT(paths(ledger.find({.session = "s2"})), ElementsAre("/b", "/c"));
  EXPECT_THAT(paths(ledger.find({.agent = "ns/one", .session = "s2"})), ElementsAre("/b"));
  EXPECT_THAT(paths(ledger.find({.turn = "u1"})), ElementsAre("/a"));
  EXPECT_THAT(paths(ledger.find({.trace = "t1"})), ElementsAre("/a", "/c"));
  EXPECT_THAT(paths(ledger.find({.since_us = 20})), ElementsAre("/b", "/c"));
  EXPECT_THAT(paths(ledger.find({.agent = "' OR 1=1 --"})), IsEmpty());
}

TEST_F(InMemory, ATraceIsToldInTheOrderOfTime) {
  const std::string trace(32, 'a'), other = "abcdef" + std::string(26, '1');
  ASSERT_TRUE(add_all(ledger, {record("/late", 30, trace), record("/early", 10, trace), record("/x", 1, other)}));
  EXPECT_THAT(paths(ledger.trace_of(trace)), ElementsAre("/early", "/late"));
  EXPECT_THAT(paths(ledger.trace_of("1")), ElementsAre("/early", "/late"));
  EXPECT_THAT(paths(ledger.trace_of("3")), ElementsAre("/x"));
  EXPECT_THAT(paths(ledger.trace_of("abcdef")), ElementsAre("/x"));
  EXPECT_THAT(paths(ledger.trace_of("aaaaaaaa")), ElementsAre("/early", "/late"));
}

TEST_F(InMemory, APrefixOfDigitsIsATraceToo) {
  const std::string trace = "12345678" + std::string(24, '0');
  ASSERT_TRUE(add_all(ledger, {record("/x", 1, trace)}));
  EXPECT_THAT(paths(ledger.trace_of("12345678")), ElementsAre("/x"));
}

TEST_F(InMemory, SaysWhenThereIsNone) {
  ASSERT_TRUE(add_all(ledger, {record("/x", 1, std::string(32, 'a'))}));
  for (auto id : {"99", "aaaaa", "bbbbbb", "%", "aaaaaa%", "nonsense"}) {
    auto rows = ledger.trace_of(id);
    ASSERT_FALSE(rows) << id;
    EXPECT_EQ(rows.error().code, Code::NotFound);
    EXPECT_THAT(rows.error().message, HasSubstr(std::string("\"") + id + "\""));
  }
}

TEST_F(InMemory, AnEmptyBatchIsNothing) {
  EXPECT_TRUE(add_all(ledger, std::vector<Record>()));
  EXPECT_THAT(paths(ledger.find({})), IsEmpty());
}

TEST_F(LedgerTest, IsThereAgainAfterReopening) {
  {
    Ledger l;
    ASSERT_TRUE(l.open(file()));
    ASSERT_TRUE(add_all(l, {record("/1"), record("/2")}));
  }
  Ledger l;
  ASSERT_TRUE(l.open(file()));
  ASSERT_TRUE(add_all(l, {record("/3")}));
  auto rows = l.find({});
  EXPECT_THAT(paths(rows), ElementsAre("/1", "/2", "/3"));
  EXPECT_EQ(json::num((*rows)[2], 0, "id"), 3);
}

TEST_F(LedgerTest, IdsAreNotUsedTwice) {
  {
    Ledger l;
    ASSERT_TRUE(l.open(file()));
    ASSERT_TRUE(add_all(l, {record("/1"), record("/2")}));
  }
  {
    sqlite::Database db;
    ASSERT_TRUE(db.open(file()));
    ASSERT_TRUE(db.exec("DELETE FROM records"));
  }
  Ledger l;
  ASSERT_TRUE(l.open(file()));
  ASSERT_TRUE(add_all(l, {record("/3")}));
  EXPECT_EQ(json::num((*l.find({}))[0], 0, "id"), 3);
}

TEST_F(LedgerTest, TheOldestGoWhenThereAreTooMany) {
  {
    Ledger l;
    ASSERT_TRUE(l.open(file()));
    ASSERT_TRUE(add_all(l, {record("/1"), record("/2")}));
  }
  {
    sqlite::Database db;  // as if 200,001 records had come in between
    ASSERT_TRUE(db.open(file()));
    ASSERT_TRUE(
        db.exec("UPDATE sqlite_sequence SET seq = " + std::to_string(kRowsMax - 9'999) + " WHERE name = 'records'"));
  }
  Ledger l;
  ASSERT_TRUE(l.open(file()));
  ASSERT_TRUE(add_all(l, std::vector<Record>(10'000, record("/new"))));
  auto rows = l.find({.limit = 20'000});
  ASSERT_TRUE(rows);
  ASSERT_THAT(*rows, SizeIs(10'001));
  EXPECT_EQ(json::str((*rows)[0], "http.path"), "/2");
}

TEST_F(LedgerTest, SaysWhichFileItCannotOpen) {
  Ledger l;
  auto opened = l.open((dir / "no/such").string());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("no/such"));
}

TEST_F(LedgerTest, WhatCannotGoIsSaidAndTriedAgainLater) {
  Ledger ledger;
  ASSERT_TRUE(ledger.open(file()));
  sqlite::Database other;
  ASSERT_TRUE(other.open(file()));
  ASSERT_TRUE(other.exec("CREATE TRIGGER t BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'full'); END"));
  ASSERT_TRUE(other.exec("INSERT INTO records VALUES(-900000, 1, 't', '', '', '', '{}')"));  // old enough to go
  auto old_ones = [&other] {
    auto left = other.prepare("SELECT count(*) FROM records WHERE id < 0");
    return left && left->step() ? left->integer(0) : -1;
  };
  auto trimmed = add_all(ledger, {record("/a")});
  ASSERT_FALSE(trimmed);
  EXPECT_THAT(trimmed.error().message, HasSubstr("full"));
  EXPECT_THAT(paths(ledger.find({})), ElementsAre("/a"));
  ASSERT_TRUE(other.exec("DROP TRIGGER t"));
  EXPECT_TRUE(add_all(ledger, std::vector<Record>(999, record("/b"))));
  EXPECT_EQ(old_ones(), 1) << "not with each record";
  EXPECT_TRUE(add_all(ledger, {record("/c")}));
  EXPECT_EQ(old_ones(), 0);
}

}  // namespace
}  // namespace sl::observe

#include "sqlite/sqlite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace sl::sqlite {
namespace {

using std::string_view_literals::operator""sv;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "sl-sqlite-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    dir = made;
  }
  void TearDown() override { std::filesystem::remove_all(dir); }
  std::string file(std::string_view name) const { return (dir / name).string(); }
  std::filesystem::path dir;
};

std::string one(Database& db, std::string_view sql) {
  auto s = db.prepare(sql);
  EXPECT_TRUE(s) << sql;
  if (!s) return "";
  auto row = s->step();
  EXPECT_TRUE(row && *row) << sql;
  return std::string(s->text(0));
}

class Memory : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(db.open(":memory:"));
    ASSERT_TRUE(db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE)"));
  }
  Database db;
};

TEST_F(Memory, ValuesComeBackAsTheyWent) {
  auto put = db.prepare("INSERT INTO t(id, v) VALUES(?, ?)");
  ASSERT_TRUE(put);
  const std::string_view texts[] = {"", "x", "with \0 zero"sv, "é\n\"'", std::string_view()};
  int64_t id = 0;
  for (auto text : {texts[0], texts[1], texts[2], texts[3]}) ASSERT_TRUE(put->bind(1, ++id).bind(2, text).run());
  ASSERT_TRUE(put->bind(1, INT64_MIN).bind_null(2).run());
  auto get = db.prepare("SELECT v, id FROM t WHERE id = ?");
  ASSERT_TRUE(get);
  for (int64_t i = 1; i <= 4; ++i) {
    ASSERT_TRUE(*get->bind(1, i).step());
    EXPECT_EQ(get->text(0), texts[i - 1]);
    EXPECT_FALSE(get->is_null(0));
    EXPECT_EQ(get->integer(1), i);
    get->reset();
  }
  ASSERT_TRUE(*get->bind(1, INT64_MIN).step());
  EXPECT_TRUE(get->is_null(0));
  EXPECT_EQ(get->text(0), "");
  EXPECT_EQ(get->integer(1), INT64_MIN);
}

TEST_F(Memory, AnAbsentTextIsEmptyNotNull) {
  auto s = db.prepare("SELECT ? IS NULL");
  ASSERT_TRUE(s);
  ASSERT_TRUE(*s->bind(1, std::string_view()).step());
  EXPECT_EQ(s->integer(0), 0);
}

TEST_F(Memory, StepTellsWhenTheRowsEnd) {
  ASSERT_TRUE(db.exec("INSERT INTO t(v) VALUES('a'),('b')"));
  auto s = db.prepare("SELECT v FROM t ORDER BY v");
  ASSERT_TRUE(s);
  EXPECT_TRUE(*s->step());
  EXPECT_TRUE(*s->step());
  EXPECT_EQ(s->text(0), "b");
  EXPECT_FALSE(*s->step());
}

TEST_F(Memory, ResetForgetsWhatWasBound) {
  auto s = db.prepare("SELECT ?1 IS NULL");
  ASSERT_TRUE(s);
  ASSERT_TRUE(*s->bind(1, "x").step());
  EXPECT_EQ(s->integer(0), 0);
  s->reset();
  ASSERT_TRUE(*s->step());
  EXPECT_EQ(s->integer(0), 1);
}

TEST_F(Memory, AFailedStatementSaysWhyAndWorksAgain) {
  auto put = db.prepare("INSERT INTO t(v) VALUES(?)");
  ASSERT_TRUE(put);
  ASSERT_TRUE(put->bind(1, "a").run());
  auto twice = put->bind(1, "a").run();
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::Io);
  EXPECT_THAT(twice.error().message, HasSubstr("UNIQUE"));
  EXPECT_TRUE(put->bind(1, "b").run());
  EXPECT_EQ(one(db, "SELECT count(*) FROM t"), "2");
}

TEST_F(Memory, BadSqlIsAnError) {
  EXPECT_THAT(db.exec("NONSENSE").error().message, HasSubstr("NONSENSE"));
  auto s = db.prepare("SELECT * FROM missing");
  ASSERT_FALSE(s);
  EXPECT_THAT(s.error().message, HasSubstr("missing"));
}

TEST_F(Memory, ATransactionIsAllOrNothing) {
  auto good = db.transaction([&]() -> Result<void> {
    SL_CHECK(db.exec("INSERT INTO t(v) VALUES('a')"));
    return db.exec("INSERT INTO t(v) VALUES('b')");
  });
  ASSERT_TRUE(good);
  auto bad = db.transaction([&]() -> Result<void> {
    SL_CHECK(db.exec("INSERT INTO t(v) VALUES('c')"));
    return fail(Code::Conflict, "changed my mind");
  });
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::Conflict);
  EXPECT_EQ(bad.error().message, "changed my mind");
  EXPECT_FALSE(db.transaction([&]() -> Result<void> {
    SL_CHECK(db.exec("INSERT INTO t(v) VALUES('d')"));
    return db.exec("INSERT INTO t(v) VALUES('a')");
  }));
  EXPECT_EQ(one(db, "SELECT group_concat(v) FROM t"), "a,b");
  EXPECT_TRUE(db.transaction([&]() -> Result<void> { return db.exec("INSERT INTO t(v) VALUES('e')"); }));
}

TEST_F(Memory, TellsTheIdOfTheLastRow) {
  ASSERT_TRUE(db.exec("INSERT INTO t(id, v) VALUES(41, 'a')"));
  EXPECT_EQ(db.last_insert_id(), 41);
  ASSERT_TRUE(db.exec("INSERT INTO t(v) VALUES('b')"));
  EXPECT_EQ(db.last_insert_id(), 42);
}

TEST_F(Memory, AMovedStatementGoesOn) {
  Statement s;
  {
    auto made = db.prepare("SELECT 7");
    ASSERT_TRUE(made);
    s = std::move(*made);
  }
  ASSERT_TRUE(*s.step());
  EXPECT_EQ(s.integer(0), 7);
}

TEST_F(Files, SyncsAsAskedAndKeepsAWriteAheadLog) {
  Database full, normal;
  ASSERT_TRUE(full.open(file("a.db")));
  ASSERT_TRUE(normal.open(file("b.db"), false));
  EXPECT_EQ(one(full, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(one(full, "PRAGMA synchronous"), "2");
  EXPECT_EQ(one(normal, "PRAGMA synchronous"), "1");
}

TEST_F(Files, ACheckpointEmptiesTheLog) {
  Database db;
  ASSERT_TRUE(db.open(file("a.db")));
  ASSERT_TRUE(db.exec("CREATE TABLE t(v); INSERT INTO t VALUES(1)"));
  ASSERT_GT(std::filesystem::file_size(file("a.db-wal")), 0u);
  db.checkpoint();
  EXPECT_EQ(std::filesystem::file_size(file("a.db-wal")), 0u);
}

TEST_F(Files, NamesTheFileThatIsNoDatabase) {
  {
    Database db;
    auto opened = db.open(dir.string());
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr(dir.string()));
  }
  {
    std::FILE* f = std::fopen(file("text").c_str(), "w");
    ASSERT_NE(f, nullptr);
    std::string noise(4096, 'x');
    ASSERT_EQ(std::fwrite(noise.data(), 1, noise.size(), f), noise.size());
    std::fclose(f);
  }
  Database db;
  auto opened = db.open(file("text"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::Io);
  EXPECT_THAT(opened.error().message, HasSubstr(file("text")));
}

}  // namespace
}  // namespace sl::sqlite

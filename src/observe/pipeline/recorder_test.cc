#include "observe/pipeline/recorder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace sl::observe {
namespace {

void hand_over(Recorder& recorder, const std::vector<Record>& records) {
  std::vector<RecordPtr> batch;
  for (auto& r : records) batch.push_back(std::make_unique<Record>(r));
  recorder.take(std::move(batch));
}

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

Record record(Literal protocol, std::string gateway = "n/g") {
  Record r;
  r.protocol = protocol;
  r.gateway = std::move(gateway);
  r.trace_id = "t";
  r.start_unix_us = 5'000'000;
  return r;
}

class RecorderTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(ledger.open(":memory:")); }
  ~RecorderTest() override { close(null_); }
  std::vector<std::string> lines(const std::string& component) {
    std::vector<std::string> out;
    for (auto& l : logs.tail(component)) out.push_back(l.text);
    return out;
  }
  size_t kept() {
    auto rows = ledger.find({.limit = 100'000});
    return rows ? rows->size() : 0;
  }
  int null_ = open("/dev/null", O_WRONLY | O_CLOEXEC);
  LogHub logs{null_};
  Ledger ledger;
  std::function<std::string(const std::string&)> by_gateway = [](const std::string& g) { return "gw:" + g; };
};

// With a ledger on disk, and another handle on its file to break it.
class RecorderFileTest : public RecorderTest {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "sl-recorder-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    dir_ = made;
    ASSERT_TRUE(file.open(made + "/ledger.db"));
    ASSERT_TRUE(other.open(made + "/ledger.db"));
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  Ledger file;
  sqlite::Database other;

 private:
  std::filesystem::path dir_;
};

TEST_F(RecorderTest, TellsLogMetricsAndLedger) {
  Recorder r(logs, &ledger, by_gateway);
  hand_over(r, {record("llm"), record("llm", "n/other")});
  r.flush();
  EXPECT_THAT(lines("gw:n/g"), ElementsAre(MatchesRegex(R"(....-..-..T..:..:..\....Z info request gateway=n/g .*)")));
  EXPECT_THAT(lines("gw:n/other"), SizeIs(1));
  EXPECT_EQ(kept(), 2u);
  EXPECT_THAT(r.metrics().text(), HasSubstr(R"(sightline_requests_total{gateway="n/g",)"));
}

TEST_F(RecorderTest, TurnsAndToolsAreKeptButAreNoAccesses) {
  Recorder r(logs, &ledger, by_gateway);
  Record turn = record("", ""), tool = record("", "");
  turn.kind = RecordKind::Turn;
  tool.kind = RecordKind::ToolCall;
  hand_over(r, {turn, tool});
  r.flush();
  EXPECT_THAT(lines("gw:"), IsEmpty());
  EXPECT_EQ(kept(), 2u);
}

TEST_F(RecorderTest, TheAccessLogCanBeOff) {
  Recorder r(logs, &ledger, by_gateway);
  r.set_access_log(false);
  hand_over(r, {record("llm")});
  r.flush();
  EXPECT_THAT(lines("gw:n/g"), IsEmpty());
  EXPECT_EQ(kept(), 1u);
}

TEST_F(RecorderTest, WorksWithoutALedger) {
  Recorder r(logs, nullptr, by_gateway);
  hand_over(r, {record("llm")});
  r.flush();
  EXPECT_THAT(lines("gw:n/g"), SizeIs(1));
}

TEST_F(RecorderTest, PlainTrafficIsSampledModelCallsNever) {
  Recorder r(logs, &ledger, by_gateway);
  hand_over(r, std::vector<Record>(250, record("http")));
  hand_over(r, std::vector<Record>(250, record("llm")));
  r.flush();
  EXPECT_EQ(kept(), 100u + 250u);
  EXPECT_THAT(r.metrics().text(), HasSubstr("sightline_ledger_skipped_total 150\n"));
  EXPECT_THAT(lines("gw:n/g"), SizeIs(500));
  Record later = record("http");
  later.start_unix_us += 1'000'000;
  hand_over(r, {later});
  r.flush();
  EXPECT_EQ(kept(), 351u);
}

TEST_F(RecorderTest, WritesWhatItTookBeforeItEnds) {
  {
    Recorder r(logs, &ledger, by_gateway);
    for (int i = 0; i < 50; ++i) hand_over(r, {record("llm")});
  }
  EXPECT_EQ(kept(), 50u);
}

TEST_F(RecorderTest, TakesFromManyThreads) {
  Recorder r(logs, &ledger, by_gateway);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&r] {
      for (int i = 0; i < 100; ++i) hand_over(r, {record("llm"), record("llm")});
    });
  for (auto& t : threads) t.join();
  r.flush();
  EXPECT_EQ(kept(), 800u);
}

TEST_F(RecorderFileTest, ABrokenLedgerIsSaidOnceAndTheRestGoesOn) {
  ASSERT_TRUE(other.exec("DROP TABLE records"));
  Recorder r(logs, &file, by_gateway);
  for (int i = 0; i < 3; ++i) {
    hand_over(r, {record("llm")});
    r.flush();
  }
  EXPECT_THAT(lines("sightline"), ElementsAre(AllOf(HasSubstr("error"), HasSubstr("the ledger cannot be written"))));
  EXPECT_THAT(lines("gw:n/g"), SizeIs(3));
}

TEST_F(RecorderTest, AnEndedOneTakesNothingAndKeepsNobodyWaiting) {
  Recorder r(logs, &ledger, by_gateway);
  hand_over(r, {record("llm")});
  r.close();
  hand_over(r, {record("llm"), record("llm")});
  r.flush();
  EXPECT_EQ(kept(), 1u);
  EXPECT_THAT(lines("sightline"), ElementsAre(HasSubstr("2 records of requests that outlived the end")));
}

TEST_F(RecorderFileTest, ALedgerThatGrowsIsSaidOnce) {
  ASSERT_TRUE(other.exec("CREATE TRIGGER t BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'full'); END"));
  ASSERT_TRUE(other.exec("INSERT INTO records VALUES(-900000, 1, 't', '', '', '', '{}')"));  // old enough to go
  Recorder r(logs, &file, by_gateway);
  hand_over(r, {record("llm")});
  r.flush();
  for (size_t n : {1u, 998u, 1u, 1'000u}) {  // the last two with a try of it each
    hand_over(r, std::vector<Record>(n, record("llm")));
    r.flush();
  }
  EXPECT_THAT(*file.find({.limit = 3'000}), SizeIs(2'001));
  EXPECT_THAT(lines("sightline"), ElementsAre(HasSubstr("the ledger grows, its oldest cannot go")));
}

TEST_F(RecorderFileTest, WhatTheLedgerCannotTakeIsHeldForIt) {
  ASSERT_TRUE(other.exec("CREATE TRIGGER t BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'full'); END"));
  Recorder r(logs, &file, by_gateway);
  for (auto trace : {"one", "two"}) {
    Record each = record("llm");
    each.trace_id = trace;
    hand_over(r, {each});
    r.flush();
  }
  EXPECT_THAT(*file.find({}), IsEmpty());
  ASSERT_TRUE(other.exec("DROP TRIGGER t"));
  r.close();
  std::vector<std::string> traces;
  for (auto& row : *file.find({})) traces.emplace_back(json::str(row, "trace_id"));
  EXPECT_THAT(traces, ElementsAre("one", "two"));
  EXPECT_THAT(lines("sightline"), ElementsAre(HasSubstr("records wait"), HasSubstr("2 records waited, 0 were lost")));
}

TEST(RecordMemory, ClearedIsAsNewAndKeepsItsStrings) {
  Record r;
  std::string filled(100, 'x');
  for (auto* member :
       {&r.trace_id, &r.gateway, &r.path, &r.error, &r.agent, &r.tls_peer, &r.tool, &r.tool_call, &r.policy})
    *member = filled;
  r.dropped = {"a"};
  r.status = 500;
  r.has_usage = r.streamed = true;
  r.request_bytes = r.response_bytes = 1;
  r.start_unix_us = r.duration_us = r.first_byte_us = r.input_tokens = r.output_tokens = r.cached_tokens = 7;
  r.kind = RecordKind::Turn;
  const char* memory = r.path.data();
  r.clear();
  EXPECT_EQ(json::dump(to_json(r)), json::dump(to_json(Record{})));
  EXPECT_EQ(r.path.data(), memory);
}

}  // namespace
}  // namespace sl::observe

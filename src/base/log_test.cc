#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "base/strings.h"

namespace sl {
namespace {

const auto none = [](std::vector<LogLine>) {};

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A pipe whose reading side never blocks.
class Pipe {
 public:
  explicit Pipe(int write_flags = 0) {
    EXPECT_EQ(pipe2(fds_.data(), O_CLOEXEC), 0);
    fcntl(fds_[0], F_SETFL, O_NONBLOCK);
    fcntl(fds_[1], F_SETFL, write_flags);
  }
  ~Pipe() {
    close(fds_[0]);
    close(fds_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int write_end() const { return fds_[1]; }
  std::string drain() const {
    std::string out;
    std::array<char, 65536> buffer;
    for (ssize_t n; (n = read(fds_[0], buffer.data(), buffer.size())) > 0;)
      out.append(buffer.data(), static_cast<size_t>(n));
    return out;
  }
  // Fills the pipe with dots until a write would block.
  void fill() const {
    std::string dots(4096, '.');
    while (write(write_end(), dots.data(), dots.size()) > 0) {
    }
  }

 private:
  std::array<int, 2> fds_{};
};

std::vector<std::string> texts(LogHub& hub, const std::string& component) {
  std::vector<std::string> out;
  for (auto& line : hub.tail(component)) out.push_back(line.text);
  return out;
}

TEST(Log, WritesTimestampLevelAndText) {
  Pipe pipe;
  LogHub hub(pipe.write_end());
  int64_t before = unix_ms();
  hub.log("gateway").warn("port {} is {}", 8080, "taken");
  int64_t after = unix_ms();
  std::string out = pipe.drain();
  auto words = split(out, ' ');
  ASSERT_GE(words.size(), 3u);
  auto stamp = parse_rfc3339(words[0]);
  ASSERT_TRUE(stamp) << out;
  EXPECT_THAT(*stamp, ::testing::AllOf(::testing::Ge(before), ::testing::Le(after)));
  EXPECT_EQ(out.substr(words[0].size()), " warn port 8080 is taken\n");
}

TEST(Log, KeepsTheLineAsPrinted) {
  Pipe pipe;
  LogHub hub(pipe.write_end());
  hub.log("a").info("hello");
  auto kept = hub.tail("a");
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].text + "\n", pipe.drain());
  EXPECT_EQ(rfc3339(kept[0].unix_ms, true), kept[0].text.substr(0, 24));
}

TEST(Log, EachLevelHasItsName) {
  LogHub hub(-1);
  hub.set_min_level(Level::Debug);
  Log log = hub.log("a");
  log.line(Level::Debug, "1");
  log.info("2");
  log.warn("3");
  log.error("4");
  EXPECT_THAT(texts(hub, "a"),
              ElementsAre(EndsWith(" debug 1"), EndsWith(" info 2"), EndsWith(" warn 3"), EndsWith(" error 4")));
}

TEST(Log, DropsLinesBelowTheLevel) {
  LogHub hub(-1);
  Log log = hub.log("a");
  log.line(Level::Debug, "hidden by default");
  log.info("shown");
  hub.set_min_level(Level::Error);
  log.warn("hidden");
  log.error("shown too");
  EXPECT_THAT(texts(hub, "a"), ElementsAre(EndsWith("info shown"), EndsWith("error shown too")));
}

TEST(Log, TextPassedAsLineIsNotAFormat) {
  LogHub hub(-1);
  hub.log("a").line(Level::Info, "{} {0} %s {");
  EXPECT_THAT(texts(hub, "a"), ElementsAre(EndsWith(" info {} {0} %s {")));
}

// Text from a client must not be able to forge a line.
TEST(Log, EveryPrintedLineIsStamped) {
  Pipe pipe;
  LogHub hub(pipe.write_end());
  hub.log("a").info("bad host {}", "x\n2024-01-01T00:00:00.000Z info forged\r\nmore");
  std::string out = pipe.drain();
  ASSERT_TRUE(out.ends_with('\n'));
  out.pop_back();
  EXPECT_THAT(split(out, '\n'), SizeIs(1)) << out;
  EXPECT_THAT(out, HasSubstr("forged"));
}

TEST(Log, HandleWithoutHubDropsLines) {
  Log none;
  none.info("nowhere {}", 1);
  EXPECT_EQ(none.component(), "");
}

TEST(Log, ComponentsAreApart) {
  LogHub hub(-1);
  Log a = hub.log("a");
  Log b = a.with_component("b");
  EXPECT_EQ(a.component(), "a");
  EXPECT_EQ(b.component(), "b");
  a.info("of a");
  b.info("of b");
  EXPECT_THAT(texts(hub, "a"), ElementsAre(EndsWith("of a")));
  EXPECT_THAT(texts(hub, "b"), ElementsAre(EndsWith("of b")));
  EXPECT_THAT(texts(hub, "c"), IsEmpty());
}

TEST(LogHub, KeepsTheNewest2000LinesOfEachComponent) {
  LogHub hub(-1);
  Log a = hub.log("a");
  hub.log("b").info("stays");
  for (int i = 0; i < 2005; ++i) a.info("line {}", i);
  auto kept = texts(hub, "a");
  ASSERT_THAT(kept, SizeIs(2000));
  EXPECT_THAT(kept.front(), EndsWith(" line 5"));
  EXPECT_THAT(kept.back(), EndsWith(" line 2004"));
  EXPECT_THAT(texts(hub, "b"), SizeIs(1));
}

TEST(LogHub, KeepsLinesWhenTheSinkFails) {
  int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(read_only, 0);
  LogHub hub(read_only);
  hub.log("a").info("one");
  hub.log("a").info("two");
  EXPECT_THAT(texts(hub, "a"), SizeIs(2));
  close(read_only);
}

// A full pipe is a slow reader, not a closed one.
TEST(LogHub, WritesAgainAfterTheSinkWasFull) {
  Pipe pipe(O_NONBLOCK);
  pipe.fill();
  LogHub hub(pipe.write_end());
  hub.log("a").info("while full");
  pipe.drain();
  hub.log("a").info("after");
  EXPECT_THAT(pipe.drain(), HasSubstr(" info after\n"));
}

TEST(LogHub, FollowSeesLaterLinesOfItsComponentOnly) {
  LogHub hub(-1);
  Log a = hub.log("a");
  a.info("before");
  std::vector<std::string> seen;
  uint64_t id = hub.follow("a", none, [&](const LogLine& line) { seen.push_back(line.text); });
  a.info("one");
  hub.log("b").info("other");
  a.info("two");
  hub.unfollow(id);
  a.info("after");
  EXPECT_THAT(seen, ElementsAre(EndsWith(" info one"), EndsWith(" info two")));
}

TEST(LogHub, WritesABatchOfFinishedLines) {
  Pipe pipe;
  LogHub hub(pipe.write_end());
  std::vector<std::string> seen;
  hub.follow("a", none, [&](const LogLine& line) { seen.push_back(line.text); });
  hub.write_batch({{"a", {1, "one"}}, {"b", {2, "two"}}, {"a", {3, "three"}}});
  hub.write_batch({});
  EXPECT_EQ(pipe.drain(), "one\ntwo\nthree\n");
  EXPECT_THAT(texts(hub, "a"), ElementsAre("one", "three"));
  EXPECT_THAT(texts(hub, "b"), ElementsAre("two"));
  EXPECT_THAT(seen, ElementsAre("one", "three"));
  EXPECT_EQ(hub.tail("b")[0].unix_ms, 2);
}

TEST(LogHub, FollowersAreIndependent) {
  LogHub hub(-1);
  int first = 0, second = 0;
  uint64_t id1 = hub.follow("a", none, [&](const LogLine&) { ++first; });
  uint64_t id2 = hub.follow("a", none, [&](const LogLine&) { ++second; });
  EXPECT_NE(id1, id2);
  hub.log("a").info("x");
  hub.unfollow(id1);
  hub.unfollow(id1);  // twice is harmless
  hub.log("a").info("y");
  hub.unfollow(id2);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 2);
}

TEST(LogHub, LinesOfManyThreadsStayWhole) {
  Pipe pipe;
  LogHub hub(pipe.write_end());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&hub, t] {
      for (int i = 0; i < 100; ++i) hub.log("a").info("{}", std::string(20, char('a' + t)));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(hub.tail("a"), SizeIs(400));
  std::string out = pipe.drain();
  out.pop_back();
  auto lines = split(out, '\n');
  ASSERT_THAT(lines, SizeIs(400));
  for (auto line : lines) {
    ASSERT_EQ(line.size(), 24u + 6u + 20u) << line;
    EXPECT_EQ(line.find_first_not_of(line.back(), 30), std::string_view::npos) << line;
  }
}

}  // namespace
}  // namespace sl

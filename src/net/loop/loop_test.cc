#include "net/loop/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sl::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Runs what is ready until `done`, but not for ever: a test that waits in vain fails.
void run_until(Loop& loop, const std::function<bool()>& done) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    loop.io().run_one_until(end);
  }
}

// Says when it runs: "NAME 1" before it yields, "NAME 2" after.
template <size_t kTurns>
Task<void> yields(Loop* loop, std::string name, std::vector<std::string>* said) {
  said->push_back(name + " 1");
  co_await loop->yield<kTurns>();
  said->push_back(name + " 2");
}

TEST(LoopYield, WhatIsReadyRunsFirstAndAllGoOnInTheirOrder) {
  Loop loop("test");
  std::vector<std::string> said;
  loop.spawn(yields<1>(&loop, "a", &said));
  loop.spawn(yields<1>(&loop, "b", &said));
  loop.post([&] { said.push_back("ready"); });
  loop.post([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  EXPECT_THAT(said, ElementsAre("a 1", "b 1", "ready", "a 2", "b 2"));
}

TEST(LoopYield, ForSoManyTurns) {
  Loop loop("test");
  std::vector<std::string> said;
  loop.spawn(yields<3>(&loop, "a", &said));
  loop.spawn(yields<1>(&loop, "b", &said));
  loop.spawn(yields<2>(&loop, "c", &said));
  loop.spawn(yields<3>(&loop, "d", &said));
  run_until(loop, [&] { return said.size() == 8; });
  EXPECT_THAT(said, ElementsAre("a 1", "b 1", "c 1", "d 1", "b 2", "c 2", "a 2", "d 2"));
}

// Notes in which turn it goes on, for waits begun within turns of others.
struct TurnCount {
  Loop& loop;
  int turn = 0, done = 0;
  std::vector<std::string> wrong;
};
Task<void> counts_turns(TurnCount* count, int turns) {
  for (; count->turn < turns; ++count->turn) co_await count->loop.yield<1>();
}
template <size_t kTurns>
Task<void> waits(TurnCount* count) {
  int before = count->turn;
  co_await count->loop.yield<kTurns>();
  // Before or after the counter within its turn: one less or more, but never two.
  if (int passed = count->turn - before; std::abs(passed - static_cast<int>(kTurns)) > 1)
    count->wrong.push_back(std::to_string(kTurns) + " became " + std::to_string(passed));
}
template <size_t... kTurns>
Task<void> waits_in_turn(TurnCount* count) {
  for (int round = 0; round < 50; ++round) (co_await waits<kTurns>(count), ...);
  ++count->done;
}

TEST(LoopYield, FromWithinTurns) {
  Loop loop("test");
  TurnCount count{loop};
  loop.spawn(counts_turns(&count, 500));
  loop.spawn(waits_in_turn<1, 2, 3>(&count));
  loop.spawn(waits_in_turn<3, 3, 1>(&count));
  loop.spawn(waits_in_turn<2, 1, 2, 3>(&count));
  run_until(loop, [&] { return count.done == 3 && count.turn == 500; });
  EXPECT_EQ(count.done, 3);
  EXPECT_THAT(count.wrong, IsEmpty());
}

template <size_t kFirst, size_t kSecond>
Task<void> yields_twice(Loop* loop, std::string name, std::vector<std::string>* said) {
  co_await loop->yield<kFirst>();
  said->push_back(name + " 1");
  co_await loop->yield<kSecond>();
  said->push_back(name + " 2");
}

// Who takes the same turn goes on in the order in which the waits began, also those that began within a turn.
TEST(LoopYield, ExactlySoManyTurns) {
  Loop loop("test");
  std::vector<std::string> said;
  loop.spawn(yields_twice<1, 2>(&loop, "a", &said));
  loop.spawn(yields_twice<2, 1>(&loop, "b", &said));
  loop.spawn(yields_twice<3, 3>(&loop, "c", &said));
  loop.spawn(yields_twice<1, 1>(&loop, "d", &said));
  run_until(loop, [&] { return said.size() == 8; });
  EXPECT_THAT(said, ElementsAre("a 1", "d 1", "b 1", "d 2", "c 1", "a 2", "b 2", "c 2"));
}

Task<void> yields_often(Loop* loop, int times, int* done) {
  for (int i = 0; i < times; ++i) co_await loop->yield<1>();
  if (++*done == 2) loop->stop();
}

TEST(LoopYield, CanBeDoneAgainAndAgain) {
  Loop loop("test");
  int done = 0;
  loop.spawn(yields_often(&loop, 1'000, &done));
  loop.spawn(yields_often(&loop, 2'000, &done));
  loop.run();
  EXPECT_EQ(done, 2);
}

struct Counted {
  explicit Counted(int* count) : count_(count) { ++*count_; }
  Counted(const Counted&) = delete;
  ~Counted() { --*count_; }
  int* count_;
};

template <size_t kTurns>
Task<void> holds_something(Loop* loop, int* count) {
  Counted counted(count);
  co_await loop->yield<kTurns>();
}

TEST(LoopYield, WhoStillWaitsAtTheEndIsTidiedUp) {
  int count = 0;
  {
    Loop loop("test");
    loop.spawn(holds_something<1>(&loop, &count));
    loop.spawn(holds_something<2>(&loop, &count));
    loop.spawn(holds_something<3>(&loop, &count));
    run_until(loop, [&] { return count == 3; });
    EXPECT_EQ(count, 3);
  }
  EXPECT_EQ(count, 0);
}

}  // namespace
}  // namespace sl::net

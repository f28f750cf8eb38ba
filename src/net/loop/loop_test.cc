#include "net/loop/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sl::net {
namespace {

using ::testing::ElementsAre;

// Says when it runs: "NAME 1" before it yields, "NAME 2" after.
Task<void> yields(Loop* loop, int turns, std::string name, std::vector<std::string>* said) {
  said->push_back(name + " 1");
  co_await loop->yield(turns);
  said->push_back(name + " 2");
}

TEST(LoopYield, WhatIsReadyRunsFirstAndAllGoOnInTheirOrder) {
  Loop loop("test");
  std::vector<std::string> said;
  loop.spawn(yields(&loop, 1, "a", &said));
  loop.spawn(yields(&loop, 1, "b", &said));
  loop.post([&] { said.push_back("ready"); });
  loop.post([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  EXPECT_THAT(said, ElementsAre("a 1", "b 1", "ready", "a 2", "b 2"));
}

TEST(LoopYield, ForSoManyTurns) {
  Loop loop("test");
  std::vector<std::string> said;
  loop.spawn(yields(&loop, 3, "a", &said));
  loop.spawn(yields(&loop, 1, "b", &said));
  loop.spawn(yields(&loop, 2, "c", &said));
  loop.spawn(yields(&loop, 3, "d", &said));
  while (said.size() < 8) loop.io().run_one();
  EXPECT_THAT(said, ElementsAre("a 1", "b 1", "c 1", "d 1", "b 2", "c 2", "a 2", "d 2"));
}

Task<void> yields_often(Loop* loop, int times, int* done) {
  for (int i = 0; i < times; ++i) co_await loop->yield(1);
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

Task<void> holds_something(Loop* loop, int* count) {
  Counted counted(count);
  loop->stop();
  co_await loop->yield(1);
}

TEST(LoopYield, WhoStillWaitsAtTheEndIsTidiedUp) {
  int count = 0;
  {
    Loop loop("test");
    loop.spawn(holds_something(&loop, &count));
    loop.run();
    EXPECT_EQ(count, 1);
  }
  EXPECT_EQ(count, 0);
}

}  // namespace
}  // namespace sl::net

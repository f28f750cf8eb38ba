#include "base/ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sl {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;
using ::testing::MatchesRegex;

template <class Unit>
int64_t system_now() {
  return std::chrono::duration_cast<Unit>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TEST(Clock, WallClockIsInTheStatedUnit) {
  int64_t before_ms = system_now<std::chrono::milliseconds>();
  int64_t ms = unix_ms();
  EXPECT_THAT(ms, AllOf(Ge(before_ms), Le(system_now<std::chrono::milliseconds>())));
  int64_t before_us = system_now<std::chrono::microseconds>();
  int64_t us = unix_us();
  EXPECT_THAT(us, AllOf(Ge(before_us), Le(system_now<std::chrono::microseconds>())));
}

TEST(Clock, MonotonicMeasuresAWait) {
  int64_t us = monotonic_us(), ms = monotonic_ms();
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  int64_t waited_us = monotonic_us() - us, waited_ms = monotonic_ms() - ms;
  EXPECT_THAT(waited_us, AllOf(Ge(3'000), Le(60'000'000)));
  EXPECT_THAT(waited_ms, AllOf(Ge(2), Le(60'000)));
}

TEST(Uuid4, HasVersionAndVariant) {
  // The variant bits leave four values for the digit: see that each of them comes up.
  std::set<char> variants;
  for (int i = 0; i < 300; ++i) {
    std::string id = uuid4();
    ASSERT_EQ(id.size(), 36u);
    ASSERT_THAT(id, MatchesRegex("[0-9a-f]+-[0-9a-f]+-4[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
    for (size_t dash : {8u, 13u, 18u, 23u}) ASSERT_EQ(id[dash], '-') << id;
    variants.insert(id[19]);
  }
  EXPECT_THAT(variants, ::testing::ElementsAre('8', '9', 'a', 'b'));
}

TEST(Uuid4, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) EXPECT_TRUE(seen.insert(uuid4()).second);
}

TEST(RandomBytes, HasTheLengthAskedFor) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(1).size(), 1u);
  EXPECT_EQ(random_bytes(100'000).size(), 100'000u);  // more than one read of the kernel's
}

TEST(RandomBytes, FillsAllOfIt) {
  std::string bytes = random_bytes(100'000);
  for (size_t block = 0; block < bytes.size(); block += 1000) {
    auto part = std::string_view(bytes).substr(block, 1000);
    std::set<char> values(part.begin(), part.end());
    EXPECT_GT(values.size(), 200u) << "at " << block;  // about 251 are expected
  }
}

TEST(RandomHex, IsTwoDigitsAByte) {
  EXPECT_EQ(random_hex(0), "");
  std::string a = random_hex(16), b = random_hex(16);
  EXPECT_EQ(a.size(), 32u);
  EXPECT_THAT(a, MatchesRegex("[0-9a-f]+"));
  EXPECT_NE(a, b);
}

TEST(RandomNameSuffix, UsesTheAlphabetOfGenerateName) {
  std::string alphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::set<char> seen;
  EXPECT_EQ(random_name_suffix().size(), 5u);
  EXPECT_EQ(random_name_suffix(0), "");
  for (char c : random_name_suffix(5000)) seen.insert(c);
  EXPECT_EQ(seen, std::set<char>(alphabet.begin(), alphabet.end()));
}

TEST(FastRandom, DiffersAcrossCallsAndThreads) {
  std::vector<uint64_t> all;
  for (int i = 0; i < 500; ++i) all.push_back(fast_random());
  std::vector<uint64_t> other;
  std::thread([&] {
    for (int i = 0; i < 500; ++i) other.push_back(fast_random());
  }).join();
  all.insert(all.end(), other.begin(), other.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST(FastRandom, EveryBitMoves) {
  uint64_t ones = 0, zeros = 0;
  for (int i = 0; i < 200; ++i) {
    uint64_t r = fast_random();
    ones |= r;
    zeros |= ~r;
  }
  EXPECT_EQ(ones, UINT64_MAX);
  EXPECT_EQ(zeros, UINT64_MAX);
}

}  // namespace
}  // namespace sl

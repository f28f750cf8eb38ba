#include "base/buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace sl {
namespace {

void put(Buffer& b, std::string_view text) {
  std::memcpy(b.space(text.size()), text.data(), text.size());
  b.commit(text.size());
}

TEST(Buffer, KeepsWhatIsNotUsedUpWhenItMakesRoom) {
  Buffer b;
  put(b, "abcdef");
  b.consume(4);
  put(b, std::string(100, 'x'));
  EXPECT_EQ(b.view(), "ef" + std::string(100, 'x'));
}

TEST(Buffer, UsesItsMemoryAgain) {
  Buffer b;
  put(b, std::string(64, 'a'));
  b.consume(60);
  char* before = b.space(0);
  char* after = b.space(50);  // moves the 4 bytes to the front instead of growing
  EXPECT_LT(after, before);
  EXPECT_EQ(b.view(), "aaaa");
  EXPECT_GE(b.room(), 50u);
}

TEST(Buffer, ShrinksOnlyWhenEmpty) {
  Buffer b;
  put(b, std::string(10'000, 'a'));
  b.shrink(4096);
  EXPECT_EQ(b.size(), 10'000u);
  b.consume(10'000);
  EXPECT_TRUE(b.empty());
  b.shrink(4096);
  EXPECT_EQ(b.room(), 0u);
}

}  // namespace
}  // namespace sl

#include "kube/apiserver/warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

size_t bytes(const std::vector<std::string>& headers) {
  size_t out = 0;
  for (auto& h : headers) out += h.size();
  return out;
}

TEST(WarningHeaders, AreQuoted) {
  EXPECT_THAT(warning_headers({}), IsEmpty());
  EXPECT_THAT(warning_headers({R"(unknown field "spec.x\y")", "two"}),
              ElementsAre(R"(299 - "unknown field \"spec.x\\y\"")", R"(299 - "two")"));
  EXPECT_THAT(warning_headers({"a\r\nSet-Cookie: b\x01\x7f\tc ü"}), ElementsAre("299 - \"a  Set-Cookie: b   c ü\""));
}

TEST(WarningHeaders, AsManyAsAClientReads) {
  auto all = warning_headers(std::vector<std::string>(32, "w"));
  EXPECT_THAT(all, AllOf(SizeIs(32), Each("299 - \"w\"")));
  auto some = warning_headers(std::vector<std::string>(33, "w"));
  EXPECT_THAT(some, SizeIs(32));
  EXPECT_EQ(some.back(), "299 - \"and 2 more warnings\"");
}

TEST(WarningHeaders, AsLongAsAClientReads) {
  // Every length, so that each way to meet the limit is met.
  for (size_t length = 1; length < 1'100; ++length) {
    std::vector<std::string> warnings(31, std::string(length, 'w'));
    auto headers = warning_headers(warnings);
    ASSERT_LE(bytes(headers), 4'096u) << length;
    if (headers.size() < 31)
      ASSERT_EQ(headers.back(), "299 - \"and " + std::to_string(31 - (headers.size() - 1)) + " more warnings\"");
  }
  EXPECT_THAT(warning_headers({std::string(3'000, 'w')}), ElementsAre("299 - \"" + std::string(1'024, 'w') + '"'));
  // Cut between characters.
  EXPECT_EQ(warning_headers({"x" + std::string(1'022, 'w') + "ü"})[0].size(), 8 + 1'023u);
}

}  // namespace
}  // namespace sl::kube

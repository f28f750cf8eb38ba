// Prefix replacement, by the table of the Gateway API (HTTPPathModifier).
#include "proxy/pipeline/rewrite.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sl::proxy {
namespace {

struct Case {
  std::string path, prefix, with, want;
};

TEST(ReplacePrefix, FollowsTheTableOfTheStandard) {
  for (auto& c : std::vector<Case>{{"/foo/bar", "/foo", "/xyz", "/xyz/bar"},
                                   {"/foo/bar", "/foo", "/xyz/", "/xyz/bar"},
                                   {"/foo/bar", "/foo/", "/xyz", "/xyz/bar"},
                                   {"/foo/bar", "/foo/", "/xyz/", "/xyz/bar"},
                                   {"/foo", "/foo", "/xyz", "/xyz"},
                                   {"/foo/", "/foo", "/xyz", "/xyz/"},
                                   {"/foo/bar", "/foo", "", "/bar"},
                                   {"/foo/", "/foo", "", "/"},
                                   {"/foo", "/foo", "", "/"},
                                   {"/foo/", "/foo", "/", "/"},
                                   {"/foo", "/foo", "/", "/"}})
    EXPECT_EQ(replace_prefix(c.path, c.prefix, c.with), c.want) << c.path << " " << c.prefix << " " << c.with;
}

TEST(ReplacePrefix, OfTheRoot) {
  EXPECT_EQ(replace_prefix("/", "/", "/xyz"), "/xyz");
  EXPECT_EQ(replace_prefix("/bar", "/", "/xyz"), "/xyz/bar");
  EXPECT_EQ(replace_prefix("/bar", "/", "/"), "/bar");
}

// "/foo/" as a prefix also matches "/foo".
TEST(ReplacePrefix, OfAPathShorterThanThePrefix) {
  EXPECT_EQ(replace_prefix("/foo", "/foo/", "/xyz"), "/xyz");
  EXPECT_EQ(replace_prefix("/foo", "/foo/", ""), "/");
}

TEST(ReplacePrefix, TheRestStaysAsItIs) {
  EXPECT_EQ(replace_prefix("/foo/b%2Fr//x/../y", "/foo", "/a/b"), "/a/b/b%2Fr//x/../y");
}

TEST(MayRepeat, OnlyWhatDoesNoHarmTwice) {
  for (auto* m : {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}) EXPECT_TRUE(may_repeat(m)) << m;
  for (auto* m : {"POST", "PATCH", "CONNECT", "get", "", "PURGE"}) EXPECT_FALSE(may_repeat(m)) << m;
}

}  // namespace
}  // namespace sl::proxy

#include "kube/object/meta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json/test_kit.h"

namespace sl::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using json::test::must;

TEST(GroupVersion, ReadsAndWritesBothForms) {
  auto core = parse_group_version("v1");
  EXPECT_EQ(core.group, "");
  EXPECT_EQ(core.version, "v1");
  EXPECT_EQ(core.text(), "v1");
  auto other = parse_group_version("gateway.networking.k8s.io/v1beta1");
  EXPECT_EQ(other.group, "gateway.networking.k8s.io");
  EXPECT_EQ(other.version, "v1beta1");
  EXPECT_EQ(other.text(), "gateway.networking.k8s.io/v1beta1");
}

TEST(ResourceKey, NamesTheGroupUnlessItIsTheCore) {
  EXPECT_EQ(resource_key("", "secrets"), "secrets");
  EXPECT_EQ(resource_key("kagent.dev", "agents"), "agents.kagent.dev");
}

TEST(Meta, ReadsTheCommonParts) {
  Value o = must(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n","uid":"u",
    "resourceVersion":"42","generation":3,"labels":{"a":"x"}}})");
  EXPECT_EQ(name_of(o), "p");
  EXPECT_EQ(namespace_of(o), "n");
  EXPECT_EQ(uid_of(o), "u");
  EXPECT_EQ(kind_of(o), "Pod");
  EXPECT_EQ(api_version_of(o), "v1");
  EXPECT_EQ(resource_version_of(o), 42);
  EXPECT_EQ(generation_of(o), 3);
  EXPECT_EQ(label_of(o, "a"), "x");
  EXPECT_EQ(label_of(o, "b"), "");
  EXPECT_EQ(namespaced_name(o), "n/p");
  EXPECT_FALSE(being_deleted(o));
}

TEST(Meta, WhatIsMissingReadsAsEmpty) {
  for (auto text : {"{}", "[]", "null", R"({"metadata":5})", R"({"metadata":{"name":1,"resourceVersion":"x"}})"}) {
    Value o = must(text);
    EXPECT_EQ(name_of(o), "") << text;
    EXPECT_EQ(resource_version_of(o), 0) << text;
    EXPECT_EQ(generation_of(o), 0) << text;
    EXPECT_EQ(namespaced_name(o), "") << text;
    EXPECT_FALSE(being_deleted(o)) << text;
    EXPECT_EQ(label_of(o, "a"), "") << text;
  }
}

TEST(Meta, AnObjectWithoutNamespaceIsNamedAlone) {
  EXPECT_EQ(namespaced_name(must(R"({"metadata":{"name":"p"}})")), "p");
}

TEST(Meta, TellsWhetherDeletionWasAskedFor) {
  EXPECT_TRUE(being_deleted(must(R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})")));
}

TEST(Meta, MakesMetadataThatIsMissing) {
  Value o;
  metadata_of(o)["name"] = "x";
  EXPECT_EQ(json::dump(o), R"({"metadata":{"name":"x"}})");
}

TEST(Meta, FindsAConditionByType) {
  Value o =
      must(R"({"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"Accepted","status":"True"}]}})");
  ASSERT_NE(find_condition(o, "Accepted"), nullptr);
  EXPECT_EQ(json::str(*find_condition(o, "Accepted"), "status"), "True");
  EXPECT_EQ(find_condition(o, "Other"), nullptr);
  EXPECT_TRUE(condition_holds(o, "Accepted"));
  EXPECT_FALSE(condition_holds(o, "Other"));
  EXPECT_EQ(find_condition(must("{}"), "Accepted"), nullptr);
}

TEST(Names, Labels) {
  std::string longest(63, 'a');
  for (auto& ok : std::vector<std::string>{"a", "a-b", "1", "0a9", longest})
    EXPECT_EQ(check_dns1123_label(ok), "") << ok;
  for (auto& bad : std::vector<std::string>{"", "-a", "a-", "A", "a.b", "a_b", "a b", "ä", "a\n"})
    EXPECT_THAT(check_dns1123_label(bad), StartsWith("a lowercase RFC 1123 label must consist of")) << bad;
  EXPECT_EQ(check_dns1123_label(longest + "a"), "must be no more than 63 characters");
}

TEST(Names, Subdomains) {
  std::string longest = "a";
  while (longest.size() < 253) longest += longest.size() % 2 ? "." : "a";
  if (longest.back() == '.') longest.back() = 'a';
  for (auto& ok : std::vector<std::string>{"a", "a.b", "a-1.b-2", "127.0.0.1", std::string(100, 'a'), longest})
    EXPECT_EQ(check_dns1123_subdomain(ok), "") << ok;
  for (auto& bad : std::vector<std::string>{"", ".", "a.", ".a", "a..b", "a.-b", "a-.b", "A.b", "a_b", "a/b"})
    EXPECT_THAT(check_dns1123_subdomain(bad), StartsWith("a lowercase RFC 1123 subdomain must consist of")) << bad;
  EXPECT_EQ(check_dns1123_subdomain(longest + "a"), "must be no more than 253 characters");
}

TEST(Names, KeysOfLabelsAndAnnotations) {
  std::string longest(63, 'k');
  for (auto& ok : std::vector<std::string>{"a", "A", "a.b_c-d", "example.com/A_b", "x.y/" + longest, "1"})
    EXPECT_EQ(check_qualified_name(ok), "") << ok;
  for (auto& bad : std::vector<std::string>{"", "a/", "-a", "a-", "a/b/c", "a b", "a/-b", longest + "k"})
    EXPECT_THAT(check_qualified_name(bad), HasSubstr("name part must consist of")) << bad;
  EXPECT_EQ(check_qualified_name("/a"), "prefix part must be non-empty");
  EXPECT_THAT(check_qualified_name("Ex.com/a"), StartsWith("prefix part a lowercase RFC 1123 subdomain"));
}

TEST(Names, ValuesOfLabels) {
  for (auto& ok : std::vector<std::string>{"", "a", "A.b_c-1", std::string(63, 'v')})
    EXPECT_EQ(check_label_value(ok), "") << ok;
  for (auto& bad : std::vector<std::string>{"-a", "a-", "a/b", "a b", ".", std::string(64, 'v')})
    EXPECT_THAT(check_label_value(bad), StartsWith("a valid label must be an empty string or")) << bad;
}

}  // namespace
}  // namespace sl::kube

#include "resource/kind/kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "json/test_kit.h"

namespace sl::resource {
namespace {

using json::test::must;

std::vector<KindInfo> all() {
  std::vector<KindInfo> out;
  for (auto family : {core_kinds, gateway_kinds, kgateway_kinds, kagent_kinds})
    for (auto& k : family()) out.push_back(std::move(k));
  return out;
}

TEST(Has, IsThereAndNotNull) {
  auto v = must(R"({"a": 1, "empty": "", "list": [], "nothing": null})");
  for (auto key : {"a", "empty", "list"}) EXPECT_TRUE(has(v, key)) << key;
  for (auto key : {"nothing", "absent"}) EXPECT_FALSE(has(v, key)) << key;
  EXPECT_FALSE(has(must("[1]"), "a"));
}

TEST(KindInfo, NamesAreNotSharedInAGroup) {
  std::set<std::string> seen;
  for (auto& k : all()) {
    EXPECT_FALSE(k.versions.empty()) << k.kind;
    EXPECT_FALSE(k.doc.empty()) << k.kind;
    std::set<std::string> names(k.short_names.begin(), k.short_names.end());
    names.insert({k.plural, k.singular});
    for (auto& name : names) EXPECT_TRUE(seen.insert(name + "." + k.group).second) << name;
    for (char c : k.plural + k.singular) EXPECT_TRUE(c >= 'a' && c <= 'z') << k.kind;
  }
}

TEST(KindInfo, StatusIsAMemberWhereItIsASubresource) {
  for (auto& k : all()) {
    bool member = false;
    for (auto& m : k.members) member |= m.name == "status";
    EXPECT_EQ(member, k.status) << k.kind;
  }
}

TEST(Condition, DecodesAndIsLimited) {
  auto c = json::decode<Condition>(must(
      R"({"type": "Accepted", "status": "True", "observedGeneration": 3, "lastTransitionTime": "2020-01-01T00:00:00Z",
          "reason": "R", "message": "m"})"));
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->type + c->status + c->reason + c->message + c->last_transition, "AcceptedTrueRm2020-01-01T00:00:00Z");
  EXPECT_EQ(c->observed_generation, 3);
  EXPECT_FALSE(json::decode<Condition>(
      must(R"({"type": "A", "status": "Maybe", "lastTransitionTime": "t", "reason": "R", "message": "m"})")));
  EXPECT_FALSE(json::decode<Condition>(must(R"({"type": "A", "status": "True"})")));
}

TEST(LabelSelector, Decodes) {
  auto s = json::decode<LabelSelectorSpec>(
      must(R"({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "NotIn", "values": ["v"]}]})"));
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->match_labels.at("a"), "b");
  EXPECT_EQ(s->match_expressions.at(0).key + s->match_expressions[0].op + s->match_expressions[0].values.at(0),
            "kNotInv");
}

}  // namespace
}  // namespace sl::resource

#include "kube/api/strategic_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "json/describe.h"

namespace sl::kube {
namespace {

using ::testing::HasSubstr;

struct Container {
  std::string name, image;
  std::vector<std::string> args;
};
void describe(json::Fields<Container>& f) {
  f.add("name", &Container::name);
  f.add("image", &Container::image);
  f.add("args", &Container::args);
}
struct PodLike {
  std::vector<Container> containers;
  std::vector<std::string> finalizers, atomic;
  std::map<std::string, std::string> labels;
  json::Value strategy;
};
void describe(json::Fields<PodLike>& f) {
  f.add("containers", &PodLike::containers).list_map({"name"}).patch_merge("name");
  f.add("finalizers", &PodLike::finalizers).list_set().patch_merge();
  f.add("atomic", &PodLike::atomic);
  f.add("labels", &PodLike::labels);
  f.add("strategy", &PodLike::strategy);
}

std::string merged(std::string_view target, std::string_view patch) {
  auto t = json::parse(target), p = json::parse(patch);
  EXPECT_TRUE(t && p) << target << patch;
  auto done = strategic_merge(*t, *p, &json::schema_of<PodLike>());
  return done ? json::dump(*t) : std::string(code_name(done.error().code)) + ": " + done.error().message;
}

TEST(StrategicMerge, ObjectsMergeAndNullDeletes) {
  EXPECT_EQ(merged(R"({"labels":{"a":"1","b":"2"}})", R"({"labels":{"a":null,"c":"3"}})"),
            R"({"labels":{"b":"2","c":"3"}})");
  EXPECT_EQ(merged(R"({"labels":{"a":"1"}})", R"({"labels":null})"), "{}");
  EXPECT_EQ(merged("{}", R"({"labels":{"a":"1","b":null}})"), R"({"labels":{"a":"1"}})");
}

TEST(StrategicMerge, ListsMergeByKey) {
  EXPECT_EQ(merged(R"({"containers":[{"name":"a","image":"i","args":["x"]},{"name":"b"}]})",
                   R"({"containers":[{"name":"a","image":"j"},{"name":"c"}]})"),
            R"({"containers":[{"name":"a","image":"j","args":["x"]},{"name":"b"},{"name":"c"}]})");
}

TEST(StrategicMerge, OtherListsAreReplaced) {
  EXPECT_EQ(merged(R"({"atomic":["a","b"]})", R"({"atomic":["c"]})"), R"({"atomic":["c"]})");
  EXPECT_EQ(
      merged(R"({"containers":[{"name":"a","args":["x","y"]}]})", R"({"containers":[{"name":"a","args":["z"]}]})"),
      R"({"containers":[{"name":"a","args":["z"]}]})");
  EXPECT_EQ(merged(R"({"strategy":{"l":[1]}})", R"({"strategy":{"l":[2]}})"), R"({"strategy":{"l":[2]}})");
}

TEST(StrategicMerge, SetsOfTextGrow) {
  EXPECT_EQ(merged(R"({"finalizers":["a","b"]})", R"({"finalizers":["b","c"]})"), R"({"finalizers":["a","b","c"]})");
}

TEST(StrategicMerge, DeletesAnItem) {
  EXPECT_EQ(
      merged(R"({"containers":[{"name":"a"},{"name":"b"}]})", R"({"containers":[{"$patch":"delete","name":"a"}]})"),
      R"({"containers":[{"name":"b"}]})");
  EXPECT_EQ(merged(R"({"containers":[{"name":"b"}]})", R"({"containers":[{"$patch":"delete","name":"a"}]})"),
            R"({"containers":[{"name":"b"}]})");
}

TEST(StrategicMerge, ReplacesAListOrAnObject) {
  EXPECT_EQ(merged(R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"b"},{"$patch":"replace"}]})"),
            R"({"containers":[{"name":"b"}]})");
  EXPECT_EQ(merged(R"({"labels":{"a":"1"}})", R"({"labels":{"$patch":"replace","b":"2"}})"), R"({"labels":{"b":"2"}})");
}

TEST(StrategicMerge, EmptiesAnObject) {
  EXPECT_THAT(
      merged(R"({"labels":{"a":"1"},"atomic":["x"]})", R"({"labels":{"$patch":"delete"}})"),
      ::testing::AllOf(::testing::Not(HasSubstr("\"a\"")), ::testing::Not(HasSubstr("$patch")), HasSubstr("atomic")));
}

TEST(StrategicMerge, DeletesFromASetOfText) {
  EXPECT_EQ(merged(R"({"finalizers":["a","b","c"]})", R"({"$deleteFromPrimitiveList/finalizers":["a","c","x"]})"),
            R"({"finalizers":["b"]})");
  EXPECT_EQ(merged("{}", R"({"$deleteFromPrimitiveList/finalizers":["a"]})"), "{}");
}

TEST(StrategicMerge, KeepsOnlyTheKeysNamed) {
  EXPECT_EQ(merged(R"({"strategy":{"type":"Rolling","rolling":{"max":1}}})",
                   R"({"strategy":{"$retainKeys":["type"],"type":"Recreate"}})"),
            R"({"strategy":{"type":"Recreate"}})");
}

TEST(StrategicMerge, AnOrderAloneAddsNothing) {
  EXPECT_EQ(merged(R"({"containers":[{"name":"a"},{"name":"b"}]})",
                   R"({"$setElementOrder/containers":[{"name":"a"},{"name":"b"}]})"),
            R"({"containers":[{"name":"a"},{"name":"b"}]})");
}

TEST(StrategicMerge, AnOrderIsFollowed) {
  EXPECT_EQ(merged(R"({"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]})",
                   R"({"$setElementOrder/containers":[{"name":"c"},{"name":"new"},{"name":"a"},{"name":"b"}],
                       "containers":[{"name":"new"}]})"),
            R"({"containers":[{"name":"c"},{"name":"new"},{"name":"a"},{"name":"b"}]})");
  EXPECT_EQ(
      merged(R"({"finalizers":["a","b"]})", R"({"finalizers":["c"],"$setElementOrder/finalizers":["c","b","a"]})"),
      R"({"finalizers":["c","b","a"]})");
}

TEST(StrategicMerge, WhatOnlyTheServerHasKeepsItsPlace) {
  EXPECT_EQ(merged(R"({"containers":[{"name":"own"},{"name":"a"},{"name":"b"},{"name":"last"}]})",
                   R"({"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]})"),
            R"({"containers":[{"name":"own"},{"name":"b"},{"name":"a"},{"name":"last"}]})");
}

TEST(StrategicMerge, AnOrderOfWhatIsNoListIsPassedOver) {
  EXPECT_EQ(merged(R"({"containers":5})", R"({"$setElementOrder/containers":[{"name":"b"}]})"), R"({"containers":5})");
  EXPECT_EQ(merged(R"({})", R"({"$setElementOrder/containers":7})"), "{}");
}

TEST(StrategicMerge, AnItemWithoutItsKeyIsRefused) {
  EXPECT_EQ(merged(R"({"containers":[{"name":"a"}]})", R"({"containers":[{"image":"x"}]})"),
            "InvalidArgument: map: does not contain declared merge key: name");
}

TEST(StrategicMerge, ScalarsReplaceWhateverWasThere) {
  EXPECT_EQ(merged(R"({"strategy":{"a":1}})", R"({"strategy":5})"), R"({"strategy":5})");
  EXPECT_EQ(merged(R"({"strategy":5})", R"({"strategy":{"a":1}})"), R"({"strategy":{"a":1}})");
}

}  // namespace
}  // namespace sl::kube

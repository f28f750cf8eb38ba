#include "kube/api/field_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::UnorderedElementsAre;

const json::Schema* schema() {
  static const json::SchemaPtr made = schema_of_text(kWidgetSpec);
  return made.get();
}

FieldSet of(std::string_view value) {
  return FieldSet::of(must(value), schema());
}
std::string text(const FieldSet& s) {
  return json::dump(s.to_json());
}

TEST(FieldSet, NamesEveryLeafByTheKindOfItsList) {
  EXPECT_EQ(text(of(R"({"size":1,"map":{"a":"x"},"tags":["t"],"items":["i"],"selector":{"s":"1"},
    "ports":[{"name":"p","port":1}],"free":{"deep":{"x":[1]}}})")),
            R"({"f:free":{"f:deep":{"f:x":{}}},"f:items":{},"f:map":{"f:a":{}},)"
            R"("f:ports":{"k:{\"name\":\"p\"}":{".":{},"f:name":{},"f:port":{}}},"f:selector":{},"f:size":{},)"
            R"("f:tags":{"v:\"t\"":{}}})");
}

TEST(FieldSet, EmptyContainersAreLeaves) {
  EXPECT_EQ(text(of(R"({"map":{},"tags":[],"ports":[],"items":[]})")),
            R"({"f:items":{},"f:map":{},"f:ports":{},"f:tags":{}})");
}

TEST(FieldSet, ComesBackFromItsJson) {
  for (auto value :
       {R"({"size":1,"map":{"a":"x"},"ports":[{"name":"p","port":1}],"tags":["t"]})", "{}", R"({"map":{}})"}) {
    FieldSet s = of(value);
    EXPECT_EQ(text(FieldSet::from_json(s.to_json())), text(s)) << value;
  }
  std::string_view foreign = R"({"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{}})";
  EXPECT_EQ(text(FieldSet::from_json(must(foreign))), foreign);
}

TEST(FieldSet, SetAlgebra) {
  FieldSet a = of(R"({"size":1,"map":{"a":"1","b":"2"}})"), b = of(R"({"map":{"b":"2","c":"3"},"color":"red"})");
  EXPECT_EQ(text(a.minus(b)), R"({"f:map":{"f:a":{}},"f:size":{}})");
  EXPECT_EQ(text(a.intersect(b)), R"({"f:map":{"f:b":{}}})");
  FieldSet both = a;
  both.add(b);
  EXPECT_EQ(text(both), R"({"f:color":{},"f:map":{"f:a":{},"f:b":{},"f:c":{}},"f:size":{}})");
  EXPECT_TRUE(a.minus(a).empty());
  EXPECT_EQ(text(a.minus(FieldSet{})), text(a));
}

TEST(FieldSet, ReadablePaths) {
  EXPECT_THAT(of(R"({"size":1,"map":{"a.b":"x"},"tags":["t"],"ports":[{"name":"p","port":1}]})").paths(),
              UnorderedElementsAre(".size", ".map.a.b", R"(.tags["t"])", R"(.ports[name="p"].name)",
                                   R"(.ports[name="p"].port)"));
}

TEST(FieldSet, CompareTellsChangedAndRemoved) {
  FieldSet changed, removed;
  compare(must(R"({"size":1,"map":{"a":"1","b":"2"},"tags":["x","y"],"ports":[{"name":"p","port":1},{"name":"q"}],
    "items":["i"]})"),
          must(R"({"size":2,"map":{"a":"1","c":"3"},"tags":["y","z"],"ports":[{"name":"p","port":2},{"name":"r"}],
    "items":["i","j"]})"),
          schema(), changed, removed);
  EXPECT_EQ(text(changed), R"({"f:items":{},"f:map":{"f:c":{}},"f:ports":{"k:{\"name\":\"p\"}":{"f:port":{}},)"
                           R"("k:{\"name\":\"r\"}":{".":{},"f:name":{}}},"f:size":{},"f:tags":{"v:\"z\"":{}}})");
  EXPECT_EQ(text(removed),
            R"({"f:map":{"f:b":{}},"f:ports":{"k:{\"name\":\"q\"}":{".":{},"f:name":{}}},"f:tags":{"v:\"x\"":{}}})");
}

TEST(FieldSet, ReorderingAMapListIsNoChange) {
  FieldSet changed, removed;
  compare(must(R"({"ports":[{"name":"a"},{"name":"b"}],"tags":["x","y"]})"),
          must(R"({"ports":[{"name":"b"},{"name":"a"}],"tags":["y","x"]})"), schema(), changed, removed);
  EXPECT_TRUE(changed.empty());
  EXPECT_TRUE(removed.empty());
}

TEST(FieldSet, DifferingLeaves) {
  Value a = must(R"({"size":1,"map":{"a":"1"},"ports":[{"name":"p","port":1}]})");
  Value b = must(R"({"size":1,"map":{},"ports":[{"name":"p","port":2}]})");
  EXPECT_EQ(text(differing(FieldSet::of(a, schema()), a, b, schema())),
            R"({"f:map":{"f:a":{}},"f:ports":{"k:{\"name\":\"p\"}":{"f:port":{}}}})");
}

TEST(FieldSet, MergesByTheSchema) {
  Value out = merge_apply(must(R"({"size":1,"map":{"a":"1"},"tags":["x"],"items":["i"],"selector":{"s":"1"},
    "ports":[{"name":"p","port":1,"extra":"e"}]})"),
                          must(R"({"map":{"b":"2"},"tags":["y","x"],"items":["j"],"selector":{"t":"1"},
    "ports":[{"name":"q"},{"name":"p","port":2}]})"),
                          schema());
  EXPECT_TRUE(json::equal(out, must(R"({"size":1,"map":{"a":"1","b":"2"},"tags":["y","x"],"items":["j"],
    "selector":{"t":"1"},"ports":[{"name":"q"},{"name":"p","port":2,"extra":"e"}]})")))
      << json::dump(out);
}

// The applied order counts; items of others keep their place.
TEST(FieldSet, MergedListsAreInTheAppliedOrder) {
  auto merged = [](std::string_view live, std::string_view applied) {
    std::string names;
    Value out = merge_apply(must(live), must(applied), schema());
    for (auto& p : out.at("ports").get_array()) names += json::str(p, "name");
    return names;
  };
  constexpr char kAbc[] = R"({"ports":[{"name":"a"},{"name":"b"},{"name":"c"}]})";
  EXPECT_EQ(merged(kAbc, R"({"ports":[{"name":"c"},{"name":"a"}]})"), "cab");
  EXPECT_EQ(merged(kAbc, R"({"ports":[{"name":"b"}]})"), "abc");
  EXPECT_EQ(merged(kAbc, R"({"ports":[{"name":"c"},{"name":"n"}]})"), "abcn");
  EXPECT_EQ(merged(R"({"ports":[]})", kAbc), "abc");
}

TEST(FieldSet, RemovesLeavesAndWhatTheyEmpty) {
  Value v = must(R"({"size":1,"map":{"a":"1"},"tags":["x","y"],"ports":[{"name":"p"},{"name":"q"}],"selector":{}})");
  remove_fields(v, of(R"({"map":{"a":"1"},"tags":["x"],"ports":[{"name":"q"}]})"), FieldSet{}, schema());
  EXPECT_TRUE(json::equal(v, must(R"({"size":1,"tags":["y"],"ports":[{"name":"p"}],"selector":{}})"))) << json::dump(v);
}

}  // namespace
}  // namespace sl::kube

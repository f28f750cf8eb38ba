#include "kube/schema/structural.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/test_kit.h"

namespace sl::kube {
namespace {

using json::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using json::test::must;

json::SchemaPtr schema(std::string_view openapi) {
  auto s = schema_from_openapi(must(openapi));
  EXPECT_TRUE(s) << openapi;
  return s ? *s : std::make_shared<json::Schema>();
}

std::vector<std::string> unknown;

std::string pruned(std::string_view openapi, std::string_view value) {
  Value v = must(value);
  unknown.clear();
  prune(v, *schema(openapi), "", &unknown);
  return json::dump(v);
}

std::string defaulted(std::string_view openapi, std::string_view value) {
  Value v = must(value);
  apply_defaults(v, *schema(openapi));
  return json::dump(v);
}

constexpr std::string_view kWidget = R"({"type":"object","properties":{
  "spec":{"type":"object","properties":{
    "size":{"type":"integer"},
    "rules":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"}}}},
    "map":{"type":"object","additionalProperties":{"type":"object","properties":{"a":{"type":"string"}}}},
    "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{
      "known":{"type":"object","properties":{"a":{"type":"string"}}}}}}}}})";

TEST(Prune, RemovesAndNamesWhatTheSchemaLacks) {
  EXPECT_EQ(
      pruned(kWidget, R"({"spec":{"size":1,"bogus":{"a":[1]},"rules":[{"name":"x"},{"nom":"y","name":"z"}]},"x":1})"),
      R"({"spec":{"size":1,"rules":[{"name":"x"},{"name":"z"}]}})");
  EXPECT_THAT(unknown, ::testing::UnorderedElementsAre("spec.bogus", "spec.rules[1].nom", "x"));
}

TEST(Prune, LooksIntoMaps) {
  EXPECT_EQ(pruned(kWidget, R"({"spec":{"map":{"k":{"a":"1","b":"2"}}}})"), R"({"spec":{"map":{"k":{"a":"1"}}}})");
  EXPECT_THAT(unknown, ElementsAre("spec.map.k.b"));
}

TEST(Prune, KeepsFreeFormButPrunesItsKnownMembers) {
  EXPECT_EQ(pruned(kWidget, R"({"spec":{"free":{"any":{"x":1},"known":{"a":"1","b":2}}}})"),
            R"({"spec":{"free":{"any":{"x":1},"known":{"a":"1"}}}})");
  EXPECT_THAT(unknown, ElementsAre("spec.free.known.b"));
}

TEST(Prune, LeavesValuesOfTheWrongShapeToValidation) {
  EXPECT_EQ(pruned(kWidget, R"({"spec":{"rules":"x","size":[{"a":1}]}})"),
            R"({"spec":{"rules":"x","size":[{"a":1}]}})");
  EXPECT_THAT(unknown, IsEmpty());
}

TEST(Prune, AnObjectWithoutPropertiesKeepsNothing) {
  EXPECT_EQ(pruned(R"({"type":"object"})", R"({"a":1})"), "{}");
}

TEST(Prune, TheOrderOfWhatStaysIsKept) {
  EXPECT_EQ(
      pruned(R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"}}})",
             R"({"x":0,"c":1,"a":2,"b":3})")
          .find("x"),
      std::string::npos);
}

constexpr std::string_view kDefaults = R"({"type":"object","properties":{
  "a":{"type":"string","default":"A"},
  "o":{"type":"object","properties":{"b":{"type":"integer","default":5}}},
  "d":{"type":"object","default":{},"properties":{"c":{"type":"boolean","default":true}}},
  "l":{"type":"array","items":{"type":"object","properties":{"k":{"type":"string","default":"K"}}}},
  "m":{"type":"object","additionalProperties":{"type":"object","properties":{"v":{"type":"integer","default":1}}}},
  "n":{"type":"string","nullable":true,"default":"N"},
  "z":{"type":"string"}}})";

TEST(Defaults, FillWhatIsAbsent) {
  EXPECT_EQ(defaulted(kDefaults, R"({"a":"x","n":"y","d":{"c":false}})"), R"({"a":"x","n":"y","d":{"c":false}})");
  EXPECT_TRUE(json::equal(must(defaulted(kDefaults, "{}")), must(R"({"a":"A","d":{"c":true},"n":"N"})")));
}

TEST(Defaults, DoNotMakeAParentThatHasNone) {
  EXPECT_THAT(defaulted(kDefaults, "{}"), ::testing::Not(HasSubstr("\"o\"")));
  EXPECT_THAT(defaulted(kDefaults, R"({"o":{}})"), HasSubstr(R"("o":{"b":5})"));
}

TEST(Defaults, ReachIntoListsAndMaps) {
  std::string out = defaulted(kDefaults, R"({"l":[{},{"k":"x"}],"m":{"p":{},"q":{"v":2}}})");
  EXPECT_THAT(out, HasSubstr(R"("l":[{"k":"K"},{"k":"x"}])"));
  EXPECT_THAT(out, HasSubstr(R"("m":{"p":{"v":1},"q":{"v":2}})"));
}

TEST(Defaults, AnExplicitNullIsAbsentUnlessNullable) {
  Value out = must(defaulted(kDefaults, R"({"a":null,"n":null,"z":null})"));
  EXPECT_EQ(json::str(out, "a"), "A");
  ASSERT_NE(json::find(out, "n"), nullptr);
  EXPECT_TRUE(json::find(out, "n")->is_null());
  EXPECT_EQ(json::find(out, "z"), nullptr);
}

TEST(Defaults, FalseZeroAndEmptyAreValues) {
  EXPECT_THAT(defaulted(kDefaults, R"({"a":"","d":{"c":false},"o":{"b":0}})"),
              ::testing::AllOf(HasSubstr(R"("a":"")"), HasSubstr(R"("c":false)"), HasSubstr(R"("b":0)")));
}

TEST(SchemaFromOpenapi, ReadsTypesLimitsAndExtensions) {
  auto s = schema(R"({"type":"object","required":["l"],"properties":{
    "l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["a","b"],"minItems":1,"maxItems":9,
         "items":{"type":"object","x-kubernetes-map-type":"atomic"}},
    "s":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string","minLength":2,"maxLength":3,"pattern":"^a"}},
    "t":{"type":"array","items":{"type":"number","minimum":0.5,"maximum":2}},
    "p":{"x-kubernetes-int-or-string":true},
    "e":{"type":"string","enum":["x","y"],"description":"Which.","format":"uri","nullable":true,"default":"x"}}})");
  ASSERT_NE(s->property("l"), nullptr);
  EXPECT_TRUE(s->property("l")->required);
  EXPECT_FALSE(s->property("s")->required);
  auto& list = *s->property("l")->schema;
  EXPECT_EQ(list.list_type, json::ListType::Map);
  EXPECT_THAT(list.list_map_keys, ElementsAre("a", "b"));
  EXPECT_EQ(list.min_items, 1u);
  EXPECT_EQ(list.max_items, 9u);
  EXPECT_TRUE(list.items->map_atomic);
  auto& set = *s->property("s")->schema;
  EXPECT_EQ(set.list_type, json::ListType::Set);
  EXPECT_EQ(set.items->min_length, 2u);
  EXPECT_EQ(set.items->max_length, 3u);
  EXPECT_EQ(set.items->pattern, "^a");
  EXPECT_EQ(s->property("t")->schema->list_type, json::ListType::Atomic);
  EXPECT_EQ(s->property("t")->schema->items->minimum, 0.5);
  EXPECT_EQ(s->property("t")->schema->items->maximum, 2.0);
  EXPECT_EQ(s->property("p")->schema->type, json::SchemaType::IntOrString);
  auto& choice = *s->property("e")->schema;
  EXPECT_THAT(choice.enums, ElementsAre("x", "y"));
  EXPECT_EQ(choice.doc, "Which.");
  EXPECT_EQ(choice.format, "uri");
  EXPECT_TRUE(choice.nullable);
  ASSERT_TRUE(choice.default_value);
  EXPECT_EQ(*choice.default_value, "x");
}

TEST(SchemaFromOpenapi, ComesOutAsItWentIn) {
  std::string_view text = R"({"description":"A widget.","type":"object","properties":{"l":{"type":"array","maxItems":4,
    "items":{"type":"object","properties":{"name":{"type":"string","pattern":"^[a-z]+$"}},"required":["name"]},
    "x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"]},
    "f":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
    "m":{"type":"object","additionalProperties":{"type":"string"},"x-kubernetes-map-type":"atomic"},
    "p":{"x-kubernetes-int-or-string":true,"nullable":true}}})";
  EXPECT_TRUE(json::equal(json::to_openapi(*schema(text)), must(text))) << json::dump(json::to_openapi(*schema(text)));
}

TEST(SchemaFromOpenapi, RefusesNestingWithoutEnd) {
  std::string text = R"({"type":"string"})";
  for (int i = 0; i < 70; ++i) text = R"({"type":"array","items":)" + text + "}";
  EXPECT_FALSE(schema_from_openapi(must(text)));
}

}  // namespace
}  // namespace sl::kube

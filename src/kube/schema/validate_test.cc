#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/test_kit.h"
#include "kube/schema/structural.h"

namespace sl::kube {
namespace {

using json::Value;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using json::test::must;

// "REASON FIELD: MESSAGE" of each cause of a value under {"properties":{"a":SCHEMA}}.
std::vector<std::string> causes_of(std::string_view member, std::string_view a, const Value* old = nullptr) {
  auto s = schema_from_openapi(must(R"({"type":"object","properties":{"a":)" + std::string(member) + "}}"));
  EXPECT_TRUE(s) << member;
  std::vector<Cause> causes;
  validate(must(R"({"a":)" + std::string(a) + "}"), old, **s, "", causes);
  std::vector<std::string> out;
  for (auto& c : causes) out.push_back(c.reason + " " + c.field + ": " + c.message);
  return out;
}

TEST(Validate, Types) {
  for (auto [type, good] : {std::pair{"string", R"("x")"},
                            {"integer", "1"},
                            {"integer", "-9223372036854775808"},
                            {"integer", "1.0"},
                            {"number", "1"},
                            {"number", "1.5"},
                            {"boolean", "true"},
                            {"array", "[]"},
                            {"object", "{}"}})
    EXPECT_THAT(causes_of(R"({"type":")" + std::string(type) + "\"}", good), IsEmpty()) << type;
  for (auto [type, bad] : {std::pair{"string", "1"},
                           {"integer", R"("1")"},
                           {"integer", "1.5"},
                           {"number", R"("1")"},
                           {"boolean", "0"},
                           {"array", "{}"},
                           {"object", "[]"},
                           {"string", "null"}})
    EXPECT_THAT(causes_of(R"({"type":")" + std::string(type) + "\"}", bad), SizeIs(1)) << type << " " << bad;
  EXPECT_THAT(
      causes_of(R"({"type":"integer"})", R"("x")"),
      ElementsAre(R"(FieldValueTypeInvalid a: Invalid value: "string": a in body must be of type integer: "string")"));
}

TEST(Validate, IntegerOrText) {
  std::string_view schema = R"({"x-kubernetes-int-or-string":true})";
  EXPECT_THAT(causes_of(schema, "80"), IsEmpty());
  EXPECT_THAT(causes_of(schema, R"("50%")"), IsEmpty());
  EXPECT_THAT(causes_of(schema, "true"), SizeIs(1));
  EXPECT_THAT(causes_of(schema, "1.5"), SizeIs(1));
}

TEST(Validate, NullOnlyWhereAllowed) {
  EXPECT_THAT(causes_of(R"({"type":"string","nullable":true})", "null"), IsEmpty());
  EXPECT_THAT(causes_of(R"({"type":"string"})", "null"), SizeIs(1));
}

TEST(Validate, ValuesOfAnyType) {
  std::string_view schema = R"({"enum":[1,"two",null,true],"nullable":false})";
  for (auto good : {"1", "1.0", R"("two")", "true"}) EXPECT_THAT(causes_of(schema, good), IsEmpty()) << good;
  EXPECT_THAT(
      causes_of(schema, "2"),
      ElementsAre(R"(FieldValueNotSupported a: Unsupported value: 2: supported values: "1", "two", "null", "true")"));
}

TEST(Validate, ExclusiveBoundsAndMultiples) {
  std::string_view schema = R"({"type":"number","minimum":0,"exclusiveMinimum":true,"maximum":1,"multipleOf":0.25})";
  EXPECT_THAT(causes_of(schema, "0.25"), IsEmpty());
  EXPECT_THAT(causes_of(schema, "1"), IsEmpty());
  EXPECT_THAT(causes_of(schema, "0"), SizeIs(1));
  EXPECT_THAT(causes_of(schema, "0.3"), SizeIs(1));
}

TEST(Validate, Formats) {
  for (auto [format, good, bad] : {std::tuple("date-time", "2026-01-02T03:04:05Z", "yesterday"),
                                   {"date", "2026-01-02", "2026-1-2"},
                                   {"byte", "aGk=", "!"},
                                   {"ipv4", "10.0.0.1", "10.0.0.256"},
                                   {"ipv6", "::1", "10.0.0.1"},
                                   {"uuid", "00000000-0000-4000-8000-00000000000A", "x"},
                                   {"unheard-of", "x", ""}}) {
    std::string schema = std::string(R"({"type":"string","format":")") + format + "\"}";
    auto quoted = [](std::string_view s) { return "\"" + std::string(s) + "\""; };
    EXPECT_THAT(causes_of(schema, quoted(good)), IsEmpty()) << format;
    if (*bad) EXPECT_THAT(causes_of(schema, quoted(bad)), SizeIs(1)) << format;
  }
  EXPECT_THAT(causes_of(R"({"type":"integer","format":"int32"})", "2147483648"), SizeIs(1));
}

TEST(Validate, Branches) {
  std::string_view any = R"({"type":"object","properties":{"x":{"type":"string"},"y":{"type":"string"}},
      "anyOf":[{"required":["x"]},{"required":["y"]}]})";
  EXPECT_THAT(causes_of(any, R"({"x":"1"})"), IsEmpty());
  EXPECT_THAT(causes_of(any, R"({"x":"1","y":"2"})"), IsEmpty());
  EXPECT_THAT(
      causes_of(any, "{}"),
      ElementsAre(R"(FieldValueInvalid a: Invalid value: "object": "a" must validate at least one schema (anyOf))"));
  std::string_view one = R"({"type":"object","properties":{"x":{"type":"string"},"y":{"type":"string"}},
      "oneOf":[{"required":["x"]},{"required":["y"]}]})";
  EXPECT_THAT(causes_of(one, R"({"x":"1"})"), IsEmpty());
  EXPECT_THAT(causes_of(one, R"({"x":"1","y":"2"})"), SizeIs(1));
  EXPECT_THAT(causes_of(one, "{}"), SizeIs(1));
  EXPECT_THAT(causes_of(R"({"type":"integer","allOf":[{"minimum":1},{"maximum":3}]})", "2"), IsEmpty());
  EXPECT_THAT(causes_of(R"({"type":"integer","allOf":[{"minimum":1},{"maximum":3}]})", "4"), SizeIs(1));
  EXPECT_THAT(causes_of(R"({"type":"string","not":{"enum":["no"]}})", R"("yes")"), IsEmpty());
  EXPECT_THAT(causes_of(R"({"type":"string","not":{"enum":["no"]}})", R"("no")"), SizeIs(1));
  EXPECT_THAT(causes_of(R"({"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]})", "5"),
              IsEmpty());
}

TEST(Validate, MembersOfAnyKind) {
  std::string_view schema = R"({"type":"object","additionalProperties":true})";
  EXPECT_THAT(causes_of(schema, R"({"x":{"deep":[1]},"y":2})"), IsEmpty());
  Value v = must(R"({"x":{"deep":[1]},"y":2})");
  auto s = schema_from_openapi(must(schema));
  ASSERT_TRUE(s);
  prune(v, **s, "", nullptr);
  EXPECT_EQ(json::dump(v), R"({"x":{"deep":[1]},"y":2})");
}

TEST(Validate, Bounds) {
  std::string_view schema = R"({"type":"integer","minimum":1,"maximum":10})";
  EXPECT_THAT(causes_of(schema, "1"), IsEmpty());
  EXPECT_THAT(causes_of(schema, "10"), IsEmpty());
  EXPECT_THAT(causes_of(schema, "0"),
              ElementsAre("FieldValueInvalid a: Invalid value: 0: a in body should be greater than or equal to 1"));
  EXPECT_THAT(causes_of(schema, "11"),
              ElementsAre("FieldValueInvalid a: Invalid value: 11: a in body should be less than or equal to 10"));
}

TEST(Validate, LengthsCountCharacters) {
  std::string_view schema = R"({"type":"string","minLength":2,"maxLength":3})";
  EXPECT_THAT(causes_of(schema, R"("äöü")"), IsEmpty());
  EXPECT_THAT(causes_of(schema, R"("äöüß")"), ElementsAre(::testing::StartsWith("FieldValueTooLong a: Too long: ")));
  EXPECT_THAT(causes_of(schema, R"("ä")"),
              ElementsAre(R"(FieldValueInvalid a: Invalid value: "ä": a in body should be at least 2 chars long)"));
}

TEST(Validate, PatternsMatchAnywhereUnlessAnchored) {
  EXPECT_THAT(causes_of(R"({"type":"string","pattern":"b+"})", R"("abbc")"), IsEmpty());
  EXPECT_THAT(causes_of(R"({"type":"string","pattern":"^b+$"})", R"("abbc")"),
              ElementsAre(R"(FieldValueInvalid a: Invalid value: "abbc": a in body should match '^b+$')"));
}

TEST(Validate, EnumsNameWhatIsAllowed) {
  std::string_view schema = R"({"type":"string","enum":["A","B"]})";
  EXPECT_THAT(causes_of(schema, R"("B")"), IsEmpty());
  EXPECT_THAT(causes_of(schema, R"("b")"),
              ElementsAre(R"(FieldValueNotSupported a: Unsupported value: "b": supported values: "A", "B")"));
}

TEST(Validate, NumbersOfItemsAndMembers) {
  std::string_view list = R"({"type":"array","minItems":1,"maxItems":2,"items":{"type":"integer"}})";
  EXPECT_THAT(causes_of(list, "[1,1]"), IsEmpty());
  EXPECT_THAT(causes_of(list, "[]"), ElementsAre(::testing::HasSubstr("should have at least 1 items")));
  EXPECT_THAT(causes_of(list, "[1,2,3]"), ElementsAre("FieldValueTooMany a: Too many: 3: must have at most 2 items"));
  std::string_view map =
      R"({"type":"object","minProperties":1,"maxProperties":2,"additionalProperties":{"type":"integer"}})";
  EXPECT_THAT(causes_of(map, R"({"x":1})"), IsEmpty());
  EXPECT_THAT(causes_of(map, "{}"), ElementsAre(::testing::HasSubstr("should have at least 1 properties")));
  EXPECT_THAT(causes_of(map, R"({"x":1,"y":2,"z":3})"), ElementsAre(::testing::StartsWith("FieldValueTooMany a: ")));
}

TEST(Validate, RequiredMembers) {
  std::string_view schema =
      R"({"type":"object","required":["x","y"],"properties":{"x":{"type":"string"},"y":{"type":"string"}}})";
  EXPECT_THAT(causes_of(schema, R"({"x":"1"})"), ElementsAre("FieldValueRequired a.y: Required value"));
  EXPECT_THAT(causes_of(schema, "{}"),
              UnorderedElementsAre("FieldValueRequired a.x: Required value", "FieldValueRequired a.y: Required value"));
}

TEST(Validate, EveryPlaceIsNamed) {
  std::string_view schema = R"({"type":"array","items":{"type":"object","additionalProperties":{"type":"integer"}}})";
  EXPECT_THAT(causes_of(schema, R"([{"k":1},{"k":"x","l":"y"}])"),
              UnorderedElementsAre(::testing::HasSubstr(" a[1].k: "), ::testing::HasSubstr(" a[1].l: ")));
}

TEST(Validate, SetsAndMapListsHaveNoDuplicates) {
  EXPECT_THAT(
      causes_of(R"({"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}})", R"(["a","b","a"])"),
      ElementsAre(R"(FieldValueDuplicate a[2]: Duplicate value: "a")"));
  std::string_view list = R"({"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["p","q"],
    "items":{"type":"object","properties":{"p":{"type":"integer"},"q":{"type":"string"},"r":{"type":"string"}}}})";
  EXPECT_THAT(causes_of(list, R"([{"p":1,"q":"x"},{"p":1,"q":"y"},{"p":2,"q":"x"}])"), IsEmpty());
  EXPECT_THAT(causes_of(list, R"([{"p":1,"q":"x","r":"1"},{"q":"x","p":1,"r":"2"}])"),
              ElementsAre(R"(FieldValueDuplicate a[1]: Duplicate value: {"p":1,"q":"x"})"));
  EXPECT_THAT(causes_of(R"({"type":"array","items":{"type":"string"}})", R"(["a","a"])"), IsEmpty());
}

TEST(Validate, ManyFaultsStopEarly) {
  std::string list = "[";
  for (int i = 0; i < 5000; ++i) list += i ? ",1" : "1";
  auto causes = causes_of(R"({"type":"array","items":{"type":"string"}})", list + "]");
  EXPECT_GE(causes.size(), 50u);
  EXPECT_LE(causes.size(), 200u);
}

// {"a": N} must not shrink.
json::Schema growing() {
  json::Schema s = **schema_from_openapi(must(R"({"type":"object","properties":{"a":{"type":"integer"}}})"));
  s.rules.push_back({"a must not shrink", "a", [](const Value& self, const Value* old) {
                       return !old || json::num(self, 0, "a") >= json::num(*old, 0, "a");
                     }});
  return s;
}

TEST(Validate, TransitionRulesSeeTheStoredForm) {
  Value old = must(R"({"a":5})");
  std::vector<Cause> causes;
  validate(must(R"({"a":3})"), nullptr, growing(), "spec", causes);
  validate(must(R"({"a":6})"), &old, growing(), "spec", causes);
  EXPECT_THAT(causes, IsEmpty());
  validate(must(R"({"a":4})"), &old, growing(), "spec", causes);
  ASSERT_THAT(causes, SizeIs(1));
  EXPECT_EQ(causes[0].field, "spec.a");
  EXPECT_EQ(causes[0].reason, "FieldValueInvalid");
  EXPECT_EQ(causes[0].message, R"(Invalid value: "object": a must not shrink)");
}

TEST(Validate, ARuleIsNotHeldAgainstWhatDidNotChange) {
  json::Schema s = **schema_from_openapi(must(R"({"type":"object","properties":{"a":{"type":"integer"}}})"));
  s.rules.push_back({"never", "", [](const Value&, const Value*) { return false; }});
  Value same = must(R"({"a":1})");
  std::vector<Cause> causes;
  validate(must(R"({"a":1})"), &same, s, "", causes);
  EXPECT_THAT(causes, IsEmpty());
  validate(must(R"({"a":2})"), &same, s, "", causes);
  EXPECT_THAT(causes, SizeIs(1));
}

TEST(Validate, ItemsOfAMapListMeetTheirFormerSelves) {
  auto item = std::make_shared<json::Schema>(growing());
  item->properties.push_back({"name", *schema_from_openapi(must(R"({"type":"string"})")), true});
  json::Schema list;
  list.type = json::SchemaType::Array;
  list.list_type = json::ListType::Map;
  list.list_map_keys = {"name"};
  list.items = item;
  Value old = must(R"([{"name":"x","a":9},{"name":"y","a":1}])");
  std::vector<Cause> causes;
  validate(must(R"([{"name":"y","a":2},{"name":"x","a":9},{"name":"new","a":0}])"), &old, list, "l", causes);
  EXPECT_THAT(causes, IsEmpty());
  validate(must(R"([{"name":"y","a":0},{"name":"x","a":9}])"), &old, list, "l", causes);
  ASSERT_THAT(causes, SizeIs(1));
  EXPECT_EQ(causes[0].field, "l[0].a");
}

}  // namespace
}  // namespace sl::kube

#include "json/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/strings.h"
#include "json/test_kit.h"

namespace sl::json {
namespace {

using std::string_view_literals::operator""sv;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using json::test::must;

std::string error_of(std::string_view text, ParseLimits limits = {}) {
  auto v = parse(text, limits);
  EXPECT_FALSE(v) << text;
  return v ? "" : std::string(code_name(v.error().code)) + " " + v.error().message;
}

std::string nested(size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(JsonParse, ReadsEveryKind) {
  EXPECT_EQ(dump(must(R"( {"n":null,"t":true,"f":false,"s":"x","a":[1,[]],"o":{}} )")),
            R"({"n":null,"t":true,"f":false,"s":"x","a":[1,[]],"o":{}})");
  EXPECT_EQ(dump(must(" \t\r\n1 \t\r\n")), "1");
}

TEST(JsonParse, KeepsKeyOrder) {
  EXPECT_EQ(dump(must(R"({"z":1,"a":2,"m":3})")), R"({"z":1,"a":2,"m":3})");
  std::string many = "{";
  for (int i = 100; i > 0; --i) many += (i < 100 ? ",\"k" : "\"k") + std::to_string(i) + "\":0";
  many += "}";
  EXPECT_EQ(dump(must(many)), many);
}

TEST(JsonParse, KeepsIntegersOf64Bits) {
  for (auto text : {"9223372036854775807", "-9223372036854775808", "18446744073709551615", "0", "9007199254740993"}) {
    EXPECT_EQ(kind_name(must(text)), "integer");
    EXPECT_EQ(dump(must(text)), text);
  }
  EXPECT_EQ(kind_name(must("18446744073709551616")), "number");
}

TEST(JsonParse, DecodesEscapes) {
  EXPECT_EQ(must(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00\u0000")").get_string(),
            "\"\\/\b\f\n\r\tA\xC3\xA9\xF0\x9F\x98\x80\0"sv);
}

TEST(JsonParse, ErrorNamesLineAndColumn) {
  EXPECT_THAT(error_of("{\n  \"a\": 1,\n  \"b\": tru\n}"),
              AllOf(HasSubstr("InvalidArgument"), HasSubstr("invalid JSON at line 3 column ")));
  EXPECT_THAT(error_of("{} x"), HasSubstr("line 1 column 4: text after the end of the document"));
  EXPECT_THAT(error_of("[1,]"), HasSubstr("line 1 column 4"));
  EXPECT_THAT(error_of(""), HasSubstr("line 1 column 1"));
  EXPECT_THAT(error_of("{\"a\":1"), HasSubstr("line 1 column 7: incomplete"));
  EXPECT_THAT(error_of("[\"\xff\"]"), HasSubstr("not valid UTF-8"));
}

TEST(JsonParse, RefusesWhatIsNotStrictJson) {
  for (auto bad : {"",       " ",      "{",   "[",         "[1",        "{\"a\":1,}", "[,]",    "{\"a\" 1}",
                   "{a:1}",  "{1:2}",  "'a'", "01",        "+1",        "-",          ".5",     "1.",
                   "1e",     "0x1",    "NaN", "Infinity",  "nul",       "True",       "[1] []", "1 2",
                   "//c\n1", "/*c*/1", "\"a", "\"\\x41\"", "\"\\u12\"", "\"\t\"",     "\"\n\"", "\xEF\xBB\xBF{}",
                   "[1}",    "\v1"})
    error_of(bad);
  error_of("1\0"sv);
  error_of("\"a\0b\""sv);
}

TEST(JsonParse, RefusesInvalidUtf8AndLoneSurrogates) {
  for (auto bad : {"\"\xFF\"", "\"\xC0\xAF\"", "\"\xE2\x82\"", "\"\xED\xA0\x80\"", "{\"\x80\":1}", "\"\\ud800\"",
                   "\"\\udc00\"", "\"\\ud800\\u0041\""})
    EXPECT_THAT(error_of(bad), HasSubstr("invalid JSON at line 1"));
  EXPECT_EQ(dump(must("\"\xF0\x9F\x98\x80\"")), "\"\xF0\x9F\x98\x80\"");
}

TEST(JsonParse, LimitsDepth) {
  EXPECT_TRUE(parse(nested(100)));
  EXPECT_THAT(error_of(nested(101)), HasSubstr("deep"));
  EXPECT_TRUE(parse(R"({"a":{"b":[]}})", {.depth_max = 3}));
  EXPECT_THAT(error_of(R"({"a":{"b":[]}})", {.depth_max = 2}), HasSubstr("deep"));
  EXPECT_THAT(error_of(nested(1'000'000)), HasSubstr("deep"));
}

TEST(JsonParse, LimitsSize) {
  EXPECT_TRUE(parse("[1,2]", {.bytes_max = 5}));
  EXPECT_EQ(error_of("[1,22]", {.bytes_max = 5}), "TooLarge JSON document of 6 bytes is over the limit of 5");
}

// A number that a double cannot hold must not turn into something else on the way through.
TEST(JsonParse, DoesNotTurnHugeNumbersIntoNull) {
  for (auto text : {"1e400", "-1e400", "[1e999999999]"}) {
    auto v = parse(text);
    if (v) EXPECT_THAT(dump(*v), ::testing::Not(HasSubstr("null"))) << text;
  }
}

TEST(JsonParse, ReadsTheNearestDouble) {
  for (auto text : {"0.1", "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324", "-4.8350476129932845e+24",
                    "3.3393672797275934e-195", "3.06219240900708e+133", "-1.132177409665465e+154", "9007199254740993.0",
                    "0.30000000000000004"})
    EXPECT_EQ(must(text).as_double(), std::strtod(text, nullptr)) << text;
}

TEST(JsonDuplicates, AreReportedAsPaths) {
  std::vector<std::string> duplicates;
  auto v = parse_noting_duplicates(R"({"a":1,"spec":{"x":[{"k":1},{"k":1,"k":2}],"x2":{}},"a":2,)"
                                   R"("b":{"a":1},"spec":{"y":0,"y":1}})",
                                   &duplicates);
  ASSERT_TRUE(v);
  EXPECT_THAT(duplicates, ElementsAre("spec.x[1].k", "a", "spec", "spec.y"));
  EXPECT_EQ(num(*v, 0, "a"), 2);
  EXPECT_EQ(num(*v, 0, "spec", "y"), 1);
}

TEST(JsonDuplicates, CompareDecodedKeys) {
  std::vector<std::string> duplicates;
  ASSERT_TRUE(
      parse_noting_duplicates(R"({"ab":1,"\u0061b":2,"\n":1,"x":[[],[[{"\n":1}]],{"q":1,"q":1}]})", &duplicates));
  EXPECT_THAT(duplicates, ElementsAre("ab", "x[2].q"));
}

TEST(JsonDuplicates, CompareLongKeysWhole) {
  std::string long_part(3000, 'k');
  std::string first = "\"" + long_part + "\\n" + long_part + "\":1";
  std::string other = "\"" + long_part + "\\n" + long_part + "l\":1";
  std::vector<std::string> duplicates;
  ASSERT_TRUE(parse_noting_duplicates("{" + first + "," + other + "," + first + "}", &duplicates));
  EXPECT_THAT(duplicates, ElementsAre(long_part + "\n" + long_part));
}

TEST(JsonDuplicates, PathsCountElementsOfEveryKind) {
  std::vector<std::string> duplicates;
  ASSERT_TRUE(parse_noting_duplicates(R"([null,true,1,-1,18446744073709551615,1.5,"s",[2],{"a":3},{"k":1,"k":2}])",
                                      &duplicates));
  EXPECT_THAT(duplicates, ElementsAre("[9].k"));
}

TEST(JsonDuplicates, NoneAndErrors) {
  std::vector<std::string> duplicates;
  EXPECT_TRUE(parse_noting_duplicates(R"([{"a":1},{"a":1},{"A":{"a":1}}])", &duplicates));
  EXPECT_THAT(duplicates, IsEmpty());
  auto bad = parse_noting_duplicates("{\"a\":1,\"a\":}", &duplicates);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("line 1 column 12"));
  EXPECT_FALSE(parse_noting_duplicates(nested(3), &duplicates, {.depth_max = 2}));
}

TEST(JsonDump, EscapesStrings) {
  std::string out = "x";
  write_string("a\"\\\n\r\t\b\f\x01\x1f\x7f/\xC3\xA9\0z"sv, out);
  EXPECT_EQ(out, "x\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001f\x7f/\xC3\xA9\\u0000z\"");
}

TEST(JsonDump, AppendsCompactText) {
  std::string out = "data: ";
  write(must(R"({ "a b" : [ 1 , { } ] })"), out);
  EXPECT_EQ(out, R"(data: {"a b":[1,{}]})");
}

TEST(JsonDump, PrettyIsForPeople) {
  EXPECT_EQ(dump_pretty(must(R"({"a":[1,{"b":[]}],"c":{},"d":[]})")),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}\n");
  EXPECT_EQ(dump_pretty(must("[]")), "[]\n");
}

TEST(JsonDump, WritesTheShortestDouble) {
  EXPECT_EQ(dump(0.1), "0.1");
  EXPECT_EQ(dump(1.5e-7), "1.5e-07");
  EXPECT_EQ(dump(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(dump(std::numeric_limits<double>::infinity()), "null");  // JSON has no word for it
  EXPECT_EQ(dump(std::nan("")), "null");
}

TEST(JsonDump, DoublesReadBackTheSame) {
  uint64_t state = 88172645463325252u;
  int wrong = 0;
  for (int i = 0; i < 20'000; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    double d;
    std::memcpy(&d, &state, sizeof d);
    if (!std::isfinite(d)) continue;
    if (auto back = parse(dump(d)); !back || !equal(*back, d)) ++wrong;
  }
  EXPECT_EQ(wrong, 0);
}

TEST(JsonEqual, ScalarsByValue) {
  EXPECT_TRUE(equal(1, 1.0));
  EXPECT_TRUE(equal(uint64_t{1}, int64_t{1}));
  EXPECT_FALSE(equal(1, 1.5));
  EXPECT_FALSE(equal(1, "1"));
  EXPECT_TRUE(equal("x", "x"));
  EXPECT_FALSE(equal("x", "y"));
  EXPECT_TRUE(equal(true, true));
  EXPECT_FALSE(equal(true, false));
  EXPECT_TRUE(equal(nullptr, nullptr));
  EXPECT_FALSE(equal(0, false));
  EXPECT_FALSE(equal(0, nullptr));
}

TEST(JsonEqual, KeepsIntegersOf64BitsApart) {
  EXPECT_FALSE(equal(int64_t{9007199254740992}, int64_t{9007199254740993}));
  EXPECT_FALSE(equal(must("18446744073709551615"), must("18446744073709551614")));
  EXPECT_TRUE(equal(must("18446744073709551615"), must("18446744073709551615")));
  EXPECT_FALSE(equal(must("9223372036854775807"), must("9223372036854775808")));
  EXPECT_FALSE(equal(must("9007199254740993"), must("9007199254740992.0")));
}

TEST(JsonEqual, ObjectsWithoutOrderArraysWithOrder) {
  EXPECT_TRUE(equal(must(R"({"a":1,"b":{"c":[1]}})"), must(R"({"b":{"c":[1.0]},"a":1})")));
  EXPECT_FALSE(equal(must(R"({"a":1})"), must(R"({"a":1,"b":1})")));
  EXPECT_FALSE(equal(must(R"({"a":1})"), must(R"({"b":1})")));
  EXPECT_FALSE(equal(must(R"({"a":null})"), must(R"({"b":null})")));
  EXPECT_FALSE(equal(must("[1,2]"), must("[2,1]")));
  EXPECT_FALSE(equal(must("[1]"), must("[1,1]")));
  EXPECT_FALSE(equal(must("[]"), must("{}")));
}

TEST(JsonFind, WalksObjectsOnly) {
  Value v = must(R"({"a":{"b":{"c":"x"}},"l":[1],"n":null})");
  ASSERT_NE(find(v, "a", "b", "c"), nullptr);
  EXPECT_EQ(find(v, "a", "b", "c")->get_string(), "x");
  EXPECT_EQ(find(v, "a", "z", "c"), nullptr);
  EXPECT_EQ(find(v, "a", "b", "c", "d"), nullptr);
  EXPECT_EQ(find(v, "l", "0"), nullptr);
  ASSERT_NE(find(v, "n"), nullptr);
  EXPECT_TRUE(find(v, "n")->is_null());
  EXPECT_EQ(find(Value("a"), "a"), nullptr);
}

TEST(JsonFind, TypedForms) {
  Value v = must(R"({"s":"x","e":"","i":-3,"u":18446744073709551615,"d":2.9,"a":[1,2]})");
  EXPECT_EQ(str(v, "s"), "x");
  EXPECT_EQ(str(v, "i"), "");
  EXPECT_EQ(str(v, "none"), "");
  EXPECT_EQ(num(v, 7, "i"), -3);
  EXPECT_EQ(num(v, 7, "d"), 2);
  EXPECT_EQ(num(v, 7, "s"), 7);
  EXPECT_EQ(num(v, 7, "none"), 7);
  ASSERT_NE(arr(v, "a"), nullptr);
  EXPECT_EQ(arr(v, "a")->size(), 2u);
  EXPECT_EQ(arr(v, "s"), nullptr);
}

// A number out of range must not come out with another sign or undefined.
TEST(JsonFind, NumbersOutOfRange) {
  EXPECT_GT(num(must(R"({"n":18446744073709551615})"), 7, "n"), 0);
  EXPECT_GT(num(must(R"({"n":1e300})"), 7, "n"), 0);
  EXPECT_LE(num(must(R"({"n":-1e300})"), 7, "n"), 7);
}

TEST(JsonEnsureObject, MakesAndReplaces) {
  Value v = 5;
  ensure_object(ensure_object(v), "a")["b"] = 1;
  EXPECT_EQ(dump(v), R"({"a":{"b":1}})");
  ensure_object(ensure_object(v), "a")["c"] = 2;
  EXPECT_EQ(dump(v), R"({"a":{"b":1,"c":2}})");
  v.get_object()["a"] = "text";
  ensure_object(v.get_object(), "a");
  EXPECT_EQ(dump(v), R"({"a":{}})");
}

TEST(JsonPath, Pieces) {
  EXPECT_EQ(child_path("", "a"), "a");
  EXPECT_EQ(index_path(child_path("a", "b"), 0), "a.b[0]");
  EXPECT_EQ(index_path("", 3), "[3]");
}

TEST(JsonKindName, NamesForMessages) {
  std::vector<std::string_view> names;
  for (auto& v : must(R"([null,true,1,18446744073709551615,1.5,"",[],{}])").get_array()) names.push_back(kind_name(v));
  EXPECT_THAT(names, ElementsAre("null", "boolean", "integer", "integer", "number", "string", "array", "object"));
}

}  // namespace
}  // namespace sl::json

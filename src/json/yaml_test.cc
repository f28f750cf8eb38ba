#include "json/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/strings.h"

namespace sl::json {
namespace {

using std::string_view_literals::operator""sv;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::vector<YamlDocument> docs_of(std::string_view text) {
  auto docs = parse_yaml(text);
  EXPECT_TRUE(docs) << text << "\n" << (docs ? "" : docs.error().message);
  return docs ? *docs : std::vector<YamlDocument>();
}

// The one document of the text, as JSON.
std::string read(std::string_view text) {
  auto docs = docs_of(text);
  EXPECT_THAT(docs, SizeIs(1)) << text;
  return docs.size() == 1 ? dump(docs[0].value) : "";
}

std::string error_of(std::string_view text, YamlLimits limits = {}) {
  auto docs = parse_yaml(text, limits);
  EXPECT_FALSE(docs) << text.substr(0, 200);
  return docs ? "" : std::string(code_name(docs.error().code)) + " " + docs.error().message;
}

void expect_scalars(std::initializer_list<std::pair<const char*, const char*>> cases) {
  for (auto& [text, want] : cases) EXPECT_EQ(read(std::string("- ") + text), std::string("[") + want + "]") << text;
}

TEST(YamlScalars, NullAndBooleansOfYaml11) {
  for (auto text : {"~", "null", "Null", "NULL", ""}) EXPECT_EQ(read(std::string("- ") + text), "[null]") << text;
  for (auto text : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
    EXPECT_EQ(read(std::string("- ") + text), "[true]") << text;
  for (auto text : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
    EXPECT_EQ(read(std::string("- ") + text), "[false]") << text;
  for (std::string text : {"nULL", "tRue", "yES", "oN", "truest", "nothing"})
    EXPECT_EQ(read("- " + text), "[\"" + text + "\"]") << text;
}

TEST(YamlScalars, SingleLetterBooleansAsKubernetesReadsThem) {
  expect_scalars({{"y", "true"}, {"Y", "true"}, {"n", "false"}, {"N", "false"}});
}

TEST(YamlScalars, Integers) {
  expect_scalars({{"0", "0"},
                  {"42", "42"},
                  {"-7", "-7"},
                  {"+7", "7"},
                  {"0x1F", "31"},
                  {"-0x1f", "-31"},
                  {"017", "15"},
                  {"-017", "-15"},
                  {"08", "8"},
                  {"09", "9"},
                  {"9223372036854775807", "9223372036854775807"},
                  {"-9223372036854775808", "-9223372036854775808"},
                  {"0x7fffffffffffffff", "9223372036854775807"}});
}

TEST(YamlScalars, UnsignedIntegersKeep64Bits) {
  expect_scalars({{"18446744073709551615", "18446744073709551615"}, {"0xFFFFFFFFFFFFFFFF", "18446744073709551615"}});
}

TEST(YamlScalars, HexadecimalThatDoesNotFitIsNotClamped) {
  EXPECT_NE(read("- 0x1FFFFFFFFFFFFFFFF"), "[9223372036854775807]");
  EXPECT_NE(read("- -0x8000000000000001"), "[-9223372036854775808]");
}

TEST(YamlScalars, UnderscoresAndBinaryAsKubernetesReadsThem) {
  expect_scalars({{"1_000", "1000"}, {"0b101", "5"}, {"-0b101", "-5"}, {"0o17", "15"}, {"0X1F", "31"}});
}

TEST(YamlScalars, Doubles) {
  expect_scalars({{"1.5", "1.5"},
                  {"-.5", "-0.5"},
                  {".5", "0.5"},
                  {"1.", "1"},
                  {"1e3", "1000"},
                  {"-1.5E-3", "-0.0015"},
                  {"+1.5", "1.5"}});
}

TEST(YamlScalars, WhatLooksLikeANumberButIsNotStaysText) {
  for (auto text : {"1.2.3", "127.0.0.1", "1-2",   "2024-01-01", "2024-01-01T00:00:00Z",
                    "1:30",  "12h",       "100m",  "1Gi",        "0xZZ",
                    "0x",    ".",         "+",     "..",         "1e",
                    "e5",    "+-1",       "1e400", "v1",         "-a",
                    "1,5",   "0x-5",      "+.",    "1e5x"})
    EXPECT_THAT(read("k: " + std::string(text)), StartsWith("{\"k\":\"")) << text;
}

TEST(YamlScalars, QuotesAndTagsMakeStrings) {
  expect_scalars({{"'1'", "\"1\""},
                  {"\"true\"", "\"true\""},
                  {"''", "\"\""},
                  {"!!str 1", "\"1\""},
                  {"! 1", "\"1\""},
                  {"!!str", "\"\""},
                  {"'it''s'", "\"it's\""},
                  {"!!int '12'", "12"},
                  {"|\n  12", "\"12\""},
                  {R"("a\tb\x41\u00e9\n")", R"("a\tbAé\n")"}});
}

TEST(YamlScalars, BlockAndFoldedText) {
  EXPECT_EQ(read("a: |\n  x\n   y\n\n  z\nb: >-\n  one\n  two\n\n  three\n"),
            R"({"a":"x\n y\n\nz\n","b":"one two\nthree"})");
  EXPECT_EQ(read("a: |+\n  x\n\nb: |2\n    y\n"), R"({"a":"x\n\n","b":"  y\n"})");
}

TEST(Yaml, KeysAreStrings) {
  EXPECT_EQ(read("1: a\ntrue: b\nyes: c\n1.5: d\n\"\": e"), R"({"1":"a","true":"b","yes":"c","1.5":"d","":"e"})");
  EXPECT_THAT(error_of("a:\n  ? [1]\n  : 2"), AllOf(HasSubstr("YAML line 2 column 5"), HasSubstr("must be a scalar")));
  EXPECT_THAT(error_of("a: 1\n~: 1"), AllOf(HasSubstr("line 2 column 1"), HasSubstr("must be a string")));
  EXPECT_THAT(error_of("a: &m {}\n*m : 1"), HasSubstr("must be a string"));
}

TEST(Yaml, ReadsAManifest) {
  EXPECT_EQ(read("apiVersion: v1\nkind: Secret # c\nmetadata:\n  name: x\n  labels: {a: b, c: 'd'}\n"
                 "spec:\n- name: p\n  ports: [80, 443]\n-\n  - deep\ndata:\n"),
            R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"x","labels":{"a":"b","c":"d"}},)"
            R"("spec":[{"name":"p","ports":[80,443]},["deep"]],"data":null})");
  EXPECT_EQ(read(R"({"json": [1, 2.5, "x", null]})"), R"({"json":[1,2.5,"x",null]})");
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a: 1\r\nb: 2\r\n"),
            R"({"a":1,"b":2})");
}

TEST(Yaml, ManyDocumentsAndWhereTheyStart) {
  auto docs = docs_of("# head\n\na: 1\n---\n---\n# c\nb: 2\n...\n---\n- 3\n");
  ASSERT_THAT(docs, SizeIs(4));
  std::vector<std::string> values;
  for (auto& d : docs) values.push_back(dump(d.value));
  EXPECT_THAT(values, ElementsAre(R"({"a":1})", "null", R"({"b":2})", "[3]"));
  EXPECT_EQ(docs[0].line, 3);
  EXPECT_EQ(docs[1].line, 4);
  EXPECT_EQ(docs[2].line, 5);
  EXPECT_EQ(docs[3].line, 9);
  EXPECT_THAT(docs_of(""), IsEmpty());
  EXPECT_THAT(docs_of("# only a comment\n"), IsEmpty());
}

TEST(Yaml, DuplicatesAreReportedAsPathsAndTheLastWins) {
  auto docs = docs_of("a: 1\nspec:\n  x:\n  - {k: 1}\n  - {k: 1, 'k': 2}\n  x2: {}\na: 2\n---\na: 1\n");
  ASSERT_THAT(docs, SizeIs(2));
  EXPECT_THAT(docs[0].duplicates, ElementsAre("spec.x[1].k", "a"));
  EXPECT_EQ(num(docs[0].value, 0, "a"), 2);
  EXPECT_THAT(docs[1].duplicates, IsEmpty());
}

TEST(Yaml, ErrorsCarryLineAndColumn) {
  EXPECT_THAT(error_of("a: 1\n}"), HasSubstr("InvalidArgument YAML line 2 column 1: "));
  EXPECT_THAT(error_of("a: b: c"), HasSubstr("YAML line 1 column 5: "));
  EXPECT_THAT(error_of("a: 1\nb: 'x"), HasSubstr("YAML line 2 column "));
  EXPECT_THAT(error_of("a: 1\nb: @x"), HasSubstr("YAML line 2 column 4: "));
  EXPECT_THAT(error_of("x: *nope"), HasSubstr("YAML line 1 column 4: "));
}

TEST(Yaml, ErrorsAreUtf8) {
  EXPECT_TRUE(valid_utf8(error_of("a: \"\\\xC3\xA9\"")));
  EXPECT_TRUE(valid_utf8(error_of("a: *\xC3\xA9")));
}

TEST(Yaml, RefusesWhatIsNotYaml) {
  for (auto bad :
       {"a:\n\tb: 1", "key: [1, 2", "{a: 1", "- a\n b: 1", "a: 'x", "\"\\q\"", "\"\\ud800\"", "a: %x", "a: `x"})
    error_of(bad);
}

// What a paste with lost characters looks like; other readers say where a ":" is missing.
TEST(Yaml, RefusesALineWithoutAColonInAMapping) {
  EXPECT_THAT(error_of("a: 1\nb\nc: 2\n"), HasSubstr("YAML line "));
  EXPECT_THAT(error_of("a:\n  b: 1\nc"), HasSubstr("YAML line "));
}

TEST(Yaml, RefusesASecondRootInOneDocument) {
  EXPECT_THAT(error_of("[1] [2]"), HasSubstr("YAML line 1"));
  EXPECT_THAT(error_of("\"a\" \"b\""), HasSubstr("YAML line 1"));
  EXPECT_THAT(error_of("{a: 1}\nb: 2"), HasSubstr("YAML line 2"));
}

// A stray "," after a document must not be read as empty documents without end.
TEST(YamlDeathTest, StrayIndicatorsEnd) {
  for (auto text : {"[a],", "\"a\" ,", "--- ,", "&a ,", "--- &a ,", "...\n&a ,\n", "&F, a"})
    EXPECT_EXIT(
        {
          alarm(2);  // no end dies here, and the test fails
          _exit(parse_yaml(text) ? 1 : 0);
        },
        ::testing::ExitedWithCode(0), "")
        << text;
}

TEST(Yaml, RefusesInvalidUtf8AndControlCharacters) {
  EXPECT_THAT(error_of("a: \xFF"), AllOf(HasSubstr("InvalidArgument"), HasSubstr("UTF-8")));
  error_of("a: \"\xED\xA0\x80\"");
  for (auto bad : {"a: 1\0b: 2"sv, "a: 1\nb\x04: 2"sv, "a: \"x\x01\""sv, "a: x\x1b[0m"sv, "a: \x7f"sv})
    EXPECT_THAT(error_of(bad), HasSubstr("YAML")) << bad;
}

TEST(YamlAliases, CopyTheAnchoredValue) {
  EXPECT_EQ(read("a: &x {k: [1]}\nb: *x\nc: &y text\nd: *y\n*y : e"),
            R"({"a":{"k":[1]},"b":{"k":[1]},"c":"text","d":"text","text":"e"})");
  EXPECT_EQ(read("- &x 1\n- &x 2\n- *x"), "[1,2,2]");
  EXPECT_EQ(read("- &x ~\n- *x"), "[null,null]");
}

TEST(YamlAliases, RefuseCyclesAndOtherDocuments) {
  EXPECT_THAT(error_of("a: &x\n  b: *x"), AllOf(HasSubstr("line 2 column 6"), HasSubstr("not complete")));
  EXPECT_THAT(error_of("a: &x 1\n---\nb: *x"), HasSubstr("YAML line 3"));
}

// Compared without regard to the order of keys.
void expect_reads(std::string_view text, std::string_view want) {
  auto docs = docs_of(text);
  ASSERT_THAT(docs, SizeIs(1));
  EXPECT_TRUE(equal(docs[0].value, *parse(want))) << dump(docs[0].value) << " instead of " << want;
}

TEST(YamlAliases, MergeKeysAsKubernetesReadsThem) {
  expect_reads("base: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\n", R"({"base":{"x":1,"y":2},"c":{"x":1,"y":3}})");
  expect_reads("- &a {x: 1}\n- &b {x: 2, z: 2}\n- {<<: [*a, *b], w: 0}",
               R"([{"x":1},{"x":2,"z":2},{"x":1,"z":2,"w":0}])");
  expect_reads("'<<': 1", R"({"<<":1})");
}

std::string laughs(int levels) {
  std::string text = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol,lol]\n";
  for (int i = 1; i <= levels; ++i) {
    std::string n = std::to_string(i), below = "*a" + std::to_string(i - 1);
    text += "a" + n + ": &a" + n + " [" + below;
    for (int k = 1; k < 10; ++k) text += "," + below;
    text += "]\n";
  }
  return text;
}

TEST(YamlLimits, BillionLaughsStopEarly) {
  EXPECT_TRUE(parse_yaml(laughs(3)));
  EXPECT_THAT(error_of(laughs(9)), AllOf(HasSubstr("TooLarge YAML line "), HasSubstr("500000 nodes")));
}

TEST(YamlLimits, CountsNodesAfterExpansion) {
  // The list, [1,2,3] and its copy of four nodes.
  EXPECT_TRUE(parse_yaml("- &x [1,2,3]\n- *x", {.nodes_max = 9}));
  EXPECT_THAT(error_of("- &x [1,2,3]\n- *x", {.nodes_max = 8}), HasSubstr("more than 8 nodes"));
  EXPECT_TRUE(parse_yaml("[1,2,3]", {.nodes_max = 4}));
  EXPECT_THAT(error_of("- 1\n- [2]", {.nodes_max = 2}), HasSubstr("YAML line 2 column "));
  EXPECT_THAT(error_of("[1,2,3]", {.nodes_max = 3}), HasSubstr("TooLarge"));
}

TEST(YamlLimits, CountsBytesAfterExpansion) {
  std::string text = "- &x " + std::string(32 * 1024, 'a') + "\n- [";
  for (int i = 0; i < 2000; ++i) text += "*x ,";
  EXPECT_THAT(error_of(text + "]", {.bytes_max = 64 * 1024}), HasSubstr("TooLarge"));
}

TEST(YamlLimits, Depth) {
  EXPECT_TRUE(parse_yaml("[[[1]]]", {.depth_max = 3}));
  EXPECT_THAT(error_of("[[[[1]]]]", {.depth_max = 3}),
              AllOf(HasSubstr("TooLarge YAML line 1 column 4"), HasSubstr("deeper than 3")));
  EXPECT_THAT(error_of("a:\n  b:\n    c: 1", {.depth_max = 2}), HasSubstr("deeper than 2"));
  EXPECT_TRUE(parse_yaml(std::string(100, '[') + std::string(100, ']')));
  EXPECT_THAT(error_of(std::string(100'000, '[') + std::string(100'000, ']')), HasSubstr("TooLarge"));
  EXPECT_THAT(error_of(std::string(3'000, '{')), HasSubstr("YAML line 1"));
}

TEST(YamlLimits, DepthAfterExpansion) {
  EXPECT_TRUE(parse_yaml("- &a [[1]]\n- [[*a]]", {.depth_max = 5}));
  EXPECT_THAT(error_of("- &a [[[1]]]\n- [[*a]]", {.depth_max = 5}), HasSubstr("deeper than 5"));
}

TEST(YamlLimits, Bytes) {
  EXPECT_TRUE(parse_yaml("a: 1", {.bytes_max = 4}));
  EXPECT_THAT(error_of("a: 12", {.bytes_max = 4}), HasSubstr("TooLarge YAML of 5 bytes is over the limit of 4"));
}

}  // namespace
}  // namespace sl::json

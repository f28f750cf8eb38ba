#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json/test_kit.h"
#include "json/yaml.h"

namespace sl::json {
namespace {

using ::testing::IsEmpty;

using json::test::must;

// What reading the written form gives, as JSON or an error.
std::string read_back(const Value& v) {
  auto docs = parse_yaml(dump_yaml(v));
  if (!docs) return docs.error().message;
  if (docs->size() != 1) return std::to_string(docs->size()) + " documents";
  return dump((*docs)[0].value);
}

void expect_round_trip(const Value& v) {
  EXPECT_EQ(read_back(v), dump(v)) << dump_yaml(v);
}

// Names the first place where the string does not survive, "" if it survives in all.
std::string lost_in(const std::string& s) {
  Value v(s);
  const std::pair<const char*, Value> places[] = {
      {"a value", Object{{"k", v}, {"l", 1}}},
      {"a nested value", Object{{"k", Object{{"m", v}}}, {"l", 1}}},
      {"a list", Array{v, v}},
      {"a list in a list", Array{Array{v, v}, Value(1)}},
      {"the root", v},
  };
  for (auto& [place, value] : places)
    if (std::string back = read_back(value); back != dump(value))
      return std::string(place) + ":\n" + dump_yaml(value) + "reads back as " + back;
  return "";
}

std::string lost_as_key(const std::string& s) {
  for (const Value& value : {Value(Object{{s, 1}, {"l", 1}}), Value(Array{Object{{s, Array{2}}}})})
    if (std::string back = read_back(value); back != dump(value))
      return "a key:\n" + dump_yaml(value) + "reads back as " + back;
  return "";
}

// What `lost` has to say about each string, the empty answers left out.
std::vector<std::string> losses(const std::vector<std::string>& strings, std::string (*lost)(const std::string&)) {
  std::vector<std::string> out;
  for (auto& s : strings)
    if (std::string what = lost(s); !what.empty()) out.push_back(what);
  return out;
}

std::vector<std::string> strings_with_indicators() {
  std::vector<std::string> out;
  for (char indicator : std::string_view("-?:,[]{}#&*!|>'\"%@`=~<./\\_+^")) {
    std::string c(1, indicator);
    for (auto& s :
         {c, c + " ", c + "x", c + " x", "x" + c, "x " + c, "x " + c + " y", "x" + c + " y", c + c, c + c + c})
      out.push_back(s);
  }
  return out;
}

const std::vector<std::string> kWhiteSpace = {"",     " ",   "a ", " a",   "\ta",    "a\t",
                                              "a\tb", "a #", "\r", "a\rb", "a\r\nb", "a \tb"};
const std::vector<std::string> kLines = {"\n",      "\n\n",     "a\n",     "a\n\n",     "a\n\n\n", "\na",
                                         "a\n ",    "a\n  b\n", " a\nb",   "a\n\tb",    "a\n \n",  "a \nb",
                                         "a\n# b",  "# a\nb",   "a\n\n b", "- x\n- y",  "k: v\nl", "a\n  \n",
                                         "a  \n  ", "x:\ny",    "x-\ny",   "a\r\nb\r\n"};
const std::vector<std::string> kMarkers = {"---",       "...",       "--- x",     "... x",     "a\n---\nb",
                                           "a\n...\nb", "%YAML 1.1", "a\n%TAG\n", "a\n--- b\n"};
const std::vector<std::string> kUnusual = {"\xC3\xA9t\xC3\xA9",
                                           "\xEF\xBB\xBF",
                                           "\xEF\xBB\xBFx",
                                           "x\n\xEF\xBB\xBFy",
                                           "\xC2\x85",
                                           "a\xC2\x85z",
                                           "\xE2\x80\xA8",
                                           "a\xE2\x80\xA9z\n",
                                           "\xF0\x9F\x98\x80",
                                           "\xC2\xA0",
                                           "\x01",
                                           "a\x7fz",
                                           "a\nb\x7f",
                                           "a\nb\x01",
                                           "\x04",
                                           "a\x04z",
                                           "\x1b[0m",
                                           std::string("a\0b", 3)};

TEST(YamlDump, IsTheBlockStyleOfKubectl) {
  EXPECT_EQ(dump_yaml(must(R"({"a":1,"b":{"c":[1,{"d":"x","e":null},[true]],"f":{}},"g":[],"h":"y"})")),
            "a: 1\n"
            "b:\n"
            "  c:\n"
            "  - 1\n"
            "  - d: x\n"
            "    e: null\n"
            "  - - true\n"
            "  f: {}\n"
            "g: []\n"
            "h: \"y\"\n");
  EXPECT_EQ(dump_yaml(must("[]")), "[]\n");
  EXPECT_EQ(dump_yaml(must("\"x\"")), "x\n");
}

TEST(YamlDump, WritesTextOfManyLinesAsBlocks) {
  EXPECT_EQ(dump_yaml(must(R"({"a":"x\n y\n","b":["x\n\ny"],"c":"x\n\n"})")),
            "a: |\n  x\n   y\nb:\n- |-\n  x\n\n  y\nc: |+\n  x\n\n");
}

TEST(YamlDump, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(dump_yaml(must(R"(["plain text","a:b","a#b","http://x/y?z=1","it's","1.2.3","127.0.0.1:80"])")),
            "- plain text\n- a:b\n- a#b\n- http://x/y?z=1\n- it's\n- 1.2.3\n- 127.0.0.1:80\n");
  EXPECT_EQ(dump_yaml(must(R"(["","1","true","no","null","~","0x1","1e3"," a","a ","a: b","a #b"])")),
            "- \"\"\n- \"1\"\n- \"true\"\n- \"no\"\n- \"null\"\n- \"~\"\n- \"0x1\"\n- \"1e3\"\n- \" a\"\n"
            "- \"a \"\n- \"a: b\"\n- \"a #b\"\n");
}

// Text that other readers of YAML 1.1 (kubectl) take for something else is quoted too.
TEST(YamlDump, QuotesWhatKubectlWouldReadOtherwise) {
  for (auto s : {"y", "n", "Y", "N", "1_000", "0b11", "0o17", "0X1F", ".inf", "-.Inf", ".nan", "<<", "+1", "0777"})
    EXPECT_EQ(dump_yaml(Array{Value(s)}), "- \"" + std::string(s) + "\"\n");
}

TEST(YamlDump, ScalarsRoundTrip) {
  for (auto text : {"null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808",
                    "18446744073709551615", "0.1", "-1.5", "1e+22", "1.5e-07", "5e-324", "{}", "[]", "[[]]", "[{}]",
                    "[[[1],[2]],[[3]]]", R"({"a":{"b":{"c":[]}}})"})
    expect_round_trip(must(text));
}

TEST(YamlDump, IndicatorsRoundTrip) {
  EXPECT_THAT(losses(strings_with_indicators(), lost_in), IsEmpty());
  EXPECT_THAT(losses(strings_with_indicators(), lost_as_key), IsEmpty());
}

TEST(YamlDump, WhiteSpaceRoundTrips) {
  EXPECT_THAT(losses(kWhiteSpace, lost_in), IsEmpty());
  EXPECT_THAT(losses(kWhiteSpace, lost_as_key), IsEmpty());
}

TEST(YamlDump, LinesRoundTrip) {
  EXPECT_THAT(losses(kLines, lost_in), IsEmpty());
}

TEST(YamlDump, DocumentMarkersRoundTrip) {
  EXPECT_THAT(losses(kMarkers, lost_in), IsEmpty());
}

TEST(YamlDump, UnusualCharactersRoundTrip) {
  EXPECT_THAT(losses(kUnusual, lost_in), IsEmpty());
}

TEST(YamlDump, KeysOfManyLinesAndMarkersRoundTrip) {
  EXPECT_THAT(losses(kLines, lost_as_key), IsEmpty());
  EXPECT_THAT(losses(kMarkers, lost_as_key), IsEmpty());
  EXPECT_THAT(losses(kUnusual, lost_as_key), IsEmpty());
}

TEST(YamlDump, LongTextRoundTrips) {
  EXPECT_EQ(lost_in(std::string(3000, 'k')), "");
  EXPECT_EQ(lost_as_key(std::string(3000, 'k')), "");
}

TEST(YamlDump, DeepValuesRoundTrip) {
  Value v = "x\ny";
  for (int i = 0; i < 40; ++i) v = i % 2 ? Value(Array{v}) : Value(Object{{"k", v}});
  expect_round_trip(v);
}

}  // namespace
}  // namespace sl::json

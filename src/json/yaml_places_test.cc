// Where fields stand (YamlLimits::note_places), and text that is JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/yaml.h"

namespace sl::json {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// "PATH LINE:COLUMN" of every place of the documents.
std::vector<std::vector<std::string>> places_of(std::string_view text) {
  auto docs = parse_yaml(text, {.note_places = true});
  EXPECT_TRUE(docs) << text << "\n" << (docs ? "" : docs.error().message);
  std::vector<std::vector<std::string>> out;
  if (docs)
    for (auto& d : *docs) {
      out.emplace_back();
      for (auto& [path, at] : d.places)
        out.back().push_back(path + " " + std::to_string(at.line) + ":" + std::to_string(at.column));
    }
  return out;
}
std::vector<std::string> places(std::string_view text) {
  auto all = places_of(text);
  EXPECT_THAT(all, SizeIs(1)) << text;
  return all.size() == 1 ? all[0] : std::vector<std::string>();
}

TEST(YamlPlaces, FieldsByTheirKeysAndItemsByThemselves) {
  EXPECT_THAT(places("a: 1\nspec:\n  rules:\n  - name: x\n    port: 2\n  - name: y\n"),
              ElementsAre("a 1:1", "spec 2:1", "spec.rules 3:3", "spec.rules[0] 4:5", "spec.rules[0].name 4:5",
                          "spec.rules[0].port 5:5", "spec.rules[1] 6:5", "spec.rules[1].name 6:5"));
}

TEST(YamlPlaces, ScalarsInLists) {
  EXPECT_THAT(places("- a\n-   b\n- [c, d]\n"),
              ElementsAre("[0] 1:3", "[1] 2:5", "[2] 3:3", "[2][0] 3:4", "[2][1] 3:7"));
}

TEST(YamlPlaces, FlowStyleAndQuotedKeys) {
  EXPECT_THAT(places("m: {a: 1, 'b': {\"c\": 2}}"), ElementsAre("m 1:1", "m.a 1:5", "m.b 1:11", "m.b.c 1:17"));
}

TEST(YamlPlaces, EmptyValuesHaveAPlaceToo) {
  EXPECT_THAT(places("a:\nb: {}\nc: []\nd:\n"), ElementsAre("a 1:1", "b 2:1", "c 3:1", "d 4:1"));
}

TEST(YamlPlaces, LinesCountFromTheStartOfTheText) {
  EXPECT_THAT(places_of("# c\na: 1\n---\n\nb: 2\n"), ElementsAre(ElementsAre("a 2:1"), ElementsAre("b 5:1")));
}

TEST(YamlPlaces, BlockTextDoesNotShiftThem) {
  EXPECT_THAT(places("a: |\n  one\n  two\n\nb: >-\n  x\nc: 1\n"), ElementsAre("a 1:1", "b 5:1", "c 7:1"));
}

TEST(YamlPlaces, ADuplicateStandsWhereItFirstStood) {
  auto docs = parse_yaml("a: 1\nb: 2\na: 3\n", {.note_places = true});
  ASSERT_TRUE(docs);
  EXPECT_EQ((*docs)[0].places.at("a").line, 1);
  EXPECT_THAT((*docs)[0].duplicates, ElementsAre("a"));
}

TEST(YamlPlaces, AliasesAndMergesStandWhereTheyAreWritten) {
  auto found = places("x: &x {k: 1}\ny: *x\nz:\n  <<: *x\n  w: 2\n");
  EXPECT_THAT(found, ::testing::IsSupersetOf({"x 1:1", "x.k 1:8", "y 2:1", "z 3:1", "z.w 5:3"}));
}

TEST(YamlPlaces, OfAScalarDocumentThereAreNone) {
  EXPECT_THAT(places("just text"), IsEmpty());
}

TEST(YamlPlaces, AreNotNotedUnlessAskedFor) {
  auto docs = parse_yaml("a: 1\n");
  ASSERT_TRUE(docs);
  EXPECT_THAT((*docs)[0].places, IsEmpty());
}

TEST(YamlPlaces, TheValueIsTheSameWithThem) {
  for (auto text : {"a: [1, {b: ~}]\nc: 'x'\n", "{\"a\": \"\\u00e9\", \"b\": [1.5, true, null]}", "- &a 1\n- *a\n",
                    "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n", "{\"a\": \"x\\/y\\n\"}", "[]", "{}"}) {
    auto with = parse_yaml(text, {.note_places = true}), without = parse_yaml(text);
    ASSERT_TRUE(with && without) << text;
    ASSERT_EQ(with->size(), without->size());
    EXPECT_EQ(dump((*with)[0].value), dump((*without)[0].value)) << text;
  }
}

TEST(YamlPlaces, OfJson) {
  EXPECT_THAT(places("{\n  \"a\": 1,\n  \"b\": [\n    {\"c\": 2}\n  ]\n}\n"),
              ElementsAre("a 2:3", "b 3:3", "b[0] 4:5", "b[0].c 4:6"));
}

std::string read(std::string_view text, bool note_places) {
  auto docs = parse_yaml(text, {.note_places = note_places});
  EXPECT_TRUE(docs) << text << "\n" << (docs ? "" : docs.error().message);
  return docs && docs->size() == 1 ? dump((*docs)[0].value) : "";
}

TEST(YamlJson, ACharacterInTwoHalves) {
  for (bool note : {false, true}) {
    EXPECT_EQ(read(R"({"a":"\ud83d\ude00!"})", note), "{\"a\":\"\xF0\x9F\x98\x80!\"}");
    EXPECT_EQ(read(" \n[\"\\uD834\\uDD1E\"]\n", note), "[\"\xF0\x9D\x84\x9E\"]");
  }
}

TEST(YamlJson, HalfACharacterIsRefused) {
  for (bool note : {false, true})
    for (auto text : {R"({"a":"\ud83d"})", R"({"a":"\ude00\ud83d"})", R"({"a":"\ud83dx"})"})
      EXPECT_FALSE(parse_yaml(text, {.note_places = note})) << text;
}

TEST(YamlJson, NumbersAndTextKeepTheirTypes) {
  EXPECT_EQ(read(R"({"a":"true","b":"1","c":"null","d":true,"e":1.5,"f":18446744073709551615,"g":"0x1F"})", false),
            R"({"a":"true","b":"1","c":"null","d":true,"e":1.5,"f":18446744073709551615,"g":"0x1F"})");
}

TEST(YamlJson, DuplicatesAreReported) {
  for (bool note : {false, true}) {
    auto docs = parse_yaml(R"({"a":1,"b":{"c":1,"c":2},"a":3})", {.note_places = note});
    ASSERT_TRUE(docs);
    EXPECT_THAT((*docs)[0].duplicates, ::testing::UnorderedElementsAre("b.c", "a"));
    EXPECT_EQ(num((*docs)[0].value, 0, "a"), 3);
  }
}

TEST(YamlJson, ManyDocuments) {
  auto docs = parse_yaml("{\"a\":1}\n---\n{\"b\":2}\n");
  ASSERT_TRUE(docs);
  ASSERT_THAT(*docs, SizeIs(2));
  EXPECT_EQ(dump((*docs)[1].value), R"({"b":2})");
}

TEST(YamlJson, LimitsHold) {
  EXPECT_FALSE(parse_yaml("[[[[1]]]]", {.depth_max = 3}));
  EXPECT_FALSE(parse_yaml(R"({"a":1,"b":2})", {.nodes_max = 4}));
  EXPECT_TRUE(parse_yaml(R"({"a":1,"b":2})", {.nodes_max = 5}));
  EXPECT_FALSE(parse_yaml(R"({"a":1})", {.bytes_max = 6}));
}

TEST(YamlJson, FlowStyleThatIsNoJsonIsStillYaml) {
  EXPECT_EQ(read("{a: 1, b: [v, w]}", false), R"({"a":1,"b":["v","w"]})");
  EXPECT_EQ(read("{\"a\":1} # with a comment", false), R"({"a":1})");
}

}  // namespace
}  // namespace sl::json

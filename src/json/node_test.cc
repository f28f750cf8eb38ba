#include "json/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::json {
namespace {

using test::kept;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(std::string_view text) {
  Document document;
  auto node = document.read(text);
  return node ? "read" : node.error().message;
}

TEST(Node, ReadsEveryKind) {
  auto& v = kept(R"( {"s":"a","n":-1.5e2,"i":7,"t":true,"f":false,"z":null,"l":[1,[],{}],"o":{"k":"v"}} )");
  EXPECT_EQ(v.kind(), Node::Kind::Object);
  EXPECT_EQ(v.size(), 8u);
  EXPECT_EQ(str(v, "s"), "a");
  EXPECT_EQ(find(v, "n")->number(), -150);
  EXPECT_FALSE(find(v, "n")->integer());
  EXPECT_EQ(find(v, "i")->integer(), 7);
  EXPECT_TRUE(find(v, "t")->is_true() && find(v, "t")->is_bool());
  EXPECT_TRUE(!find(v, "f")->is_true() && find(v, "f")->is_bool());
  EXPECT_TRUE(find(v, "z")->is_null());
  EXPECT_EQ(arr(v, "l")->size(), 3u);
  EXPECT_EQ(str(v, "o", "k"), "v");
  EXPECT_EQ(find(v, "o", "k", "deeper"), nullptr);
  EXPECT_EQ(find(v, "missing"), nullptr);
  EXPECT_EQ(str(v, "i"), "");
  EXPECT_EQ(arr(v, "o"), nullptr);
}

TEST(Node, KnowsHowItWasWritten) {
  auto& v = kept(R"({"a" : { "n": 12345678901234567890.10 } , "b":[ 1 ,2], "c":"x\ny" })");
  EXPECT_EQ(find(v, "a")->text(), R"({ "n": 12345678901234567890.10 })");
  EXPECT_EQ(find(v, "a", "n")->text(), "12345678901234567890.10");
  EXPECT_EQ(find(v, "b")->text(), "[ 1 ,2]");
  EXPECT_EQ(find(v, "c")->text(), R"("x\ny")");
  std::vector<std::string> keys;
  for (auto& member : v) keys.emplace_back(member.key());
  EXPECT_THAT(keys, ElementsAre("a", "b", "c"));
}

TEST(Node, StringsLoseTheirEscapes) {
  auto& v =
      kept(R"(["\"\\\/\b\f\n\r\t", "\u0041\u00e9\u20ac\ud83d\ude00", "é😀", "", "a\u0000b", {"\u006bey\n":"v"}])");
  std::vector<std::string> texts;
  for (auto& item : v) texts.emplace_back(item.string());
  EXPECT_THAT(texts, ElementsAre("\"\\/\b\f\n\r\t", "Aé€😀", "é😀", "", std::string("a\0b", 3), ""));
  for (auto& item : v)
    if (item.is_object()) EXPECT_EQ(str(item, "key\n"), "v");
}

TEST(Node, ARepeatedKeyTheLastCounts) {
  auto& v = kept(R"({"a":{"x":1},"b":2,"a":{"x":3}})");
  EXPECT_EQ(num(v, 0, "a", "x"), 3);
}

TEST(Node, Numbers) {
  EXPECT_EQ(num(kept(R"({"n":9223372036854775807})"), 0, "n"), INT64_MAX);
  EXPECT_EQ(num(kept(R"({"n":9223372036854775808})"), 0, "n"), INT64_MAX);
  EXPECT_EQ(num(kept(R"({"n":-1e300})"), 0, "n"), INT64_MIN);
  EXPECT_EQ(num(kept(R"({"n":3.0})"), 0, "n"), 3);
  EXPECT_EQ(num(kept(R"({"n":"3"})"), 5, "n"), 5);
  EXPECT_TRUE(std::isinf(kept("1e999").number()));
  EXPECT_EQ(kept("1e-999").number(), 0);
  EXPECT_EQ(kept("0." + std::string(400, '0') + "1").number(), 0);
  EXPECT_EQ(kept("\"1\"").number(), 0);
  EXPECT_EQ(kind_name(kept("-0")), "integer");
  EXPECT_EQ(kind_name(kept("1e2")), "number");
  EXPECT_EQ(kind_name(kept("[]")), "array");
}

TEST(Node, RefusesWhatIsNotJson) {
  for (auto text : {"",
                    " ",
                    "{",
                    "[",
                    "[1,]",
                    "{\"a\":1,}",
                    "{\"a\"}",
                    "{a:1}",
                    "01",
                    "-",
                    "1.",
                    ".5",
                    "1e",
                    "+1",
                    "tru",
                    "nul",
                    "\"a",
                    "\"\\x\"",
                    "\"\\u12\"",
                    "\"\\ud800\"",
                    "\"\\ud800\\u0041\"",
                    "\"\\udc00\"",
                    "\"\x01\"",
                    "\"\xff\"",
                    "\"\xc0\x80\"",
                    "\"\xed\xa0\x80\"",
                    "\"\\n\xff\"",
                    "[1] 2",
                    "[1}",
                    "{\"a\":1]",
                    "NaN",
                    "'a'",
                    "[1 2]"})
    EXPECT_THAT(error_of(text), HasSubstr("invalid JSON at line 1 column ")) << text;
}

TEST(Node, AnErrorSaysWhere) {
  EXPECT_THAT(error_of("{\n \"a\": 1,\n \"b\" 2}"), HasSubstr("invalid JSON at line 3 column"));
}

TEST(Node, Limits) {
  EXPECT_EQ(error_of(std::string(100, '[') + std::string(100, ']')), "read");
  EXPECT_THAT(error_of(std::string(101, '[') + std::string(101, ']')), HasSubstr("invalid JSON"));
  EXPECT_THAT(error_of(std::string(200'000, '[')), HasSubstr("invalid JSON"));
  EXPECT_THAT(error_of(std::string((16u << 20) + 1, ' ')), HasSubstr("over the limit"));
  std::string many = "[";
  for (int i = 0; i < 1'000'001; ++i) many += "1,";
  many.back() = ']';
  EXPECT_THAT(error_of(many), HasSubstr("a million values"));
}

// Every cut of a text is refused: nothing is read past the end.
TEST(Node, NoPartOfATextIsRead) {
  std::string_view text = R"({"a":["é\u00e9\ud83d\ude00",true,-1.5e+3,null,{"b":"0123456789abcdef0123456789"}]})";
  EXPECT_EQ(error_of(text), "read");
  for (size_t n = 0; n < text.size(); ++n) {
    std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(n));  // ASan sees a byte too far
    EXPECT_THAT(error_of({exact.data(), n}), HasSubstr("invalid JSON")) << n;
  }
}

TEST(SetMember, ReplacesTheLastOrAddsAtTheEnd) {
  EXPECT_EQ(set_member(R"({"a":1, "b" : [2]})", "b", "3"), R"({"a":1, "b" : 3})");
  EXPECT_EQ(set_member(R"({"a":1,"a":2})", "a", "3"), R"({"a":1,"a":3})");
  EXPECT_EQ(set_member("{ }", "a\"", "{}"), R"({"a\"":{}})");
  EXPECT_EQ(set_member(R"({"a":1 } )", "b", "2"), R"({"a":1,"b":2})");
}

TEST(SetMember, SaysWhenItCannot) {
  EXPECT_FALSE(set_member("[1]", "a", "1"));
  EXPECT_FALSE(set_member("{", "a", "1"));
  auto large = set_member("{\"a\":\"" + std::string(16u << 20, 'x') + "\"}", "a", "1");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::TooLarge);
}

TEST(Node, ManyValuesKeepTheirOrder) {
  std::string text = "[";
  for (int i = 0; i < 5'000; ++i) text += std::to_string(i) + ",";
  text.back() = ']';
  int64_t next = 0;
  for (auto& item : kept(text)) EXPECT_EQ(item.integer(), next++);
  EXPECT_EQ(next, 5'000);
}

}  // namespace
}  // namespace sl::json

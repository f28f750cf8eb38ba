#include "json/patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/test_kit.h"

namespace sl::json {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using json::test::must;

std::string merged(std::string_view target, std::string_view patch) {
  Value v = must(target);
  merge_patch(v, must(patch));
  return dump(v);
}

std::string patched(std::string_view target, std::string_view patch) {
  auto v = json_patch(must(target), must(patch));
  return v ? dump(*v) : std::string(code_name(v.error().code)) + ": " + v.error().message;
}

TEST(ThreeWayPatch, BringsWhatIsNewAndTakesAwayWhatOnlyTheOriginalHeld) {
  auto made = [](std::string_view original, std::string_view modified) {
    return dump(three_way_patch(must(original), must(modified)));
  };
  EXPECT_EQ(made(R"({"a":1,"b":{"c":1,"d":[1]},"e":{}})", R"({"b":{"d":[2],"f":3}})"),
            R"({"b":{"d":[2],"f":3,"c":null},"a":null,"e":null})");
  EXPECT_EQ(made(R"({"a":1})", R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(made(R"({"a":1})", R"({"a":{"b":1}})"), R"({"a":{"b":1}})");
  EXPECT_EQ(made(R"({"a":{"b":1}})", R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(made("7", R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(made(R"({"a":1})", "[]"), "[]");
}

TEST(MergePatch, AppendixAOfTheRfc) {
  const char* cases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (auto& [target, patch, want] : cases) EXPECT_EQ(merged(target, patch), want) << patch;
}

TEST(MergePatch, KeepsTheOrderOfTheKeysThatStay) {
  EXPECT_EQ(merged(R"({"a":1,"b":2,"c":3,"d":4})", R"({"a":null})"), R"({"b":2,"c":3,"d":4})");
  EXPECT_EQ(merged(R"({"a":1,"b":2,"c":3})", R"({"c":9,"a":8})"), R"({"a":8,"b":2,"c":9})");
}

TEST(JsonPatch, AppendixAOfTheRfc) {
  EXPECT_EQ(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])"),
            R"({"foo":"bar","baz":"qux"})");
  EXPECT_EQ(patched(R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])"),
            R"({"foo":["bar","qux","baz"]})");
  EXPECT_EQ(patched(R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])"), R"({"foo":"bar"})");
  EXPECT_EQ(patched(R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])"),
            R"({"foo":["bar","baz"]})");
  EXPECT_EQ(patched(R"({"baz":"qux"})", R"([{"op":"replace","path":"/baz","value":"boo"}])"), R"({"baz":"boo"})");
  EXPECT_EQ(patched(R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
                    R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])"),
            R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})");
  EXPECT_EQ(patched(R"({"foo":["all","grass","cows","eat"]})", R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])"),
            R"({"foo":["all","cows","eat","grass"]})");
  EXPECT_EQ(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/child","value":{"grandchild":{}},"xyz":123}])"),
            R"({"foo":"bar","child":{"grandchild":{}}})");
  EXPECT_EQ(patched(R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc"]}])"),
            R"({"foo":["bar",["abc"]]})");
}

TEST(JsonPatch, AddReplacesMembersAndTheWholeDocument) {
  EXPECT_EQ(patched(R"({"a":1,"b":2})", R"([{"op":"add","path":"/a","value":null}])"), R"({"a":null,"b":2})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"add","path":"","value":[]}])"), "[]");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"replace","path":"","value":2}])"), "2");
  EXPECT_EQ(patched(R"([1,2])", R"([{"op":"add","path":"/2","value":3}])"), "[1,2,3]");
  EXPECT_EQ(patched(R"({})", R"([{"op":"add","path":"/","value":3}])"), R"({"":3})");
}

TEST(JsonPatch, CopyIsByValue) {
  EXPECT_EQ(patched(R"({"a":{"x":1}})", R"([{"op":"copy","from":"/a","path":"/b"},
                                            {"op":"replace","path":"/b/x","value":2}])"),
            R"({"a":{"x":1},"b":{"x":2}})");
  EXPECT_EQ(patched(R"([1,2])", R"([{"op":"copy","from":"/0","path":"/-"}])"), "[1,2,1]");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"copy","from":"","path":"/b"}])"), R"({"a":1,"b":{"a":1}})");
}

TEST(JsonPatch, PointersAreUnescapedInOrder) {
  Value doc = must(R"({"a/b":1,"m~n":2,"~1":3,"":4," ":5,"/":6})");
  const std::pair<const char*, int> cases[] = {{"/a~1b", 1}, {"/m~0n", 2}, {"/~01", 3},
                                               {"/", 4},     {"/ ", 5},    {"/~1", 6}};
  for (auto [path, want] : cases) {
    Value op = {{"op", "test"}, {"path", path}, {"value", want}};
    EXPECT_TRUE(json_patch(doc, Array{op})) << path;
  }
}

TEST(JsonPatch, RefusesMalformedPointers) {
  for (auto path : {"a", "a/b", "/~", "/~2", "/a~", "#/a"}) {
    Value op = {{"op", "add"}, {"path", path}, {"value", 1}};
    auto out = json_patch(must(R"({"a":{}})"), Array{op});
    EXPECT_FALSE(out) << path;
    if (out) continue;
    EXPECT_EQ(out.error().code, Code::InvalidArgument) << path;
    EXPECT_THAT(out.error().message, HasSubstr(path));
  }
}

TEST(JsonPatch, ArrayIndexesAreStrict) {
  for (auto path : {"/3", "/-1", "/01", "/00", "/1e0", "/+1", "/ 1", "/", "/x", "/18446744073709551616"}) {
    for (auto op : {"add", "replace", "test", "remove"}) {
      Value change = {{"op", op}, {"path", path}, {"value", 2}};
      auto out = json_patch(must("[1,2]"), Array{change});
      EXPECT_FALSE(out) << op << " " << path;
      if (out) continue;
      EXPECT_EQ(out.error().message, std::string("the path ") + path + " does not exist");
    }
  }
  EXPECT_THAT(patched("[1]", R"([{"op":"replace","path":"/-","value":2}])"), HasSubstr("not exist"));
  EXPECT_THAT(patched("[1]", R"([{"op":"remove","path":"/1"}])"), HasSubstr("not exist"));
}

TEST(JsonPatch, MissingPathsAreInvalid) {
  EXPECT_EQ(patched("{}", R"([{"op":"remove","path":"/a"}])"), "Invalid: the path /a does not exist");
  EXPECT_EQ(patched("{}", R"([{"op":"replace","path":"/a","value":1}])"), "Invalid: the path /a does not exist");
  EXPECT_EQ(patched("{}", R"([{"op":"add","path":"/a/b","value":1}])"), "Invalid: the path /a/b does not exist");
  EXPECT_EQ(patched(R"({"a":"text"})", R"([{"op":"add","path":"/a/b","value":1}])"),
            "Invalid: the path /a/b does not exist");
  EXPECT_EQ(patched("{}", R"([{"op":"copy","from":"/x","path":"/y"}])"), "Invalid: the path /x does not exist");
  EXPECT_EQ(patched("{}", R"([{"op":"test","path":"/x","value":null}])"), "Invalid: the path /x does not exist");
}

TEST(JsonPatch, TestComparesByValue) {
  EXPECT_EQ(patched(R"({"a":{"x":1,"y":[2]}})", R"([{"op":"test","path":"/a","value":{"y":[2.0],"x":1}}])"),
            R"({"a":{"x":1,"y":[2]}})");
  EXPECT_EQ(patched(R"({"a":"10"})", R"([{"op":"test","path":"/a","value":10}])"), "Invalid: testing value /a failed");
  EXPECT_THAT(patched(R"({"a":18446744073709551615})", R"([{"op":"test","path":"/a","value":18446744073709551614}])"),
              HasSubstr("failed"));
}

TEST(JsonPatch, IsAllOrNothing) {
  Value target = must(R"({"a":1})");
  auto out = json_patch(target, must(R"([{"op":"replace","path":"/a","value":2},
                                         {"op":"remove","path":"/a"},
                                         {"op":"test","path":"/b","value":1}])"));
  EXPECT_FALSE(out);
  EXPECT_EQ(dump(target), R"({"a":1})");
}

TEST(JsonPatch, MalformedOperationsAreNamed) {
  EXPECT_THAT(patched("{}", R"({"op":"add"})"), AllOf(HasSubstr("InvalidArgument"), HasSubstr("array")));
  EXPECT_THAT(patched("{}", "[1]"), HasSubstr("InvalidArgument"));
  EXPECT_THAT(patched("{}", R"([{"op":"add","value":1}])"), HasSubstr("needs \"path\""));
  EXPECT_THAT(patched("{}", R"([{"op":"add","path":"/a"}])"), HasSubstr("\"add\" needs \"value\""));
  EXPECT_THAT(patched("{}", R"([{"op":"test","path":""}])"), HasSubstr("\"test\" needs \"value\""));
  EXPECT_THAT(patched("{}", R"([{"path":"/a"}])"), HasSubstr("InvalidArgument"));
  EXPECT_EQ(patched("{}", R"([{"op":"spam","path":"/a","value":1}])"),
            "InvalidArgument: JSON patch operation \"spam\" is unknown");
}

// Taking a path that is not a string as "" would work on the whole document.
TEST(JsonPatch, PathsMustBeStrings) {
  for (auto op : {R"({"op":"replace","path":5,"value":1})", R"({"op":"add","path":null,"value":1})",
                  R"({"op":"copy","path":"/b","from":7})", R"({"op":"test","path":[],"value":{"a":1}})"})
    EXPECT_THAT(patched(R"({"a":1})", "[" + std::string(op) + "]"), HasSubstr("InvalidArgument")) << op;
}

TEST(JsonPatch, CopyAndMoveNeedFrom) {
  EXPECT_THAT(patched(R"({"a":1})", R"([{"op":"copy","path":"/b"}])"),
              AllOf(HasSubstr("InvalidArgument"), HasSubstr("from")));
  EXPECT_THAT(patched(R"({"a":1})", R"([{"op":"move","path":"/b"}])"),
              AllOf(HasSubstr("InvalidArgument"), HasSubstr("from")));
}

TEST(JsonPatch, MoveIntoItselfIsRefused) {
  EXPECT_EQ(patched(R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b/c"}])"),
            "InvalidArgument: cannot move /a into itself");
  EXPECT_EQ(patched(R"({"a":1,"ab":{}})", R"([{"op":"move","from":"/a","path":"/ab/c"}])"), R"({"ab":{"c":1}})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"move","from":"/a","path":"/a"}])"), R"({"a":1})");
}

TEST(JsonPatch, RemoveKeepsTheOrderOfTheKeysThatStay) {
  EXPECT_EQ(patched(R"({"a":1,"b":2,"c":3,"d":4})", R"([{"op":"remove","path":"/b"}])"), R"({"a":1,"c":3,"d":4})");
}

TEST(JsonPatch, LimitsOperations) {
  Array ops;
  for (int i = 0; i < 10'000; ++i) ops.push_back({{"op", "replace"}, {"path", "/n"}, {"value", i}});
  auto out = json_patch(must(R"({"n":0})"), ops);
  ASSERT_TRUE(out);
  EXPECT_EQ(dump(*out), R"({"n":9999})");
  ops.push_back(ops.front());
  out = json_patch(must(R"({"n":0})"), ops);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::TooLarge);
  EXPECT_THAT(out.error().message, HasSubstr("10000"));
}

// Each copy doubles the document: few operations must not make 64 MiB out of 1 KiB.
TEST(JsonPatch, LimitsGrowthByCopies) {
  Value target = {std::string(1024, 'x')};
  Array ops;
  for (int i = 0; i < 16; ++i) ops.push_back({{"op", "copy"}, {"from", ""}, {"path", "/-"}});
  auto out = json_patch(target, ops);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::TooLarge);
}

// Documents deeper than any parser takes would end the stack of whoever walks them.
TEST(JsonPatch, LimitsDepth) {
  Array ops;
  std::string deepest = "/a";
  for (int i = 0; i < 8; ++i) {
    ops.push_back({{"op", "copy"}, {"from", "/a"}, {"path", deepest + "/a"}});
    deepest += deepest;
  }
  auto out = json_patch(must(R"({"a":{}})"), ops);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::TooLarge);
}

}  // namespace
}  // namespace sl::json

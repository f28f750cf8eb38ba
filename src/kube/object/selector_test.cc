#include "kube/object/selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "json/test_kit.h"

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using json::test::must;

// An object with these labels, as the inside of a JSON object.
Value labelled(std::string_view labels) {
  return must(R"({"metadata":{"name":"o","labels":{)" + std::string(labels) + "}}}");
}

bool selects(std::string_view selector, std::string_view labels) {
  auto s = LabelSelector::parse(selector);
  EXPECT_TRUE(s) << selector << ": " << (s ? "" : s.error().message);
  return s && s->matches(labelled(labels));
}

TEST(LabelSelector, Equality) {
  for (auto text : {"a=x", "a==x", " a = x ", "a ==x"}) {
    EXPECT_TRUE(selects(text, R"("a":"x","b":"y")")) << text;
    EXPECT_FALSE(selects(text, R"("a":"y")")) << text;
    EXPECT_FALSE(selects(text, R"("b":"x")")) << text;
  }
  EXPECT_TRUE(selects("example.com/part-of=My_App.v1", R"("example.com/part-of":"My_App.v1")"));
}

TEST(LabelSelector, EqualToNothingNeedsTheLabel) {
  EXPECT_TRUE(selects("a=", R"("a":"")"));
  EXPECT_FALSE(selects("a=", R"("a":"x")"));
  EXPECT_FALSE(selects("a=", ""));
}

TEST(LabelSelector, InequalityHoldsWithoutTheLabel) {
  EXPECT_FALSE(selects("a!=x", R"("a":"x")"));
  EXPECT_TRUE(selects("a!=x", R"("a":"y")"));
  EXPECT_TRUE(selects("a!=x", ""));
  EXPECT_TRUE(selects("a notin (x,y)", ""));
  EXPECT_FALSE(selects("a notin (x,y)", R"("a":"y")"));
  EXPECT_TRUE(selects("a notin (x,y)", R"("a":"z")"));
}

TEST(LabelSelector, Sets) {
  for (auto text : {"a in (x,y)", "a in(x,y)", "a in ( x , y )"}) {
    EXPECT_TRUE(selects(text, R"("a":"y")")) << text;
    EXPECT_FALSE(selects(text, R"("a":"z")")) << text;
    EXPECT_FALSE(selects(text, "")) << text;
  }
}

TEST(LabelSelector, Existence) {
  EXPECT_TRUE(selects("a", R"("a":"")"));
  EXPECT_FALSE(selects("a", R"("b":"")"));
  EXPECT_TRUE(selects("!a", R"("b":"")"));
  EXPECT_FALSE(selects("!a", R"("a":"")"));
  EXPECT_TRUE(selects("in", R"("in":"x")"));
}

TEST(LabelSelector, EveryTermMustHold) {
  std::string_view text = "a=x, b in (1,2),!c,d";
  EXPECT_TRUE(selects(text, R"("a":"x","b":"2","d":"")"));
  EXPECT_FALSE(selects(text, R"("a":"x","b":"3","d":"")"));
  EXPECT_FALSE(selects(text, R"("a":"x","b":"2","c":"","d":"")"));
  EXPECT_FALSE(selects(text, R"("a":"x","b":"2")"));
  EXPECT_FALSE(selects("a=x,a=y", R"("a":"x")"));
}

TEST(LabelSelector, NothingSelectsEverything) {
  for (auto text : {"", "  "}) {
    auto s = LabelSelector::parse(text);
    ASSERT_TRUE(s);
    EXPECT_TRUE(s->empty());
    EXPECT_TRUE(s->matches(must(R"({"metadata":{"name":"o"}})")));
    EXPECT_TRUE(s->matches(must("{}")));
  }
  EXPECT_FALSE(LabelSelector::parse("a")->empty());
}

TEST(LabelSelector, RefusesWhatIsNoSelector) {
  for (auto text : {"=x",     "a=b,",      ",a",      "a,,b",     "x=a||y=b",   "x==a==b", "!x=a",
                    "x in (", "x in (a",   "x in a)", "x on (a)", "in (a)",     "a b",     "a=b c",
                    "!",      "a in (b))", "a=-x",    "a=x-",     "Ex.com/a=b", "/a=b",    "a/=b"})
    EXPECT_FALSE(LabelSelector::parse(text)) << text;
  std::string key(64, 'k');
  EXPECT_FALSE(LabelSelector::parse(key));
  EXPECT_FALSE(LabelSelector::parse("a=" + key));
  EXPECT_TRUE(LabelSelector::parse("a=" + key.substr(1)));
}

TEST(LabelSelector, ErrorsAreBadRequestsThatNameTheTerm) {
  auto s = LabelSelector::parse("ok=1,bad key=2");
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::InvalidArgument);
  EXPECT_THAT(s.error().message, AllOf(HasSubstr("unable to parse requirement"), HasSubstr("bad key")));
}

TEST(LabelSelector, FromAnObjectTakesLabelsAndExpressions) {
  auto s = LabelSelector::from_object(must(R"({"matchLabels":{"a":"x"},"matchExpressions":[
    {"key":"b","operator":"In","values":["1","2"]},{"key":"c","operator":"NotIn","values":["1"]},
    {"key":"d","operator":"Exists"},{"key":"e","operator":"DoesNotExist"}]})"));
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->matches(labelled(R"("a":"x","b":"1","d":"")")));
  EXPECT_FALSE(s->matches(labelled(R"("a":"y","b":"1","d":"")")));
  EXPECT_FALSE(s->matches(labelled(R"("a":"x","b":"3","d":"")")));
  EXPECT_FALSE(s->matches(labelled(R"("a":"x","b":"1","c":"1","d":"")")));
  EXPECT_FALSE(s->matches(labelled(R"("a":"x","b":"1")")));
  EXPECT_FALSE(s->matches(labelled(R"("a":"x","b":"1","d":"","e":"")")));
}

TEST(LabelSelector, AnEmptyObjectSelectsEverything) {
  auto s = LabelSelector::from_object(must("{}"));
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->empty());
  EXPECT_TRUE(s->matches(labelled("")));
}

TEST(LabelSelector, RefusesAnUnknownOperator) {
  for (auto op : {"Gt", "in", ""}) {
    auto s =
        LabelSelector::from_object(must(R"({"matchExpressions":[{"key":"a","operator":")" + std::string(op) + "\"}]}"));
    ASSERT_FALSE(s) << op;
    EXPECT_EQ(s.error().message, "\"" + std::string(op) + "\" is not a valid label selector operator");
  }
}

const std::vector<std::string> kOfPod = {"spec.nodeName", "status.phase", "spec.count"};

bool field_selects(std::string_view selector, std::string_view object) {
  auto s = FieldSelector::parse(selector, kOfPod);
  EXPECT_TRUE(s) << selector << ": " << (s ? "" : s.error().message);
  return s && s->matches(must(object));
}

TEST(FieldSelector, NameAndNamespaceOfEveryKind) {
  auto s = FieldSelector::parse("metadata.name=a,metadata.namespace!=n", {});
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->matches(must(R"({"metadata":{"name":"a","namespace":"m"}})")));
  EXPECT_FALSE(s->matches(must(R"({"metadata":{"name":"a","namespace":"n"}})")));
  EXPECT_FALSE(s->matches(must(R"({"metadata":{"name":"b","namespace":"m"}})")));
}

TEST(FieldSelector, FieldsOfTheKind) {
  std::string_view pod = R"({"metadata":{"name":"p"},"spec":{"nodeName":"n1","count":3},"status":{"phase":"Running"}})";
  EXPECT_TRUE(field_selects("status.phase=Running", pod));
  EXPECT_TRUE(field_selects("status.phase==Running,spec.nodeName=n1", pod));
  EXPECT_FALSE(field_selects("status.phase=Running,spec.nodeName=n2", pod));
  EXPECT_FALSE(field_selects("status.phase!=Running", pod));
  EXPECT_TRUE(field_selects("spec.count=3", pod));
}

TEST(FieldSelector, AMissingFieldIsEmpty) {
  EXPECT_TRUE(field_selects("spec.nodeName=", R"({"metadata":{"name":"p"},"spec":{}})"));
  EXPECT_TRUE(field_selects("spec.nodeName!=n1", R"({"metadata":{"name":"p"}})"));
  EXPECT_FALSE(field_selects("spec.nodeName!=", R"({"metadata":{"name":"p"}})"));
}

TEST(FieldSelector, NamesTheFieldThatItCannotSelectBy) {
  auto s = FieldSelector::parse("spec.image=x", kOfPod);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::InvalidArgument);
  EXPECT_EQ(s.error().message, "field label not supported: spec.image");
}

TEST(FieldSelector, RefusesWhatIsNoSelector) {
  for (auto text : {"metadata.name", "=x", "metadata.name=a,b"}) {
    auto s = FieldSelector::parse(text, {});
    ASSERT_FALSE(s) << text;
    EXPECT_EQ(s.error().code, Code::InvalidArgument);
    EXPECT_THAT(s.error().message, HasSubstr("invalid field selector: '" + std::string(text) + "'"));
  }
  EXPECT_TRUE(FieldSelector::parse("", {})->empty());
}

TEST(FieldSelector, TellsTheOneNameAskedFor) {
  EXPECT_EQ(FieldSelector::parse("metadata.namespace=n,metadata.name=a", {})->exact_name(), "a");
  EXPECT_EQ(FieldSelector::parse("metadata.name!=a", {})->exact_name(), "");
  EXPECT_EQ(FieldSelector::parse("metadata.namespace=n", {})->exact_name(), "");
}

}  // namespace
}  // namespace sl::kube

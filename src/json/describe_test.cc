#include "json/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/strings.h"
#include "json/test_kit.h"

namespace sl::json {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Port {
  std::string name;
  int32_t number = 0;
};
void describe(Fields<Port>& f) {
  f.doc("One port.");
  f.add("name", &Port::name).doc("Its name.").required().length(1, 63).pattern("^[a-z]+$");
  f.add("number", &Port::number).min(1).max(65535).format("int32");
}

struct Retry {
  int64_t attempts = 1;
  std::optional<std::string> backoff;
};
void describe(Fields<Retry>& f) {
  f.add("attempts", &Retry::attempts).doc("Tries in all.").min(1).max(10).defaults(1);
  f.add("backoff", &Retry::backoff);
}

struct Wide {
  int32_t small = 0;
  int64_t large = 0;
};
void describe(Fields<Wide>& f) {
  f.add("small", &Wide::small);
  f.add("large", &Wide::large);
}

struct Everything {
  bool on = false;
  double ratio = 0.5;
  std::vector<Port> ports;
  std::vector<std::string> hosts = {"initial"};
  std::map<std::string, std::string> labels;
  std::map<std::string, std::vector<int64_t>> lists;
  std::optional<Retry> retry;
  Value any;
  IntOrString target;
};
void describe(Fields<Everything>& f) {
  f.add("on", &Everything::on);
  f.add("ratio", &Everything::ratio);
  f.add("ports", &Everything::ports).list_map({"name"}).items(1, 16).patch_merge("name");
  f.add("hosts", &Everything::hosts).each_length(1, 253).list_set();
  f.add("labels", &Everything::labels).max_entries(8).map_atomic();
  f.add("lists", &Everything::lists);
  f.add("retry", &Everything::retry);
  f.add("any", &Everything::any);
  f.add("targetPort", &Everything::target);
}

using json::test::must;

template <class T>
std::string error_of(std::string_view text, std::string path = {}) {
  auto r = decode<T>(must(text), std::move(path));
  EXPECT_FALSE(r) << text;
  if (r) return "";
  EXPECT_EQ(r.error().code, Code::Invalid);
  return r.error().message;
}

constexpr std::string_view kFull =
    R"({"on":true,"ratio":2,"ports":[{"name":"http","number":80},{"name":"x","number":1}],)"
    R"("hosts":["a"],"labels":{"k":"v"},"lists":{"l":[1,2]},"retry":{"attempts":3,"backoff":"1s"},)"
    R"("any":{"free":[null]},"targetPort":"http"})";

TEST(Decode, ReadsEveryMemberType) {
  auto e = decode<Everything>(must(kFull));
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_TRUE(e->on);
  EXPECT_EQ(e->ratio, 2.0);
  ASSERT_EQ(e->ports.size(), 2u);
  EXPECT_EQ(e->ports[0].name, "http");
  EXPECT_EQ(e->ports[0].number, 80);
  EXPECT_THAT(e->hosts, ElementsAre("a"));
  EXPECT_EQ(e->labels.at("k"), "v");
  EXPECT_THAT(e->lists.at("l"), ElementsAre(1, 2));
  ASSERT_TRUE(e->retry);
  EXPECT_EQ(e->retry->attempts, 3);
  EXPECT_EQ(e->retry->backoff, "1s");
  EXPECT_EQ(dump(e->any), R"({"free":[null]})");
  EXPECT_EQ(dump(e->target.value), "\"http\"");
}

TEST(Decode, AbsentAndNullMembersKeepTheirInitialValue) {
  for (auto text : {"{}", R"({"ratio":null,"hosts":null,"retry":null,"on":null})"}) {
    auto e = decode<Everything>(must(text));
    ASSERT_TRUE(e) << e.error().message;
    EXPECT_EQ(e->ratio, 0.5);
    EXPECT_THAT(e->hosts, ElementsAre("initial"));
    EXPECT_FALSE(e->retry);
    EXPECT_FALSE(e->on);
  }
  EXPECT_EQ(decode<Retry>(must("{}"))->attempts, 1);
  EXPECT_THAT(decode<Everything>(must(R"({"hosts":[]})"))->hosts, IsEmpty());
}

TEST(Decode, TypeErrorsNamePathFoundAndAllowed) {
  EXPECT_EQ(error_of<Everything>(R"({"ports":[{"name":"a"},{"name":5}]})"),
            "ports[1].name: must be string, found integer 5");
  EXPECT_EQ(error_of<Everything>(R"({"on":"yes"})"), "on: must be boolean, found string \"yes\"");
  EXPECT_EQ(error_of<Everything>(R"({"ratio":"1"})"), "ratio: must be number, found string \"1\"");
  EXPECT_EQ(error_of<Everything>(R"({"ports":{}})"), "ports: must be array, found object {}");
  EXPECT_EQ(error_of<Everything>(R"({"labels":{"a":1}})"), "labels.a: must be string, found integer 1");
  EXPECT_EQ(error_of<Everything>(R"({"labels":[1]})"), "labels: must be object, found array [1]");
  EXPECT_EQ(error_of<Everything>(R"({"lists":{"l":[1,true]}})"), "lists.l[1]: must be integer, found boolean true");
  EXPECT_EQ(error_of<Everything>(R"({"retry":7})"), "retry: must be object, found integer 7");
  EXPECT_EQ(error_of<Everything>(R"({"retry":{"attempts":1.5}})"), "retry.attempts: must be integer, found number 1.5");
  EXPECT_EQ(error_of<Everything>(R"({"targetPort":true})"),
            "targetPort: must be integer or string, found boolean true");
  EXPECT_EQ(error_of<Port>("[]"), "must be object, found array []");
}

TEST(Decode, PathIsPutInFront) {
  EXPECT_THAT(error_of<Everything>(R"({"ports":[1]})", "spec.x"), HasSubstr("spec.x.ports[0]: "));
  EXPECT_THAT(error_of<Port>("{}", "spec.ports[3]"), HasSubstr("spec.ports[3]: \"name\""));
}

TEST(Decode, PathsComeBackAfterEachMember) {
  EXPECT_EQ(error_of<Everything>(R"({"retry":{"attempts":2},"lists":{"a":[1],"b":[]},"ports":[{"name":"a"}],"on":1})"),
            "on: must be boolean, found integer 1");
  EXPECT_EQ(error_of<Everything>(R"({"ports":[{"name":"a"},{"number":1}]})"), "ports[1]: \"name\" is required");
}

TEST(Decode, UnknownFieldsAreErrorsWithAHint) {
  EXPECT_THAT(error_of<Everything>(R"({"ports":[{"name":"a","nmber":1}]})"),
              AnyOf("ports[0]: unknown field \"nmber\"; did you mean \"number\"?",
                    "ports[0].nmber: unknown field \"nmber\"; did you mean \"number\"?"));
  EXPECT_THAT(error_of<Retry>(R"({"zzzzzz":1})"),
              HasSubstr("unknown field \"zzzzzz\"; allowed are: attempts, backoff"));
  EXPECT_THAT(error_of<Retry>(R"({"z":1})"), HasSubstr("allowed are: "));
  EXPECT_THAT(error_of<Retry>(R"({"backofff":1})"), HasSubstr("did you mean \"backoff\"?"));
  EXPECT_THAT(error_of<Retry>(R"({"Attempts":1})"), HasSubstr("did you mean \"attempts\"?"));
}

TEST(Decode, RequiredMembers) {
  EXPECT_EQ(error_of<Port>(R"({"number":1})"), "\"name\" is required");
  EXPECT_TRUE(decode<Port>(must(R"({"name":""})")));
  EXPECT_THAT(error_of<Port>(R"({"name":null})"), HasSubstr("name"));
}

TEST(Decode, IntegersHaveTheRangeOfTheirType) {
  auto both = [](std::string_view text) {
    auto w = decode<Wide>(must(text));
    EXPECT_TRUE(w) << text;
    return w ? std::pair(w->small, w->large) : std::pair(-1, int64_t{-1});
  };
  EXPECT_EQ(both(R"({"small":2147483647,"large":9223372036854775807})"), std::pair(INT32_MAX, INT64_MAX));
  EXPECT_EQ(both(R"({"small":-2147483648,"large":2.0})"), std::pair(INT32_MIN, int64_t{2}));
  EXPECT_EQ(error_of<Wide>(R"({"small":2147483648})"),
            "small: must be between -2147483648 and 2147483647, found 2147483648");
  EXPECT_THAT(error_of<Wide>(R"({"large":1e300})"), HasSubstr("large: "));
}

TEST(Decode, DeclaredLimitsHold) {
  EXPECT_EQ(error_of<Everything>(R"({"ports":[{"name":"a"},{"name":"b","number":0}]})"),
            "ports[1].number: must be at least 1, found 0");
  EXPECT_EQ(error_of<Retry>(R"({"attempts":11})"), "attempts: must be at most 10, found 11");
  EXPECT_TRUE(decode<Retry>(must(R"({"attempts":10})")));
}

TEST(Decode, IntegersOver64BitsAreOutOfRangeNotOfAnotherType) {
  EXPECT_THAT(error_of<Retry>(R"({"attempts":18446744073709551615})"),
              AllOf(HasSubstr("attempts: must be between"), HasSubstr("18446744073709551615")));
}

TEST(Decode, LongValuesAreCutInMessages) {
  std::string text = R"({"ports":")" + std::string(5000, 'x') + "\"}";
  EXPECT_THAT(error_of<Everything>(text), AllOf(HasSubstr("..."), ::testing::SizeIs(::testing::Lt(120u))));
  for (size_t shift = 0; shift < 3; ++shift) {
    std::string wide = std::string(shift, 'x');
    for (int i = 0; i < 40; ++i) wide += "\xE2\x82\xAC";
    EXPECT_TRUE(valid_utf8(error_of<Everything>(R"({"ports":")" + wide + "\"}"))) << shift;
  }
}

TEST(Encode, IsTheInverseOfDecode) {
  auto e = decode<Everything>(must(kFull));
  ASSERT_TRUE(e);
  EXPECT_EQ(dump(encode(*e)), kFull);
}

TEST(Encode, LeavesOutEmptyOptionalsListsAndMaps) {
  Everything e;
  e.hosts.clear();
  Value v = encode(e);
  for (auto name : {"ports", "hosts", "labels", "lists", "retry", "any", "targetPort"})
    EXPECT_EQ(find(v, name), nullptr) << name;
  EXPECT_EQ(dump(*find(v, "ratio")), "0.5");
  EXPECT_EQ(dump(encode(Retry{.attempts = 0})), R"({"attempts":0})");
}

struct Defaults {
  bool enabled = true;
  std::string mode = "strict";
};
void describe(Fields<Defaults>& f) {
  f.add("enabled", &Defaults::enabled);
  f.add("mode", &Defaults::mode);
}

TEST(Encode, KeepsFalseAndEmptyTextWhereTheInitialValueIsAnother) {
  Defaults off{.enabled = false, .mode = ""};
  auto back = decode<Defaults>(encode(off));
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->enabled);
  EXPECT_EQ(back->mode, "");
}

struct NeedsList {
  std::vector<std::string> items;
  std::string text;
};
void describe(Fields<NeedsList>& f) {
  f.add("items", &NeedsList::items).required();
  f.add("text", &NeedsList::text).required();
}

TEST(Encode, KeepsRequiredMembersThatAreEmpty) {
  auto in = decode<NeedsList>(must(R"({"items":[],"text":""})"));
  ASSERT_TRUE(in);
  auto back = decode<NeedsList>(encode(*in));
  EXPECT_TRUE(back) << back.error().message;
}

struct Open {
  int64_t known = 0;
};
void describe(Fields<Open>& f) {
  f.preserve_unknown();
  f.add("known", &Open::known);
}

TEST(Decode, PreserveUnknownLetsOtherFieldsPass) {
  auto o = decode<Open>(must(R"({"other":{"x":1},"known":4})"));
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(o->known, 4);
}

struct Named {
  std::string name;
};
void describe(Fields<Named>& f) {
  f.add("name", &Named::name);
}
struct Sized {
  std::string size;
};
void describe(Fields<Sized>& f) {
  f.add("size", &Sized::size);
}
struct One : Named {
  std::string extra;
};
void describe(Fields<One>& f) {
  f.include<Named>();
  f.add("extra", &One::extra);
}
struct Both : Named, Sized {};
void describe(Fields<Both>& f) {
  f.include<Named>();
  f.include<Sized>();
}

TEST(Include, PutsTheMembersOfABaseInPlace) {
  auto one = decode<One>(must(R"({"name":"n","extra":"e"})"));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->name, "n");
  EXPECT_EQ(one->extra, "e");
  EXPECT_EQ(dump(encode(*one)), R"({"name":"n","extra":"e"})");
}

TEST(Include, WorksForASecondBase) {
  auto both = decode<Both>(must(R"({"name":"n","size":"s"})"));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->name, "n");
  EXPECT_EQ(both->size, "s");
}

struct Limited {
  std::string mode;
  std::vector<std::string> verbs;
  Value free;
};
void describe(Fields<Limited>& f) {
  f.doc("Limits.");
  f.rule("mode needs verbs", [](const Value& self, const Value*) { return find(self, "verbs") != nullptr; }, "mode");
  f.add("mode", &Limited::mode).one_of({"a", "b"}).defaults("a");
  f.add("verbs", &Limited::verbs).each_one_of({"get", "put"}).rule("odd", [](const Value& v, const Value* old) {
    return old != nullptr || v.is_null();
  });
  f.add("free", &Limited::free).object();
}

TEST(SchemaOf, CarriesWordsAndLimits) {
  EXPECT_EQ(dump(to_openapi(schema_of<Port>())),
            R"({"description":"One port.","type":"object","properties":{)"
            R"("name":{"description":"Its name.","type":"string","minLength":1,"maxLength":63,)"
            R"("pattern":"^[a-z]+$"},)"
            R"("number":{"type":"integer","format":"int32","minimum":1,"maximum":65535}},)"
            R"("required":["name"]})");
  EXPECT_EQ(dump(to_openapi(schema_of<Limited>())),
            R"({"description":"Limits.","type":"object","properties":{)"
            R"("mode":{"type":"string","enum":["a","b"],"default":"a"},)"
            R"("verbs":{"type":"array","items":{"type":"string","enum":["get","put"]}},)"
            R"("free":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}})");
}

TEST(SchemaOf, CarriesKubernetesExtensions) {
  Value v = to_openapi(schema_of<Everything>());
  const Value* p = find(v, "properties");
  ASSERT_NE(p, nullptr);
  const Value& ports = p->at("ports");
  EXPECT_EQ(num(ports, 0, "minItems"), 1);
  EXPECT_EQ(num(ports, 0, "maxItems"), 16);
  EXPECT_EQ(str(ports, "x-kubernetes-list-type"), "map");
  EXPECT_EQ(dump(ports.at("x-kubernetes-list-map-keys")), R"(["name"])");
  EXPECT_EQ(str(ports, "x-kubernetes-patch-merge-key"), "name");
  EXPECT_EQ(str(ports, "x-kubernetes-patch-strategy"), "merge");
  EXPECT_EQ(dump(ports.at("items")), dump(to_openapi(schema_of<Port>())));
  EXPECT_EQ(dump(p->at("hosts")), R"({"type":"array","items":{"type":"string","minLength":1,"maxLength":253},)"
                                  R"("x-kubernetes-list-type":"set"})");
  EXPECT_EQ(dump(p->at("labels")), R"({"type":"object","maxProperties":8,"additionalProperties":{"type":"string"},)"
                                   R"("x-kubernetes-map-type":"atomic"})");
  EXPECT_EQ(dump(p->at("targetPort")), R"({"x-kubernetes-int-or-string":true})");
  EXPECT_EQ(dump(p->at("any")), R"({"x-kubernetes-preserve-unknown-fields":true})");
  EXPECT_EQ(str(*p, "ratio", "type"), "number");
}

TEST(SchemaOf, LimitsStayWithTheMember) {
  const Property* number = schema_of<Port>().property("number");
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(number->schema->maximum, 65535);
  EXPECT_FALSE(number->required);
  EXPECT_TRUE(schema_of<Port>().property("name")->required);
  EXPECT_EQ(schema_of<Port>().property("none"), nullptr);
  EXPECT_EQ(codec_of<std::string>().schema()->max_length, std::nullopt);
  EXPECT_EQ(schema_of<Everything>().property("retry")->schema->property("attempts")->schema->maximum, 10);
}

TEST(SchemaOf, CarriesRules) {
  const Schema& s = schema_of<Limited>();
  ASSERT_EQ(s.rules.size(), 1u);
  EXPECT_EQ(s.rules[0].message, "mode needs verbs");
  EXPECT_EQ(s.rules[0].field, "mode");
  EXPECT_EQ(s.rules[0].reason, "FieldValueInvalid");
  EXPECT_FALSE(s.rules[0].holds(must("{}"), nullptr));
  EXPECT_TRUE(s.rules[0].holds(must(R"({"verbs":1})"), nullptr));
  ASSERT_EQ(s.property("verbs")->schema->rules.size(), 1u);
  EXPECT_FALSE(s.property("verbs")->schema->rules[0].holds(1, nullptr));
}

}  // namespace
}  // namespace sl::json

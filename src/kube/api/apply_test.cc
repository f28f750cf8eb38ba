#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class Apply : public ApiTest {
 protected:
  static WriteOptions forced(std::string manager) {
    WriteOptions o = by(std::move(manager));
    o.force = true;
    return o;
  }
  void ok(const Result<WriteResult>& r) { ASSERT_TRUE(r) << r.error().message; }
};

TEST_F(Apply, CreatesWhatIsNotThere) {
  auto r = apply("w", R"({"size":3,"ports":[{"name":"a","port":1}],"tags":["t"]})", by("one"));
  ok(r);
  EXPECT_TRUE(r->created);
  EXPECT_EQ(generation_of(*r->object), 1);
  EXPECT_FALSE(uid_of(*r->object).empty());
  EXPECT_THAT(owners("w"),
              ElementsAre(R"(one Apply {"f:spec":{"f:ports":{"k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:port":{}}},)"
                          R"("f:size":{},"f:tags":{"v:\"t\"":{}}}})"));
}

TEST_F(Apply, NeedsTheNamespaceAndAValidObject) {
  auto r = api.patch(*widgets, "nowhere", "w", PatchKind::Apply, widget("w", R"({"size":1})"), by("one"));
  EXPECT_EQ(error_of(r), "NotFound: namespaces \"nowhere\" not found");
  EXPECT_THAT(error_of(apply("w", R"({"size":99})", by("one"))), StartsWith("Invalid: "));
  EXPECT_EQ(now("w"), nullptr);
}

TEST_F(Apply, AgainIsNoChange) {
  ok(apply("w", R"({"size":3})", by("one")));
  Value before = *now("w");
  auto r = apply("w", R"({"size":3})", by("one"));
  ok(r);
  EXPECT_FALSE(r->created);
  EXPECT_EQ(json::dump(*now("w")), json::dump(before));
  EXPECT_EQ(resource_version_of(before), store.version());
}

TEST_F(Apply, ChangesItsOwnFields) {
  ok(apply("w", R"({"size":3})", by("one")));
  ok(apply("w", R"({"size":4})", by("one")));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 4);
  EXPECT_EQ(generation_of(*now("w")), 2);
  EXPECT_THAT(owners("w"), SizeIs(1));
}

TEST_F(Apply, WhatIsNoLongerAppliedGoes) {
  ok(apply("w", R"({"size":3,"color":"blue","map":{"a":"1","b":"2"},"items":["x"],"tags":["s","t"],
    "ports":[{"name":"a","port":1},{"name":"b","port":2}]})",
           by("one")));
  ok(apply("w", R"({"size":3,"map":{"b":"2"},"tags":["t"],"ports":[{"name":"b"}]})", by("one")));
  EXPECT_TRUE(json::equal(must(spec("w")), must(R"({"size":3,"color":"red","map":{"b":"2"},"tags":["t"],
    "ports":[{"name":"b"}]})")))
      << spec("w");
}

TEST_F(Apply, AMapThatLosesItsLastMemberGoes) {
  ok(apply("w", R"({"size":3,"map":{"a":"1"}})", by("one")));
  ok(apply("w", R"({"size":3})", by("one")));
  EXPECT_THAT(spec("w"), Not(HasSubstr("map")));
}

TEST_F(Apply, WhatAnotherAlsoAppliesStays) {
  ok(apply("w", R"({"size":3,"map":{"a":"1","b":"2"},"ports":[{"name":"a","port":1}]})", by("one")));
  ok(apply("w", R"({"size":3,"map":{"a":"1"},"ports":[{"name":"a","port":1}]})", by("two")));
  ok(apply("w", R"({"size":3})", by("one")));
  EXPECT_THAT(spec("w"), AllOf(HasSubstr(R"("map":{"a":"1"})"), HasSubstr(R"("ports":[{"name":"a","port":1}])")));
  ok(apply("w", R"({"size":3})", by("two")));
  EXPECT_THAT(spec("w"), AllOf(Not(HasSubstr("map")), Not(HasSubstr("ports"))));
}

TEST_F(Apply, ADifferentValueOfAnotherIsAConflict) {
  ok(apply("w", R"({"size":3,"map":{"a":"1"}})", by("one")));
  auto r = apply("w", R"({"size":4,"map":{"a":"2"}})", by("two"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::Conflict);
  EXPECT_THAT(r.error().message, StartsWith("Apply failed with 2 conflicts: "));
  std::vector<std::string> fields;
  for (auto& c : r.error().causes) {
    EXPECT_EQ(c.reason, "FieldManagerConflict");
    EXPECT_EQ(c.message, "conflict with \"one\"");
    fields.push_back(c.field);
  }
  EXPECT_THAT(fields, UnorderedElementsAre(".spec.size", ".spec.map.a"));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 3);
  EXPECT_THAT(owners("w"), SizeIs(1));
}

TEST_F(Apply, AConflictWithAnUpdateNamesItsVersion) {
  created("w", R"({"size":3})", by("editor"));
  auto r = apply("w", R"({"size":4})", by("one"));
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().message,
              StartsWith("Apply failed with 1 conflict: conflict with \"editor\" using example.com/v1"));
  EXPECT_THAT(r.error().message, ::testing::EndsWith(": .spec.size"));
}

TEST_F(Apply, ItemsOfAMapListConflictByTheirKey) {
  ok(apply("w", R"({"size":3,"ports":[{"name":"a","port":1}]})", by("one")));
  auto r = apply("w", R"({"size":3,"ports":[{"name":"a","port":2}]})", by("two"));
  ASSERT_FALSE(r);
  ASSERT_THAT(r.error().causes, SizeIs(1));
  EXPECT_EQ(r.error().causes[0].field, R"(.spec.ports[name="a"].port)");
}

TEST_F(Apply, TheSameValueIsSharedWithoutConflict) {
  created("w", R"({"size":3})", by("editor"));
  ok(apply("w", R"({"size":3})", by("one")));
  EXPECT_THAT(owners("w"), UnorderedElementsAre(R"(one Apply {"f:spec":{"f:size":{}}})",
                                                R"(editor Update {"f:spec":{"f:color":{},"f:size":{}}})"));
}

TEST_F(Apply, ForceTakesOver) {
  ok(apply("w", R"({"size":3,"color":"blue"})", by("one")));
  ok(apply("w", R"({"size":4})", forced("two")));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 4);
  EXPECT_THAT(owners("w"),
              UnorderedElementsAre(R"(one Apply {"f:spec":{"f:color":{}}})", R"(two Apply {"f:spec":{"f:size":{}}})"));
  EXPECT_FALSE(apply("w", R"({"size":3,"color":"blue"})", by("one")));
}

TEST_F(Apply, ManagersShareAMapListByItem) {
  ok(apply("w", R"({"size":3,"ports":[{"name":"a","port":1}]})", by("one")));
  ok(apply("w", R"({"size":3,"ports":[{"name":"b","port":2}]})", by("two")));
  EXPECT_THAT(spec("w"), HasSubstr(R"("ports":[{"name":"a","port":1},{"name":"b","port":2}])"));
  ok(apply("w", R"({"size":3})", by("one")));
  EXPECT_THAT(spec("w"), HasSubstr(R"("ports":[{"name":"b","port":2}])"));
}

TEST_F(Apply, ManagersShareASetByValue) {
  ok(apply("w", R"({"size":3,"tags":["a","b"]})", by("one")));
  ok(apply("w", R"({"size":3,"tags":["b","c"]})", by("two")));
  EXPECT_THAT(spec("w"), HasSubstr(R"("tags":["a","b","c"])"));
  ok(apply("w", R"({"size":3})", by("one")));
  EXPECT_THAT(spec("w"), HasSubstr(R"("tags":["b","c"])"));
}

TEST_F(Apply, AtomicListsAndMapsAreOwnedWhole) {
  ok(apply("w", R"({"size":3,"items":["a"],"selector":{"x":"1"}})", by("one")));
  auto r = apply("w", R"({"size":3,"items":["b"],"selector":{"y":"1"}})", by("two"));
  ASSERT_FALSE(r);
  std::vector<std::string> fields;
  for (auto& c : r.error().causes) fields.push_back(c.field);
  EXPECT_THAT(fields, UnorderedElementsAre(".spec.items", ".spec.selector"));
  ok(apply("w", R"({"size":3,"items":["b"],"selector":{"y":"1"}})", forced("two")));
  EXPECT_THAT(spec("w"), AllOf(HasSubstr(R"("items":["b"])"), HasSubstr(R"("selector":{"y":"1"})")));
}

TEST_F(Apply, AnUpdateTakesTheFieldAway) {
  ok(apply("w", R"({"size":3,"color":"blue"})", by("one")));
  ok(merge("w", R"({"spec":{"size":5}})", by("editor")));
  EXPECT_THAT(owners("w"), UnorderedElementsAre(R"(one Apply {"f:spec":{"f:color":{}}})",
                                                R"(editor Update {"f:spec":{"f:size":{}}})"));
  auto r = apply("w", R"({"size":3,"color":"blue"})", by("one"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().causes[0].field, ".spec.size");
}

TEST_F(Apply, FieldsOfOthersStay) {
  created("w", R"({"size":3,"map":{"theirs":"1"}})", by("editor"));
  ok(apply("w", R"({"size":3,"map":{"mine":"2"}})", by("one")));
  ok(apply("w", R"({"size":3})", by("one")));
  EXPECT_THAT(spec("w"), HasSubstr(R"("map":{"theirs":"1"})"));
}

TEST_F(Apply, OfTheStatusIsOwnedApart) {
  ok(apply("w", R"({"size":3})", by("one")));
  Value config = must(R"({"metadata":{"name":"w"},"status":{"phase":"Ready",
    "conditions":[{"type":"A","status":"True"}]}})");
  ok(api.patch(*widgets, "n", "w", PatchKind::Apply, config, by("one", "status")));
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 3);
  EXPECT_EQ(generation_of(*now("w")), 1);
  EXPECT_THAT(owners("w"),
              UnorderedElementsAre(R"(one Apply {"f:spec":{"f:size":{}}})", StartsWith("one Apply status ")));
  ok(apply("w", R"({"size":4})", by("one")));
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
  ok(api.patch(*widgets, "n", "w", PatchKind::Apply,
               must(R"({"metadata":{"name":"w"},"status":{"conditions":[{"type":"B","status":"True"}]}})"),
               by("two", "status")));
  EXPECT_THAT(json::dump(*json::find(*now("w"), "status", "conditions")),
              AllOf(HasSubstr("\"A\""), HasSubstr("\"B\"")));
}

TEST_F(Apply, AStatusIsNotCreated) {
  auto r = api.patch(*widgets, "n", "w", PatchKind::Apply, widget("w", R"({"size":1})"), by("one", "status"));
  EXPECT_THAT(error_of(r), StartsWith("NotFound: "));
}

TEST_F(Apply, LabelsAreOwnedOneByOne) {
  Value config = must(R"({"metadata":{"name":"w","labels":{"a":"1","b":"2"}},"spec":{"size":1}})");
  ok(api.patch(*widgets, "n", "w", PatchKind::Apply, config, by("one")));
  EXPECT_THAT(owners("w"), Contains(HasSubstr(R"("f:metadata":{"f:labels":{"f:a":{},"f:b":{}}})")));
  ok(merge("w", R"({"metadata":{"labels":{"c":"3"}}})", by("editor")));
  metadata_of(config)["labels"] = json::Object{{"a", "1"}};
  ok(api.patch(*widgets, "n", "w", PatchKind::Apply, config, by("one")));
  EXPECT_EQ(json::dump(*json::find(*now("w"), "metadata", "labels")), R"({"a":"1","c":"3"})");
}

TEST_F(Apply, KubectlTakesOverWhatItAppliedBefore) {
  Value o = must(R"({"metadata":{"name":"w","annotations":{"kubectl.kubernetes.io/last-applied-configuration":
    "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"w\"},\"spec\":{\"size\":3}}"}},
    "spec":{"size":3,"color":"blue"}})");
  ok(api.create(*widgets, "n", o, by("kubectl-client-side-apply")));
  EXPECT_FALSE(apply("w", R"({"size":4})", by("other")));
  EXPECT_FALSE(apply("w", R"({"size":4,"color":"red"})", by("kubectl")));
  ok(apply("w", R"({"size":4})", by("kubectl")));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 4);
}

TEST_F(Apply, ADryRunChangesNothing) {
  ok(apply("w", R"({"size":3})", [] {
    WriteOptions o = by("one");
    o.dry_run = true;
    return o;
  }()));
  EXPECT_EQ(now("w"), nullptr);
}

TEST_F(Apply, ByAControllerNeverConflicts) {
  created("w", R"({"size":3})", by("editor"));
  auto r = api.apply(must(R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"n"},
    "spec":{"size":5}})"),
                     "controller");
  ok(r);
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 5);
  EXPECT_EQ(error_of(api.apply(must(R"({"apiVersion":"x.y/v1","kind":"Nothing","metadata":{"name":"w"}})"), "c")),
            "NotFound: no matches for kind \"Nothing\" in version \"x.y/v1\"");
}

TEST_F(Apply, WhatAnotherOwnsInsideAnItemKeepsTheItem) {
  ok(apply("w", R"({"size":1,"ports":[{"name":"a","port":1},{"name":"b","port":2}]})", by("one")));
  Value changed = *now("w");
  changed.at_pointer("/spec/ports/0").get_object()["extra"] = "mine";
  ASSERT_TRUE(api.update(*widgets, "n", "w", changed, by("two")));
  ok(apply("w", R"({"size":1})", by("one")));
  EXPECT_EQ(json::dump(*json::find(*now("w"), "spec", "ports")), R"([{"name":"a","extra":"mine"}])");
}

TEST_F(Apply, WhatAnotherOwnsInsideAMapKeepsTheMap) {
  ok(apply("w", R"({"size":1,"map":{}})", by("one")));
  ok(apply("w", R"({"size":1,"map":{"a":"1"}})", by("two")));
  ok(apply("w", R"({"size":1})", by("one")));
  EXPECT_EQ(json::dump(*json::find(*now("w"), "spec", "map")), R"({"a":"1"})");
}

TEST_F(Apply, AnotherShapeOfAnOwnedValueIsAConflict) {
  ok(apply("w", R"({"size":1,"free":{"x":{"y":1}}})", by("one")));
  EXPECT_THAT(error_of(apply("w", R"({"size":1,"free":{"x":5}})", by("two"))),
              AllOf(StartsWith("Conflict: "), HasSubstr(".spec.free.x.y")));
  ok(apply("w", R"({"size":1,"free":{"x":5}})", forced("two")));
  EXPECT_THAT(error_of(apply("w", R"({"size":1,"free":{"x":{"y":1}}})", by("one"))),
              AllOf(StartsWith("Conflict: "), HasSubstr(".spec.free.x")));
}

TEST_F(Apply, ClaimsOnlyWhatTheEndpointWrites) {
  Value with_status = widget("w", R"({"size":1})");
  with_status.get_object()["status"] = must(R"({"phase":"x"})");
  ASSERT_TRUE(api.patch(*widgets, "n", "w", PatchKind::Apply, with_status, by("one")));
  EXPECT_THAT(owners("w"), ElementsAre(R"(one Apply {"f:spec":{"f:size":{}}})"));
  Value with_spec = widget("w", R"({"size":2})");
  with_spec.get_object()["status"] = must(R"({"phase":"x"})");
  ASSERT_TRUE(api.patch(*widgets, "n", "w", PatchKind::Apply, with_spec, by("two", "status")));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 1);
  EXPECT_THAT(owners("w"), Contains(R"(two Apply status {"f:status":{"f:phase":{}}})"));
}

TEST_F(Apply, AnOldVersionIsRefused) {
  ok(apply("w", R"({"size":1})", by("one")));
  Value old = widget("w", R"({"size":2})");
  metadata_of(old)["resourceVersion"] = json::str(*now("w"), "metadata", "resourceVersion");
  ok(apply("w", R"({"size":3})", by("one")));
  EXPECT_THAT(error_of(api.patch(*widgets, "n", "w", PatchKind::Apply, old, by("one"))), StartsWith("Conflict: "));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 3);
}

}  // namespace
}  // namespace sl::kube

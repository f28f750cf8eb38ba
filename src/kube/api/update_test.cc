#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Update : public ApiTest {
 protected:
  Result<WriteResult> put(const Value& object, const WriteOptions& o = {}) {
    return api.update(*widgets, "n", std::string(name_of(object)), object, o);
  }
  Value copy(std::string_view name) { return *now(name); }
};

TEST_F(Update, NeedsTheVersionThatItChanges) {
  created("w");
  Value o = copy("w");
  metadata_of(o).erase("resourceVersion");
  EXPECT_EQ(error_of(put(o)),
            "Invalid: Widget.example.com \"w\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be "
            "specified for an update");
}

TEST_F(Update, ACoreKindNeedsNone) {
  ASSERT_TRUE(api.create(*configs, "n", must(R"({"metadata":{"name":"c"},"data":{"a":"1"}})"), {}));
  auto r = api.update(*configs, "n", "c", must(R"({"metadata":{"name":"c"},"data":{"a":"2"}})"), {});
  ASSERT_TRUE(r);
  EXPECT_EQ(json::str(*r->object, "data", "a"), "2");
}

TEST_F(Update, LosesAgainstAnotherWriter) {
  created("w");
  Value mine = copy("w"), other = copy("w");
  other.at("spec").get_object()["size"] = 2;
  mine.at("spec").get_object()["size"] = 3;
  ASSERT_TRUE(put(other));
  EXPECT_EQ(
      error_of(put(mine)),
      "Conflict: Operation cannot be fulfilled on widgets.example.com \"w\": the object has been modified; please "
      "apply your changes to the latest version and try again");
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 2);
}

TEST_F(Update, OnlyWhatIsThere) {
  EXPECT_EQ(error_of(put(widget("w", R"({"size":1})"))), "NotFound: widgets.example.com \"w\" not found");
}

TEST_F(Update, OnlyUnderItsOwnNameAndIdentity) {
  created("w");
  EXPECT_THAT(error_of(api.update(*widgets, "n", "v", copy("w"), {})),
              StartsWith("InvalidArgument: the name of the object (w) does not match the name on the URL (v)"));
  Value o = copy("w");
  metadata_of(o)["uid"] = "another";
  EXPECT_THAT(error_of(put(o)), StartsWith("Conflict: "));
}

TEST_F(Update, KeepsWhatOnlyTheServerSets) {
  auto first = created("w");
  Value o = copy("w");
  for (auto key : {"uid", "creationTimestamp", "generation"}) metadata_of(o).erase(key);
  metadata_of(o)["creationTimestamp"] = "2001-01-01T00:00:00Z";
  metadata_of(o)["generation"] = 99;
  metadata_of(o)["deletionTimestamp"] = "2001-01-01T00:00:00Z";
  metadata_of(o)["labels"] = json::Object{{"a", "x"}};
  auto r = put(o);
  ASSERT_TRUE(r);
  EXPECT_EQ(uid_of(*r->object), uid_of(*first));
  EXPECT_EQ(json::str(*r->object, "metadata", "creationTimestamp"), json::str(*first, "metadata", "creationTimestamp"));
  EXPECT_EQ(generation_of(*r->object), 1);
  EXPECT_FALSE(being_deleted(*r->object));
}

TEST_F(Update, TheGenerationCountsChangesOfTheSpec) {
  created("w");
  Value o = copy("w");
  metadata_of(o)["labels"] = json::Object{{"a", "x"}};
  EXPECT_EQ(generation_of(*put(o)->object), 1);
  o = copy("w");
  o.at("spec").get_object()["size"] = 2;
  EXPECT_EQ(generation_of(*put(o)->object), 2);
  ASSERT_TRUE(merge("w", R"({"status":{"phase":"x"}})", by("me", "status")));
  EXPECT_EQ(generation_of(*now("w")), 2);
  ASSERT_TRUE(merge("w", R"({"spec":{"size":3}})"));
  EXPECT_EQ(generation_of(*now("w")), 3);
}

TEST_F(Update, WithoutAStatusSubresourceTheStatusCountsToo) {
  ResourceType t = widget_type();
  t.status = false;
  registry.add(t);
  widgets = registry.find("example.com", "widgets");
  auto r = api.create(*widgets, "n", must(R"({"metadata":{"name":"w"},"spec":{"size":1},"status":{"phase":"a"}})"), {});
  ASSERT_TRUE(r);
  EXPECT_EQ(json::str(*r->object, "status", "phase"), "a");
  ASSERT_TRUE(merge("w", R"({"status":{"phase":"b"}})"));
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "b");
  EXPECT_EQ(generation_of(*now("w")), 2);
}

TEST_F(Update, AWriteOfTheObjectLeavesItsStatus) {
  created("w");
  ASSERT_TRUE(merge("w", R"({"status":{"phase":"Ready"}})", by("me", "status")));
  Value o = copy("w");
  o.get_object()["status"] = json::Object{{"phase", "Forged"}};
  o.at("spec").get_object()["size"] = 2;
  ASSERT_TRUE(put(o));
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 2);
  o = copy("w");
  o.get_object().erase("status");
  ASSERT_TRUE(put(o));
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
}

TEST_F(Update, AWriteOfTheStatusLeavesTheObject) {
  created("w");
  Value o = copy("w");
  o.get_object()["status"] = json::Object{{"phase", "Ready"}};
  o.at("spec").get_object()["size"] = 9;
  metadata_of(o)["labels"] = json::Object{{"a", "x"}};
  auto r = put(o, by("me", "status"));
  ASSERT_TRUE(r);
  EXPECT_EQ(json::str(*r->object, "status", "phase"), "Ready");
  EXPECT_EQ(json::num(*r->object, 0, "spec", "size"), 1);
  EXPECT_EQ(label_of(*r->object, "a"), "");
  EXPECT_THAT(owners("w"), ::testing::Contains(R"(me Update status {"f:status":{"f:phase":{}}})"));
}

TEST_F(Update, AStatusIsValidatedToo) {
  created("w");
  EXPECT_THAT(error_of(merge("w", R"({"status":{"phase":5}})", by("me", "status"))),
              HasSubstr("status.phase in body must be of type string"));
}

TEST_F(Update, NothingNewIsNoChange) {
  created("w");
  int64_t version = store.version();
  int events = 0;
  ASSERT_TRUE(store.watch("", version, [&](const Change&) { ++events; }));
  auto r = put(copy("w"));
  ASSERT_TRUE(r);
  EXPECT_EQ(resource_version_of(*r->object), version);
  EXPECT_EQ(store.version(), version);
  EXPECT_EQ(events, 0);
}

TEST_F(Update, WhatChangesMovesToTheWriter) {
  created("w", R"({"size":1})", by("first"));
  Value o = copy("w");
  o.at("spec").get_object()["size"] = 2;
  ASSERT_TRUE(put(o, by("second")));
  EXPECT_THAT(owners("w"), ::testing::UnorderedElementsAre(R"(first Update {"f:spec":{"f:color":{}}})",
                                                           R"(second Update {"f:spec":{"f:size":{}}})"));
}

TEST_F(Update, WhatIsRemovedBelongsToNobody) {
  created("w", R"({"size":1,"map":{"a":"1","b":"2"}})", by("first"));
  ASSERT_TRUE(merge("w", R"({"spec":{"map":{"a":null}}})", by("second")));
  EXPECT_THAT(owners("w"), ElementsAre(R"(first Update {"f:spec":{"f:color":{},"f:map":{"f:b":{}},"f:size":{}}})"));
}

TEST_F(Update, ADryRunChangesNothing) {
  created("w");
  Value o = copy("w");
  o.at("spec").get_object()["size"] = 2;
  auto r = put(o, dry());
  ASSERT_TRUE(r);
  EXPECT_EQ(json::num(*r->object, 0, "spec", "size"), 2);
  EXPECT_EQ(generation_of(*r->object), 2);
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 1);
}

TEST_F(Update, TheLastFinalizerLetsADeletedObjectGo) {
  created_with("w", R"("finalizers":["a/x","a/y"])");
  ASSERT_TRUE(api.remove(*widgets, "n", "w", {}));
  std::vector<Change::Type> events;
  ASSERT_TRUE(store.watch("widgets.example.com", store.version(), [&](const Change& c) { events.push_back(c.type); }));
  Value o = copy("w");
  metadata_of(o)["finalizers"] = json::Array{"a/x"};
  ASSERT_TRUE(put(o));
  ASSERT_NE(now("w"), nullptr);
  ASSERT_TRUE(merge("w", R"({"metadata":{"finalizers":null}})"));
  EXPECT_EQ(now("w"), nullptr);
  EXPECT_THAT(events, ElementsAre(Change::Type::Modified, Change::Type::Deleted));
}

TEST_F(Update, NoNewFinalizersWhileDeleted) {
  created_with("w", R"("finalizers":["a/x"])");
  ASSERT_TRUE(api.remove(*widgets, "n", "w", {}));
  auto r = merge("w", R"({"metadata":{"finalizers":["a/x","a/y"]}})");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::Invalid);
  EXPECT_THAT(r.error().message, HasSubstr("metadata.finalizers: Forbidden: no new finalizers can be added"));
}

TEST_F(Update, SetStatusWritesOnlyChanges) {
  created("w");
  ASSERT_TRUE(api.set_status(*widgets, "n", "w", must(R"({"phase":"Ready"})"), "controller"));
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
  EXPECT_EQ(generation_of(*now("w")), 1);
  int64_t version = store.version();
  ASSERT_TRUE(api.set_status(*widgets, "n", "w", must(R"({"phase":"Ready"})"), "controller"));
  EXPECT_EQ(store.version(), version);
  ASSERT_TRUE(api.set_status(*widgets, "n", "gone", must("{}"), "controller"));
  EXPECT_EQ(store.version(), version);
  auto stale = api.set_status(*widgets, "n", "w", must(R"({"phase":"Old"})"), "controller", "1");
  ASSERT_TRUE(stale);
  EXPECT_FALSE(*stale);
  auto now = store.get(widgets->key(), {"n", "w"});
  EXPECT_EQ(json::str(*now, "status", "phase"), "Ready");
  auto fresh = api.set_status(*widgets, "n", "w", must(R"({"phase":"New"})"), "controller",
                              std::string(json::str(*now, "metadata", "resourceVersion")));
  ASSERT_TRUE(fresh);
  EXPECT_TRUE(*fresh);
}

}  // namespace
}  // namespace sl::kube

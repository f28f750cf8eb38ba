#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Patch : public ApiTest {
 protected:
  Result<WriteResult> json_patch(std::string_view name, std::string_view patch, const WriteOptions& o = {}) {
    return api.patch(*widgets, "n", std::string(name), PatchKind::Json, must(patch), o);
  }
};

TEST_F(Patch, MergesAndDeletes) {
  created("w", R"({"size":1,"color":"blue","items":["a","b"],"map":{"x":"1","y":"2"}})");
  ASSERT_TRUE(merge("w", R"({"spec":{"size":2,"items":["c"],"map":{"x":null,"z":"3"}}})"));
  EXPECT_TRUE(json::equal(must(spec("w")), must(R"({"size":2,"color":"blue","items":["c"],"map":{"y":"2","z":"3"}})")));
}

TEST_F(Patch, ADeletedDefaultComesBack) {
  created("w", R"({"size":1,"color":"blue"})");
  ASSERT_TRUE(merge("w", R"({"spec":{"color":null}})"));
  EXPECT_EQ(json::str(*now("w"), "spec", "color"), "red");
}

TEST_F(Patch, AMergedListIsReplacedWhateverItsKind) {
  created("w", R"({"size":1,"ports":[{"name":"a","port":1},{"name":"b","port":2}],"tags":["x"]})");
  ASSERT_TRUE(merge("w", R"({"spec":{"ports":[{"name":"c"}],"tags":["y"]}})"));
  EXPECT_THAT(spec("w"), AllOf(HasSubstr(R"("ports":[{"name":"c"}])"), HasSubstr(R"("tags":["y"])")));
}

TEST_F(Patch, OfWhatIsNotThere) {
  EXPECT_EQ(error_of(merge("w", "{}")), "NotFound: widgets.example.com \"w\" not found");
}

TEST_F(Patch, AVersionInItIsACondition) {
  created("w");
  std::string version(json::str(*now("w"), "metadata", "resourceVersion"));
  auto with = [&](const std::string& v, int size) {
    return merge("w",
                 R"({"metadata":{"resourceVersion":")" + v + R"("},"spec":{"size":)" + std::to_string(size) + "}}");
  };
  ASSERT_TRUE(with(version, 2));
  EXPECT_THAT(error_of(with(version, 3)),
              AllOf(StartsWith("Conflict: Operation cannot be fulfilled on widgets.example.com \"w\": "),
                    HasSubstr("the object has been modified")));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 2);
}

TEST_F(Patch, ThatChangesNothingKeepsTheVersion) {
  created("w");
  int64_t version = store.version();
  ASSERT_TRUE(merge("w", R"({"spec":{"size":1}})", by("another")));
  ASSERT_TRUE(merge("w", "{}"));
  EXPECT_EQ(store.version(), version);
}

TEST_F(Patch, CannotBreakTheRules) {
  created("w");
  EXPECT_THAT(error_of(merge("w", R"({"spec":{"size":11}})")),
              StartsWith("Invalid: Widget.example.com \"w\" is invalid"));
  EXPECT_THAT(error_of(merge("w", R"({"spec":null})")), StartsWith("no error"));
  EXPECT_FALSE(merge("w", R"({"spec":{}})"));
}

TEST_F(Patch, MustLeaveAnObject) {
  created("w");
  for (auto patch : {"[]", "5", "null"}) EXPECT_FALSE(merge("w", patch)) << patch;
  EXPECT_FALSE(json_patch("w", R"([{"op":"replace","path":"","value":3}])"));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 1);
}

TEST_F(Patch, CannotChangeWhatTheServerSets) {
  auto before = created("w");
  ASSERT_TRUE(merge("w", R"({"metadata":{"generation":50,"creationTimestamp":null},"spec":{"size":2}})"));
  auto after = now("w");
  EXPECT_EQ(generation_of(*after), 2);
  EXPECT_EQ(json::str(*after, "metadata", "creationTimestamp"), json::str(*before, "metadata", "creationTimestamp"));
}

TEST_F(Patch, CannotMakeAnotherObjectOfIt) {
  created("w");
  for (auto patch : {R"({"apiVersion":"x/v9"})", R"({"kind":"Other"})", R"({"metadata":{"name":"v"}})",
                     R"({"metadata":{"namespace":"elsewhere"}})"}) {
    auto r = merge("w", patch);
    ASSERT_FALSE(r) << patch;
    EXPECT_EQ(r.error().code, Code::InvalidArgument) << patch;
  }
  auto r = merge("w", R"({"metadata":{"uid":"u"}})");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::Conflict);
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 1);
}

TEST_F(Patch, OfTheStatusTouchesNothingElse) {
  created("w");
  ASSERT_TRUE(merge("w", R"({"spec":{"size":5},"status":{"phase":"Ready"}})", by("me", "status")));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 1);
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
  ASSERT_TRUE(merge("w", R"({"spec":{"size":5},"status":{"phase":"Forged"}})"));
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 5);
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
}

TEST_F(Patch, JsonPatchIsAllOrNothing) {
  created("w", R"({"size":1,"items":["a"]})");
  ASSERT_TRUE(
      json_patch("w", R"([{"op":"test","path":"/spec/size","value":1},{"op":"replace","path":"/spec/size","value":2},
    {"op":"add","path":"/spec/items/-","value":"b"}])"));
  EXPECT_THAT(spec("w"), AllOf(HasSubstr(R"("size":2)"), HasSubstr(R"("items":["a","b"])")));
  for (auto bad : {R"([{"op":"replace","path":"/spec/size","value":9},{"op":"test","path":"/spec/color","value":"x"}])",
                   R"([{"op":"remove","path":"/spec/nothing"}])"}) {
    auto r = json_patch("w", bad);
    ASSERT_FALSE(r) << bad;
    EXPECT_EQ(r.error().code, Code::Invalid) << bad;
  }
  EXPECT_EQ(json_patch("w", R"({"op":"remove"})").error().code, Code::InvalidArgument);
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 2);
}

TEST_F(Patch, StrategicMergeIsForCoreKinds) {
  created("w");
  auto r = api.patch(*widgets, "n", "w", PatchKind::Strategic, must("{}"), {});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::UnsupportedMedia);
  EXPECT_THAT(r.error().message,
              AllOf(StartsWith("the body of the request was in an unknown format - accepted media types include: "),
                    HasSubstr("application/merge-patch+json"), HasSubstr("application/json-patch+json"),
                    HasSubstr("application/apply-patch+yaml"),
                    ::testing::Not(HasSubstr("application/strategic-merge-patch+json"))));
  ASSERT_TRUE(
      api.create(*configs, "n", must(R"({"metadata":{"name":"c","finalizers":["a/x"]},"data":{"a":"1"}})"), {}));
  ASSERT_TRUE(api.patch(*configs, "n", "c", PatchKind::Strategic,
                        must(R"({"metadata":{"finalizers":["a/y"]},"data":{"b":"2"}})"), {}));
  auto c = store.get("configmaps", {"n", "c"});
  EXPECT_EQ(json::dump(*json::find(*c, "data")), R"({"a":"1","b":"2"})");
  EXPECT_EQ(json::dump(*json::find(*c, "metadata", "finalizers")), R"(["a/x","a/y"])");
}

TEST_F(Patch, ADryRunChangesNothing) {
  created("w");
  int64_t version = store.version();
  auto r = merge("w", R"({"spec":{"size":2}})", dry());
  ASSERT_TRUE(r);
  EXPECT_EQ(json::num(*r->object, 0, "spec", "size"), 2);
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 1);
  EXPECT_EQ(store.version(), version);
}

TEST_F(Patch, UnknownFieldsAreToldOrRefused) {
  created("w");
  auto warned = merge("w", R"({"spec":{"bogus":1}})");
  ASSERT_TRUE(warned);
  EXPECT_THAT(warned->warnings, ElementsAre("unknown field \"spec.bogus\""));
  WriteOptions strict;
  strict.validation = FieldValidation::Strict;
  EXPECT_THAT(error_of(merge("w", R"({"spec":{"bogus":1}})", strict)),
              AllOf(StartsWith("InvalidArgument: "), HasSubstr("unknown field \"spec.bogus\"")));
}

// Widgets that once said spec.colour and spec.sized.
class ClientApply : public Patch {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ResourceType t = widget_type();
    t.respell = [](Value& o, std::vector<std::string>& warnings) {
      auto& spec = json::ensure_object(o.get_object(), "spec");
      for (auto [earlier, today] : {std::pair{"colour", "color"}, std::pair{"sized", "size"}})
        if (auto* found = spec.if_contains(earlier)) {
          Value value = *found;
          spec.erase(earlier);
          spec[today] = std::move(value);
          warnings.push_back(std::string("spec.") + earlier);
        }
    };
    registry.add(std::move(t));
    widgets = registry.find("example.com", "widgets");
  }

  // A patch of `spec` that says that `manifest` is applied.
  static Value as_applied(std::string_view spec, std::string_view manifest) {
    Value note = json::Object{{"kubectl.kubernetes.io/last-applied-configuration",
                               manifest.empty() ? "{" : R"({"spec":)" + std::string(manifest) + "}"}};
    Value out = json::Object{{"metadata", json::Object{{"annotations", std::move(note)}}}};
    if (!spec.empty()) out.get_object()["spec"] = must(spec);
    return out;
  }
  void created_as(std::string_view name, std::string_view stored, std::string_view manifest) {
    Value o = widget(name, stored);
    o.get_object()["metadata"].get_object()["annotations"] = as_applied("", manifest).at("metadata").at("annotations");
    ASSERT_TRUE(api.create(*widgets, "n", o, {}));
  }
  std::vector<std::string> applied(std::string_view name, std::string_view patch, std::string_view manifest) {
    auto done = api.patch(*widgets, "n", std::string(name), PatchKind::Merge, as_applied(patch, manifest), {});
    EXPECT_EQ(error_of(done), "no error");
    return done ? done->warnings : std::vector<std::string>();
  }
};

// kubectl compares what it applied before with what it applies now, in whatever spelling; in each case the comment says
// what goes wrong with its patch alone.
TEST_F(ClientApply, WhatAnEarlierSpellingBroughtGoesWithIt) {
  created_as("w", R"({"size":1,"color":"blue"})", R"({"size":1,"colour":"blue"})");
  applied("w", R"({"colour":null})", R"({"size":1})");
  EXPECT_EQ(spec("w"), R"({"size":1,"color":"red"})");  // the default; blue would stay
}

TEST_F(ClientApply, TheSameInTodaysSpellingStays) {
  created_as("w", R"({"size":1,"color":"blue","map":{"x":"1"}})", R"({"size":1,"colour":"blue","map":{"x":"1"}})");
  EXPECT_THAT(applied("w", R"({"colour":null,"map":null})", R"({"size":1,"color":"blue"})"), IsEmpty());
  EXPECT_EQ(spec("w"), R"({"size":1,"color":"blue"})");
}

TEST_F(ClientApply, BackToTheEarlierSpelling) {
  created_as("w", R"({"size":1,"color":"red"})", R"({"size":1,"color":"red"})");
  // Deleted by today's name and set by the earlier one.
  EXPECT_THAT(applied("w", R"({"color":null,"colour":"blue"})", R"({"size":1,"colour":"blue"})"),
              ElementsAre("spec.colour"));
  EXPECT_THAT(spec("w"), HasSubstr(R"("color":"blue")"));
}

TEST_F(ClientApply, WhatOthersWroteStays) {
  created_as("w", R"({"size":1})", R"({"sized":1})");
  ASSERT_TRUE(merge("w", R"({"spec":{"color":"blue"}})", by("another")));
  applied("w", R"({"sized":2})", R"({"sized":2})");
  EXPECT_TRUE(json::equal(must(spec("w")), must(R"({"size":2,"color":"blue"})")));
}

TEST_F(ClientApply, OnlyWhereBothAreSaid) {
  created_as("w", R"({"size":1,"color":"blue"})", R"({"size":1,"colour":"blue"})");
  applied("w", "", R"({"size":3})");  // set-last-applied: the note alone
  EXPECT_TRUE(json::equal(must(spec("w")), must(R"({"size":1,"color":"blue"})")));
  applied("w", R"({"size":4})", "");  // no manifest: the patch as it is
  EXPECT_TRUE(json::equal(must(spec("w")), must(R"({"size":4,"color":"blue"})")));
}

TEST_F(ClientApply, TodaysManifestsArePatchedAsSent) {
  created_as("w", R"({"size":1,"color":"blue"})", R"({"size":1,"color":"blue"})");
  applied("w", R"({"size":5})", R"({"size":6})");
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 5);
}

}  // namespace
}  // namespace sl::kube

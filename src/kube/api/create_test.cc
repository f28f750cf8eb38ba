#include "base/strings.h"
#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Create : public ApiTest {
 protected:
  Result<WriteResult> create(std::string_view object, const WriteOptions& o = {}) {
    return api.create(*widgets, "n", must(object), o);
  }
};

TEST_F(Create, StampsWhatTheServerSets) {
  auto r = create(R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","uid":"mine","generation":7,
    "creationTimestamp":"2001-01-01T00:00:00Z","deletionTimestamp":"2001-01-01T00:00:00Z","selfLink":"/x",
    "managedFields":[{"manager":"forged"}]},"spec":{"size":3},"status":{"phase":"Ready"}})");
  ASSERT_TRUE(r);
  EXPECT_TRUE(r->created);
  const Value& o = *r->object;
  EXPECT_THAT(std::string(uid_of(o)),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(generation_of(o), 1);
  EXPECT_EQ(namespace_of(o), "n");
  EXPECT_EQ(resource_version_of(o), store.version());
  EXPECT_THAT(std::string(json::str(o, "metadata", "creationTimestamp")),
              AllOf(SizeIs(20), ::testing::Not(StartsWith("2001"))));
  EXPECT_FALSE(being_deleted(o));
  EXPECT_EQ(json::find(o, "metadata", "selfLink"), nullptr);
  EXPECT_EQ(json::find(o, "status"), nullptr);
  EXPECT_THAT(owners("w"), ElementsAre(StartsWith("unknown Update ")));
}

TEST_F(Create, FillsDefaultsIn) {
  created("w", R"({"size":3})");
  EXPECT_EQ(spec("w"), R"({"size":3,"color":"red"})");
}

TEST_F(Create, NeedsItsNamespace) {
  auto r = api.create(*widgets, "nowhere", widget("w", R"({"size":1})"), {});
  EXPECT_EQ(error_of(r), "NotFound: namespaces \"nowhere\" not found");
}

TEST_F(Create, NotInANamespaceThatGoesAway) {
  created_with("stays", R"("finalizers":["example.com/x"])");
  ASSERT_TRUE(api.remove(*namespaces, "", "n", {}));
  auto r = create(R"({"metadata":{"name":"w"},"spec":{"size":1}})");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::PermissionDenied);
  ASSERT_THAT(r.error().causes, SizeIs(1));
  EXPECT_EQ(r.error().causes[0].reason, "NamespaceTerminating");
}

TEST_F(Create, OncePerName) {
  created("w");
  EXPECT_EQ(error_of(create(R"({"metadata":{"name":"w"},"spec":{"size":1}})")),
            "AlreadyExists: widgets.example.com \"w\" already exists");
}

TEST_F(Create, RefusesAVersionAndAnotherNamespace) {
  EXPECT_EQ(error_of(create(R"({"metadata":{"name":"w","resourceVersion":"1"},"spec":{"size":1}})")),
            "InvalidArgument: resourceVersion should not be set on objects to be created");
  EXPECT_THAT(error_of(create(R"({"metadata":{"name":"w","namespace":"m"},"spec":{"size":1}})")),
              StartsWith("InvalidArgument: the namespace of the provided object does not match the namespace sent on"));
}

TEST_F(Create, NamesAreChecked) {
  auto none = create(R"({"spec":{"size":1}})");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::Invalid);
  EXPECT_THAT(none.error().message, HasSubstr("metadata.name: Required value: name or generateName is required"));
  EXPECT_THAT(error_of(create(R"({"metadata":{"name":"Bad_Name"},"spec":{"size":1}})")),
              AllOf(StartsWith("Invalid: Widget.example.com \"Bad_Name\" is invalid: metadata.name: Invalid value: "),
                    HasSubstr("RFC 1123 subdomain")));
  auto ns = api.create(*namespaces, "", must(R"({"metadata":{"name":"a.b"}})"), {});
  EXPECT_THAT(error_of(ns), HasSubstr("RFC 1123 label"));
}

TEST_F(Create, MakesANameFromItsBeginning) {
  for (int i = 0; i < 20; ++i) {
    auto r = create(R"({"metadata":{"generateName":"w-"},"spec":{"size":1}})");
    ASSERT_TRUE(r);
    EXPECT_THAT(std::string(name_of(*r->object)), MatchesRegex("w-[bcdfghjklmnpqrstvwxz2456789]{5}"));
  }
  auto named = create(R"({"metadata":{"name":"own","generateName":"w-"},"spec":{"size":1}})");
  ASSERT_TRUE(named);
  EXPECT_EQ(name_of(*named->object), "own");
}

TEST_F(Create, LabelsAndAnnotationsAreChecked) {
  auto r = create(R"({"metadata":{"name":"w","labels":{"a b":"x","c":"-y"},"annotations":{"d e":"any thing"}},
    "spec":{"size":1}})");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::Invalid);
  std::vector<std::string> fields;
  for (auto& c : r.error().causes) fields.push_back(c.field);
  EXPECT_THAT(fields, ElementsAre("metadata.labels", "metadata.labels", "metadata.annotations"));
}

TEST_F(Create, AnnotationsAreBounded) {
  auto with = [&](size_t bytes) {
    Value o = widget("w", R"({"size":1})");
    metadata_of(o)["annotations"] = json::Object{{"k", std::string(bytes - 1, 'x')}};
    return api.create(*widgets, "n", o, {});
  };
  auto over = with(256 * 1024 + 1);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::Invalid);
  EXPECT_THAT(over.error().message, HasSubstr("metadata.annotations: Too long: "));
  EXPECT_TRUE(with(256 * 1024));
}

TEST_F(Create, ObjectsAreBounded) {
  auto r = api.create(*configs, "n",
                      json::Object{{"metadata", json::Object{{"name", "c"}}},
                                   {"data", json::Object{{"k", std::string(3u << 20, 'x')}}}},
                      {});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::TooLarge);
  Value deep = 1;
  for (int i = 0; i < 100; ++i) deep = json::Object{{"a", deep}};
  Value o = widget("w", R"({"size":1})");
  o.get_object()["spec"].get_object()["free"] = deep;
  EXPECT_THAT(error_of(api.create(*widgets, "n", o, {})), HasSubstr("nested deeper"));
}

TEST_F(Create, StrictRefusesUnknownAndDuplicateFields) {
  WriteOptions o;
  o.validation = FieldValidation::Strict;
  o.duplicates = {"spec.size"};
  auto r = create(R"({"metadata":{"name":"w","lables":{}},"spec":{"size":1,"bogus":1}})", o);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::InvalidArgument);
  EXPECT_THAT(r.error().message,
              AllOf(HasSubstr("strict decoding error: "), HasSubstr("unknown field \"spec.bogus\""),
                    HasSubstr("unknown field \"metadata.lables\""), HasSubstr("duplicate field \"spec.size\", ")));
  EXPECT_EQ(now("w"), nullptr);
}

TEST_F(Create, WarnPrunesAndTellsIgnorePrunesInSilence) {
  WriteOptions o;
  o.duplicates = {"spec.size"};
  auto warned = create(R"({"metadata":{"name":"w"},"spec":{"size":1,"bogus":1}})", o);
  ASSERT_TRUE(warned);
  EXPECT_THAT(warned->warnings, ElementsAre("duplicate field \"spec.size\"", "unknown field \"spec.bogus\""));
  EXPECT_EQ(spec("w"), R"({"size":1,"color":"red"})");
  o.validation = FieldValidation::Ignore;
  auto quiet = create(R"({"metadata":{"name":"v"},"spec":{"size":1,"bogus":1}})", o);
  ASSERT_TRUE(quiet);
  EXPECT_THAT(quiet->warnings, IsEmpty());
  EXPECT_EQ(spec("v"), R"({"size":1,"color":"red"})");
}

TEST_F(Create, FaultsOfTheObjectAreCauses) {
  auto r = create(R"({"metadata":{"name":"w"},"spec":{"color":"green"}})");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::Invalid);
  EXPECT_THAT(r.error().message,
              AllOf(StartsWith("Widget.example.com \"w\" is invalid: ["), HasSubstr("spec.size: Required value"),
                    HasSubstr("spec.color: Unsupported value: \"green\": supported values: ")));
  EXPECT_THAT(r.error().causes, SizeIs(2));
  EXPECT_EQ(r.error().subject, "w");
  EXPECT_EQ(now("w"), nullptr);
}

TEST_F(Create, ADryRunDoesAllButStore) {
  int events = 0;
  ASSERT_TRUE(store.watch("", store.version(), [&](const Change&) { ++events; }));
  int64_t before = store.version();
  auto r = create(R"({"metadata":{"name":"w"},"spec":{"size":1}})", dry());
  ASSERT_TRUE(r);
  EXPECT_FALSE(uid_of(*r->object).empty());
  EXPECT_EQ(json::str(*r->object, "spec", "color"), "red");
  EXPECT_EQ(json::str(*r->object, "metadata", "resourceVersion"), "");
  EXPECT_EQ(now("w"), nullptr);
  EXPECT_EQ(store.version(), before);
  EXPECT_EQ(events, 0);
  EXPECT_FALSE(create(R"({"metadata":{"name":"w"},"spec":{"size":99}})", dry()));
  created("w");
  EXPECT_THAT(error_of(create(R"({"metadata":{"name":"w"},"spec":{"size":1}})", dry())), StartsWith("AlreadyExists: "));
}

TEST_F(Create, RecordsWhoOwnsWhat) {
  created("w", R"({"size":3,"ports":[{"name":"a","port":1}],"tags":["t"],"items":["i"]})", by("me"));
  EXPECT_THAT(owners("w"), ElementsAre(AllOf(
                               StartsWith("me Update "), HasSubstr(R"("f:size":{})"), HasSubstr(R"("f:color":{})"),
                               HasSubstr(R"("k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:port":{}})"),
                               HasSubstr(R"("f:tags":{"v:\"t\"":{}})"), HasSubstr(R"("f:items":{})"),
                               ::testing::Not(HasSubstr("f:name\":{}},\"f:uid")), ::testing::Not(HasSubstr("f:uid")))));
  const Value& entry = (*json::arr(*now("w"), "metadata", "managedFields"))[0];
  EXPECT_EQ(json::str(entry, "apiVersion"), "example.com/v1");
  EXPECT_EQ(json::str(entry, "fieldsType"), "FieldsV1");
  EXPECT_TRUE(parse_rfc3339(json::str(entry, "time")));
}

TEST_F(Create, ClusterScopedObjectsHaveNoNamespace) {
  auto r = api.create(*namespaces, "", must(R"({"metadata":{"name":"m","namespace":"n"}})"), {});
  ASSERT_TRUE(r);
  EXPECT_EQ(namespace_of(*r->object), "");
}

TEST_F(Create, RenderedInTheVersionAskedFor) {
  created("w");
  Value v = Api::render(*now("w"), *widgets, "v1beta1");
  EXPECT_EQ(api_version_of(v), "example.com/v1beta1");
  EXPECT_EQ(kind_of(v), "Widget");
  EXPECT_EQ(api_version_of(Api::render(*now("w"), *widgets, "")), "example.com/v1");
  EXPECT_EQ(json::num(v, 0, "spec", "size"), 1);
}

// A widget type with a hook of each sort.
TypePtr hooked(Registry& registry) {
  ResourceType t = widget_type();
  t.respell = [](Value& o, std::vector<std::string>& warnings) {
    if (json::ensure_object(o.get_object(), "spec").erase("tags")) warnings.emplace_back("spec.tags: taken");
  };
  t.prepare = [](Value& o) -> Result<void> {
    auto& spec = json::ensure_object(o.get_object(), "spec");
    if (spec.contains("color") && spec["color"] == "none") return fail(Code::InvalidArgument, "no color at all");
    if (!spec.contains("size")) spec["size"] = 7;
    return {};
  };
  t.check = [](const Value& o, const Value* old, std::vector<Cause>& causes) {
    if (old && json::num(o, 0, "spec", "size") < json::num(*old, 0, "spec", "size"))
      causes.push_back({"FieldValueForbidden", "Forbidden: may not shrink", "spec.size"});
  };
  t.warn = [](const Value& o, std::vector<std::string>& warnings) {
    if (json::num(o, 0, "spec", "size") > 8) warnings.emplace_back("spec.size: that is big");
  };
  registry.add(std::move(t));
  return registry.find("example.com", "widgets");
}

TEST_F(Create, AKindPreparesChecksAndWarns) {
  widgets = hooked(registry);
  created("w", "{}");
  EXPECT_EQ(json::num(*now("w"), 0, "spec", "size"), 7);
  EXPECT_THAT(error_of(create(R"({"metadata":{"name":"v"},"spec":{"color":"none"}})")),
              StartsWith("InvalidArgument: no color at all"));
  EXPECT_EQ(error_of(merge("w", R"({"spec":{"size":6}})")),
            "Invalid: Widget.example.com \"w\" is invalid: spec.size: Forbidden: may not shrink");
  auto big = merge("w", R"({"spec":{"size":9,"tags":["t"]}})");
  ASSERT_TRUE(big);
  EXPECT_THAT(big->warnings, ElementsAre("spec.tags: taken", "spec.size: that is big"));
  WriteOptions system;
  system.system = true;
  auto ours = merge("w", R"({"spec":{"size":10,"tags":["t"]}})", system);
  ASSERT_TRUE(ours);
  EXPECT_THAT(ours->warnings, IsEmpty());
}

TEST_F(Create, OurOwnControlPlaneMayBringAStatus) {
  WriteOptions system;
  system.system = true;
  Value o = widget("w", R"({"size":1})");
  o.get_object()["status"] = json::Object{{"phase", "Ready"}};
  ASSERT_TRUE(api.create(*widgets, "n", o, system));
  EXPECT_EQ(json::str(*now("w"), "status", "phase"), "Ready");
}

}  // namespace
}  // namespace sl::kube

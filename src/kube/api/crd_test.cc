#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kGadgets = R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
  "metadata":{"name":"gadgets.example.org"},"spec":{"group":"example.org","scope":"Namespaced",
  "names":{"kind":"Gadget","plural":"gadgets","shortNames":["gd"],"categories":["all"]},
  "versions":[
    {"name":"v1alpha1","served":true,"storage":false,"schema":{"openAPIV3Schema":{"type":"object","properties":{
      "spec":{"type":"object","properties":{"old":{"type":"string"}}}}}}},
    {"name":"v1","served":true,"storage":true,"subresources":{"status":{}},
      "additionalPrinterColumns":[{"name":"Size","type":"integer","jsonPath":".spec.size","priority":1}],
      "schema":{"openAPIV3Schema":{"description":"A gadget.","type":"object","required":["spec"],"properties":{
        "spec":{"type":"object","properties":{"size":{"type":"integer","maximum":5},
          "mode":{"type":"string","default":"fast"}}},
        "status":{"type":"object","properties":{"phase":{"type":"string"}}}}}}},
    {"name":"v0","served":false,"storage":false}]}})";

class Crd : public ApiTest {
 protected:
  void install(std::string_view crd = kGadgets) {
    auto r = api.create(*crds, "", must(crd), {});
    ASSERT_TRUE(r) << r.error().message;
    gadgets = registry.find("example.org", "gadgets");
  }
  Result<WriteResult> create(std::string_view object) { return api.create(*gadgets, "n", must(object), {}); }
  TypePtr gadgets;
};

TEST_F(Crd, AddsAKind) {
  install();
  ASSERT_NE(gadgets, nullptr);
  EXPECT_EQ(gadgets->kind, "Gadget");
  EXPECT_EQ(gadgets->singular, "gadget");
  EXPECT_THAT(gadgets->versions, ElementsAre("v1", "v1alpha1"));
  EXPECT_THAT(gadgets->short_names, ElementsAre("gd"));
  EXPECT_THAT(gadgets->categories, ElementsAre("all"));
  EXPECT_TRUE(gadgets->namespaced);
  EXPECT_TRUE(gadgets->status);
  EXPECT_FALSE(gadgets->built_in);
  EXPECT_FALSE(gadgets->core_style);
  ASSERT_THAT(gadgets->columns, SizeIs(1));
  EXPECT_EQ(gadgets->columns[0].path, ".spec.size");
  EXPECT_EQ(gadgets->columns[0].priority, 1);
}

TEST_F(Crd, SaysThatItIsEstablished) {
  install();
  auto crd = store.get("customresourcedefinitions.apiextensions.k8s.io", {"", "gadgets.example.org"});
  ASSERT_NE(crd, nullptr);
  for (auto type : {"NamesAccepted", "Established"}) {
    ASSERT_NE(find_condition(*crd, type), nullptr) << type;
    EXPECT_EQ(json::str(*find_condition(*crd, type), "status"), "True");
  }
  EXPECT_EQ(json::str(*crd, "status", "acceptedNames", "kind"), "Gadget");
  EXPECT_EQ(json::str(*crd, "status", "acceptedNames", "listKind"), "GadgetList");
  EXPECT_EQ(json::dump(*json::find(*crd, "status", "storedVersions")), R"(["v1"])");
  EXPECT_EQ(generation_of(*crd), 1);
}

TEST_F(Crd, ItsObjectsArePrunedDefaultedAndValidated) {
  install();
  auto r = create(R"({"metadata":{"name":"g"},"spec":{"size":3,"bogus":1},"status":{"phase":"x"}})");
  ASSERT_TRUE(r);
  EXPECT_EQ(json::dump(*json::find(*r->object, "spec")), R"({"size":3,"mode":"fast"})");
  EXPECT_THAT(r->warnings, ElementsAre("unknown field \"spec.bogus\""));
  EXPECT_EQ(json::find(*r->object, "status"), nullptr);
  EXPECT_THAT(error_of(create(R"({"metadata":{"name":"h"},"spec":{"size":6}})")),
              HasSubstr("spec.size in body should be less than or equal to 5"));
}

TEST_F(Crd, EachVersionHasItsOwnFormAndWarning) {
  std::string crd(kGadgets);
  std::string plain = R"("name":"v1alpha1","served":true,)";
  crd.replace(crd.find(plain), plain.size(), plain + R"("deprecated":true,"additionalPrinterColumns":[
      {"name":"Old","type":"string","jsonPath":".spec.old"}],)");
  install(crd);
  EXPECT_EQ(gadgets->columns_of("v1alpha1").at(0).name, "Old");
  EXPECT_EQ(gadgets->columns_of("v1").at(0).name, "Size");
  EXPECT_NE(gadgets->schema_of("v1alpha1").property("spec")->schema->property("old"), nullptr);
  EXPECT_EQ(gadgets->schema_of("v1").property("spec")->schema->property("old"), nullptr);
  WriteOptions strict;
  strict.validation = FieldValidation::Strict;
  strict.version = "v1alpha1";
  auto made = api.create(*gadgets, "n", must(R"({"metadata":{"name":"a"},"spec":{"old":"x"}})"), strict);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(made->warnings, ElementsAre("example.org/v1alpha1 Gadget is deprecated"));
  EXPECT_EQ(json::str(*made->object, "spec", "old"), "x");
  strict.version = "v1";
  auto refused = api.create(*gadgets, "n", must(R"({"metadata":{"name":"b"},"spec":{"old":"x"}})"), strict);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("unknown field \"spec.old\""));
}

TEST_F(Crd, WithoutASchemaKeepsEverything) {
  install(R"({"metadata":{"name":"gadgets.example.org"},"spec":{"group":"example.org","scope":"Namespaced",
    "names":{"kind":"Gadget","plural":"gadgets"},"versions":[{"name":"v1","served":true,"storage":true}]}})");
  auto r = create(R"({"metadata":{"name":"g"},"spec":{"anything":[1,{"a":null}]},"top":true})");
  ASSERT_TRUE(r);
  EXPECT_THAT(r->warnings, IsEmpty());
  EXPECT_EQ(json::dump(*json::find(*r->object, "spec")), R"({"anything":[1,{"a":null}]})");
}

TEST_F(Crd, AChangeOfTheDefinitionCounts) {
  install();
  ASSERT_TRUE(api.patch(*crds, "", "gadgets.example.org", PatchKind::Json,
                        must(R"([{"op":"replace","path":"/spec/versions/1/schema/openAPIV3Schema/properties/spec)"
                             R"(/properties/size/maximum","value":50}])"),
                        {}));
  gadgets = registry.find("example.org", "gadgets");
  EXPECT_TRUE(create(R"({"metadata":{"name":"g"},"spec":{"size":20}})"));
}

TEST_F(Crd, GoesWithItsObjects) {
  install();
  ASSERT_TRUE(create(R"({"metadata":{"name":"g"},"spec":{}})"));
  ASSERT_TRUE(api.remove(*crds, "", "gadgets.example.org", {}));
  EXPECT_EQ(registry.find("example.org", "gadgets"), nullptr);
  EXPECT_THAT(store.list("gadgets.example.org").items, IsEmpty());
}

TEST_F(Crd, DoesNotReplaceAKindOfOurs) {
  ResourceType ours = widget_type();
  ours.built_in = true;
  registry.add(ours);
  ASSERT_TRUE(api.create(*crds, "", must(R"({"metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com",
    "scope":"Namespaced","names":{"kind":"Widget","plural":"widgets"},
    "versions":[{"name":"v9","served":true,"storage":true}]}})"),
                         {}));
  EXPECT_TRUE(registry.find("example.com", "widgets")->built_in);
  ASSERT_TRUE(api.remove(*crds, "", "widgets.example.com", {}));
  EXPECT_NE(registry.find("example.com", "widgets"), nullptr);
}

TEST_F(Crd, IsServedAgainAfterARestart) {
  install();
  ASSERT_TRUE(create(R"({"metadata":{"name":"g"},"spec":{"size":1}})"));
  Registry fresh;
  fresh.add(open_type("", "Namespace", "namespaces"));
  fresh.add(open_type("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions"));
  Api again(store, fresh, Log());
  EXPECT_EQ(fresh.find("example.org", "gadgets"), nullptr);
  ASSERT_TRUE(again.start());
  auto type = fresh.find("example.org", "gadgets");
  ASSERT_NE(type, nullptr);
  EXPECT_TRUE(again.get(*type, "n", "g"));
}

}  // namespace
}  // namespace sl::kube

#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Delete : public ApiTest {
 protected:
  Result<ObjectPtr> remove(std::string_view name, DeleteOptions o = {}) {
    gone = false;
    return api.remove(*widgets, "n", std::string(name), o, &gone);
  }
  static DeleteOptions with(Propagation p) {
    DeleteOptions o;
    o.propagation = p;
    return o;
  }
  static std::string owner(const ObjectPtr& o, bool block = false) {
    return R"({"apiVersion":"example.com/v1","kind":"Widget","name":")" + std::string(name_of(*o)) + R"(","uid":")" +
           std::string(uid_of(*o)) + "\"" + (block ? R"(,"blockOwnerDeletion":true)" : "") + "}";
  }
  // A child of these owners.
  ObjectPtr child(std::string_view name, const std::string& owners, std::string_view more = "") {
    return created_with(name, R"("ownerReferences":[)" + owners + "]" + std::string(more));
  }
  bool gone = false;
};

TEST_F(Delete, RemovesAtOnce) {
  created("w");
  auto last = remove("w");
  ASSERT_TRUE(last);
  EXPECT_TRUE(gone);
  EXPECT_EQ(name_of(**last), "w");
  EXPECT_EQ(now("w"), nullptr);
  EXPECT_EQ(error_of(remove("w")), "NotFound: widgets.example.com \"w\" not found");
}

TEST_F(Delete, PreconditionsMustHold) {
  auto o = created("w");
  DeleteOptions wrong;
  wrong.uid = "another";
  EXPECT_THAT(error_of(remove("w", wrong)),
              AllOf(StartsWith("Conflict: "), HasSubstr("Precondition failed: UID in precondition: another")));
  wrong.uid = "";
  wrong.resource_version = "1";
  EXPECT_THAT(error_of(remove("w", wrong)), StartsWith("Conflict: "));
  ASSERT_NE(now("w"), nullptr);
  DeleteOptions right;
  right.uid = uid_of(*o);
  right.resource_version = json::str(*o, "metadata", "resourceVersion");
  EXPECT_TRUE(remove("w", right));
}

TEST_F(Delete, FinalizersHoldTheObject) {
  created_with("w", R"("finalizers":["a/x"])");
  auto held = remove("w");
  ASSERT_TRUE(held);
  EXPECT_FALSE(gone);
  ASSERT_NE(now("w"), nullptr);
  EXPECT_TRUE(being_deleted(*now("w")));
  EXPECT_EQ(json::num(*now("w"), -1, "metadata", "deletionGracePeriodSeconds"), 0);
  EXPECT_EQ(generation_of(*now("w")), generation_of(**held));
  int64_t version = store.version();
  ASSERT_TRUE(remove("w"));
  EXPECT_EQ(store.version(), version);
}

TEST_F(Delete, ADryRunRemovesNothing) {
  created("w");
  DeleteOptions o;
  o.dry_run = true;
  EXPECT_TRUE(remove("w", o));
  EXPECT_NE(now("w"), nullptr);
  EXPECT_FALSE(being_deleted(*now("w")));
  EXPECT_FALSE(remove("nobody", o));
}

TEST_F(Delete, DependentsGoWithTheirOwner) {
  auto parent = created("parent");
  auto middle = child("middle", owner(parent));
  child("leaf", owner(middle));
  created("stranger");
  ASSERT_TRUE(remove("parent"));
  for (auto name : {"parent", "middle", "leaf"}) EXPECT_EQ(now(name), nullptr) << name;
  EXPECT_NE(now("stranger"), nullptr);
}

TEST_F(Delete, ADependentLivesWhileOneOwnerDoes) {
  auto a = created("a"), b = created("b");
  child("c", owner(a) + "," + owner(b));
  ASSERT_TRUE(remove("a"));
  ASSERT_NE(now("c"), nullptr);
  EXPECT_THAT(json::dump(*json::find(*now("c"), "metadata", "ownerReferences")),
              AllOf(HasSubstr(std::string(uid_of(*b))), ::testing::Not(HasSubstr(std::string(uid_of(*a))))));
  ASSERT_TRUE(remove("b"));
  EXPECT_EQ(now("c"), nullptr);
}

TEST_F(Delete, OrphansStay) {
  auto parent = created("parent");
  child("c", owner(parent));
  ASSERT_TRUE(remove("parent", with(Propagation::Orphan)));
  EXPECT_EQ(now("parent"), nullptr);
  ASSERT_NE(now("c"), nullptr);
  auto* owners = json::arr(*now("c"), "metadata", "ownerReferences");
  EXPECT_TRUE(!owners || owners->empty());
}

TEST_F(Delete, InTheForegroundTheOwnerGoesLast) {
  auto parent = created("parent");
  child("c", owner(parent, true), R"(,"finalizers":["a/x"])");
  ASSERT_TRUE(remove("parent", with(Propagation::Foreground)));
  EXPECT_FALSE(gone);
  ASSERT_NE(now("parent"), nullptr);
  EXPECT_TRUE(being_deleted(*now("parent")));
  EXPECT_EQ(json::dump(*json::find(*now("parent"), "metadata", "finalizers")), R"(["foregroundDeletion"])");
  EXPECT_TRUE(being_deleted(*now("c")));
  ASSERT_TRUE(merge("c", R"({"metadata":{"finalizers":null}})"));
  EXPECT_EQ(now("c"), nullptr);
  EXPECT_EQ(now("parent"), nullptr);
}

TEST_F(Delete, InTheForegroundWithoutDependentsItGoesAtOnce) {
  created("parent");
  ASSERT_TRUE(remove("parent", with(Propagation::Foreground)));
  EXPECT_TRUE(gone);
  EXPECT_EQ(now("parent"), nullptr);
}

TEST_F(Delete, AnObjectWhoseOwnerIsGoneIsCollected) {
  auto parent = created("parent");
  ASSERT_TRUE(remove("parent"));
  Value o = widget("late", R"({"size":1})");
  metadata_of(o)["ownerReferences"] = must("[" + owner(parent) + "]");
  ASSERT_TRUE(api.create(*widgets, "n", o, {}));
  EXPECT_EQ(now("late"), nullptr);
}

TEST_F(Delete, ANamespaceTakesItsContentsAlong) {
  add_namespace("m");
  created("w");
  ASSERT_TRUE(api.create(*widgets, "m", widget("w", R"({"size":1})"), {}));
  ASSERT_TRUE(api.create(*configs, "m", must(R"({"metadata":{"name":"c"}})"), {}));
  ASSERT_TRUE(api.remove(*namespaces, "", "m", {}, &gone));
  EXPECT_TRUE(gone);
  EXPECT_EQ(store.get("namespaces", {"", "m"}), nullptr);
  EXPECT_THAT(store.list("widgets.example.com", "m").items, ::testing::IsEmpty());
  EXPECT_THAT(store.list("configmaps", "m").items, ::testing::IsEmpty());
  EXPECT_NE(now("w"), nullptr);
}

TEST_F(Delete, ANamespaceWaitsForWhatIsHeld) {
  created_with("w", R"("finalizers":["a/x"])");
  ASSERT_TRUE(api.remove(*namespaces, "", "n", {}, &gone));
  EXPECT_FALSE(gone);
  auto ns = store.get("namespaces", {"", "n"});
  ASSERT_NE(ns, nullptr);
  EXPECT_EQ(json::str(*ns, "status", "phase"), "Terminating");
  EXPECT_TRUE(being_deleted(*ns));
  ASSERT_TRUE(merge("w", R"({"metadata":{"finalizers":[]}})"));
  EXPECT_EQ(store.get("namespaces", {"", "n"}), nullptr);
}

TEST_F(Delete, ARestartFinishesWhatWasLeft) {
  auto parent = created("parent");
  child("c", owner(parent));
  ASSERT_TRUE(store.write("widgets.example.com", {"n", "parent"},
                          [](const ObjectPtr&) -> Result<ObjectPtr> { return ObjectPtr(); }));
  ASSERT_NE(now("c"), nullptr);
  ASSERT_TRUE(api.start());
  EXPECT_EQ(now("c"), nullptr);
}

TEST_F(Delete, DependentsGoWithTheLastFinalizer) {
  auto parent = created_with("parent", R"("finalizers":["a/x"])");
  child("c", owner(parent));
  ASSERT_TRUE(remove("parent", with(Propagation::Background)));
  EXPECT_FALSE(gone);
  EXPECT_NE(now("c"), nullptr);
  ASSERT_TRUE(merge("parent", R"({"metadata":{"finalizers":null}})"));
  EXPECT_EQ(now("parent"), nullptr);
  EXPECT_EQ(now("c"), nullptr);
}

TEST_F(Delete, AWriteToANamespaceThatIsGoingDoesNotRemoveIt) {
  created_with("w", R"("finalizers":["a/x"])");
  ASSERT_TRUE(api.remove(*namespaces, "", "n", {}));
  ASSERT_TRUE(api.patch(*namespaces, "", "n", PatchKind::Merge, must(R"({"metadata":{"labels":{"a":"b"}}})"), {}));
  auto still = store.get("namespaces", {"", "n"});
  ASSERT_NE(still, nullptr);
  EXPECT_EQ(json::str(*still, "status", "phase"), "Terminating");
  ASSERT_TRUE(merge("w", R"({"metadata":{"finalizers":null}})"));
  EXPECT_EQ(store.get("namespaces", {"", "n"}), nullptr);
}

}  // namespace
}  // namespace sl::kube

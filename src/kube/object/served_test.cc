// Kinds as discovery tells them.
#include "kube/object/served.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"
#include "kube/object/redact.h"

namespace sl::kube {
namespace {

using json::test::must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ServedKinds served() {
  ServedKinds out;
  out.add(must(R"({"groupVersion":"v1","resources":[
      {"name":"pods","singularName":"pod","kind":"Pod","namespaced":true,"shortNames":["po"]},
      {"name":"pods/log","kind":"Pod","namespaced":true},
      {"name":"namespaces","singularName":"namespace","kind":"Namespace","namespaced":false}]})"));
  out.add(must(R"({"groupVersion":"a.io/v1","resources":[
      {"name":"backends","singularName":"backend","kind":"Backend","namespaced":true}]})"));
  out.add(must(R"({"groupVersion":"z.io/v1beta1","resources":[
      {"name":"backends","singularName":"backend","kind":"Backend","namespaced":true}]})"));
  return out;
}

std::string found(const ServedKind* k) {
  return k ? k->api_version() + " " + k->plural : "nothing";
}

TEST(ServedKinds, AreFoundAsKubectlNamesThem) {
  auto kinds = served();
  for (auto* name : {"pods", "pod", "po", "Pod", "POD"}) EXPECT_EQ(found(kinds.find(name)), "v1 pods") << name;
  EXPECT_EQ(found(kinds.find("backends")), "a.io/v1 backends");
  EXPECT_EQ(found(kinds.find("backends.z.io")), "z.io/v1beta1 backends");
  EXPECT_EQ(found(kinds.find("backend.v1beta1.z.io")), "z.io/v1beta1 backends");
  EXPECT_EQ(found(kinds.find("backends.no.such.group")), "nothing");
  EXPECT_EQ(found(kinds.find("pods.a.io")), "nothing");
  EXPECT_EQ(found(kinds.find("z.io/v1beta1", "Backend")), "z.io/v1beta1 backends");
  EXPECT_EQ(found(kinds.find("z.io/v1", "Backend")), "nothing");
}

TEST(ServedKinds, PathsNameWhatThereIs) {
  auto kinds = served();
  EXPECT_EQ(kinds.find("po")->path("n", "p/q"), "/api/v1/namespaces/n/pods/p%2Fq");
  EXPECT_EQ(kinds.find("po")->path("", ""), "/api/v1/pods");
  EXPECT_EQ(kinds.find("namespaces")->path("n", "x"), "/api/v1/namespaces/x");
  EXPECT_EQ(kinds.find("backends.z.io")->path("n", ""), "/apis/z.io/v1beta1/namespaces/n/backends");
}

TEST(ServedKinds, ThePreferredVersionComesFirst) {
  auto groups = must(R"({"groups":[{"name":"g","versions":[{"groupVersion":"g/v1beta1"},{"groupVersion":"g/v1"}],
      "preferredVersion":{"groupVersion":"g/v1"}}]})");
  EXPECT_THAT(ServedKinds::paths(groups), ElementsAre("/api/v1", "/apis/g/v1", "/apis/g/v1beta1"));
}

TEST(HideSecrets, LeavesNoValueInASecretOrItsCopies) {
  auto list = must(R"({"kind":"SecretList","items":[{"metadata":{"managedFields":[],"annotations":{"mine":"kept",
      "kubectl.kubernetes.io/last-applied-configuration":"{s3cret}"}},"data":{"k":"czNjcmV0"},
      "stringData":{"k":"s3cret"}}]})");
  hide_secrets(list);
  std::string text = json::dump(list);
  EXPECT_THAT(text, Not(HasSubstr("s3cret")));
  EXPECT_THAT(text, Not(HasSubstr("czNjcmV0")));
  EXPECT_THAT(text, HasSubstr("kept"));
  EXPECT_THAT(text, HasSubstr("[hidden]"));
}

}  // namespace
}  // namespace sl::kube

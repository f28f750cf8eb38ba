// What the API refuses of a CustomResourceDefinition, in the words of upstream.
#include "control/kinds/kinds_test_kit.h"

namespace sl::control {
namespace {

using namespace kinds_test;

constexpr char kCrd[] = "CustomResourceDefinition";

std::string version(const std::string& name, bool storage, const std::string& schema = "type: object") {
  return "{name: " + name + ", served: true, storage: " + (storage ? "true" : "false") +
         ", schema: {openAPIV3Schema: {" + schema + "}}}";
}
Value definition(const std::string& versions, const std::string& scope = "Namespaced",
                 const std::string& kind = "Gizmo") {
  auto type = type_of(kCrd);
  return yaml(
      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gizmos.acme.io}\n"
      "spec: {group: acme.io, scope: " +
      scope + ", names: {plural: gizmos, kind: " + kind + "}, versions: [" + versions + "]}\n");
}
std::vector<std::string> causes(const Value& crd, const Value* old = nullptr) {
  auto r = control::testing::admit(*type_of(kCrd), crd, old);
  std::vector<std::string> out;
  if (!r)
    for (auto& c : r.error().causes) out.push_back(c.field + ": " + c.message);
  return out;
}

TEST(DefinitionRules, AGoodOne) {
  EXPECT_THAT(causes(definition(version("v1", true) + ", " + version("v1beta1", false))), ::testing::IsEmpty());
  EXPECT_THAT(causes(definition(version("v1", true), "Cluster")), ::testing::IsEmpty());
}

TEST(DefinitionRules, Scope) {
  EXPECT_THAT(
      causes(definition(version("v1", true), "Sideways")),
      ElementsAre("spec.scope: Unsupported value: \"Sideways\": supported values: \"Cluster\", \"Namespaced\""));
  EXPECT_THAT(causes(definition(version("v1", true), "\"\"")), ElementsAre("spec.scope: Required value"));
}

TEST(DefinitionRules, Versions) {
  EXPECT_THAT(causes(definition("")), ElementsAre("spec.versions: Required value"));
  EXPECT_THAT(causes(definition(version("v1", true) + ", " + version("v1", false))),
              ElementsAre("spec.versions: Invalid value: must contain unique version names"));
  std::string one = "spec.versions: Invalid value: must have exactly one version marked as storage version";
  EXPECT_THAT(causes(definition(version("v1", false))), ElementsAre(one));
  EXPECT_THAT(causes(definition(version("v1", true) + ", " + version("v2", true))), ElementsAre(one));
  EXPECT_THAT(causes(definition("{name: v1, served: true, storage: true}")),
              ElementsAre("spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"));
}

TEST(DefinitionRules, SchemasAreStructural) {
  auto of = [](const std::string& properties) {
    return causes(definition(
        version("v1", true, "type: object, properties: {spec: {type: object, properties: {" + properties + "}}}")));
  };
  std::string at = "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[a]";
  EXPECT_THAT(of("a: {}"), ElementsAre(at + ".type: Required value: must not be empty for specified object fields"));
  EXPECT_THAT(of("a: {type: array, items: {}}"),
              ElementsAre(at + ".items.type: Required value: must not be empty for specified array items"));
  EXPECT_THAT(of("a: {type: object, additionalProperties: {}}"), ::testing::SizeIs(1));
  for (auto good : {"a: {x-kubernetes-int-or-string: true}", "a: {x-kubernetes-preserve-unknown-fields: true}",
                    "a: {type: object, additionalProperties: {type: string}}"})
    EXPECT_THAT(of(good), ::testing::IsEmpty()) << good;
  EXPECT_THAT(causes(definition(version("v1", true, "type: string"))), ::testing::SizeIs(1));
  EXPECT_THAT(causes(definition(version("v1", true, "properties: {}"))), ::testing::SizeIs(1));
}

TEST(DefinitionRules, WhatItIsStays) {
  Value old = definition(version("v1", true));
  EXPECT_THAT(causes(definition(version("v1", true), "Cluster", "Other"), &old),
              ElementsAre("spec.scope: Invalid value: \"Cluster\": field is immutable",
                          "spec.names.kind: Invalid value: \"Other\": field is immutable"));
  EXPECT_THAT(causes(definition(version("v1", false) + ", " + version("v2", true)), &old), ::testing::IsEmpty());
}

}  // namespace
}  // namespace sl::control

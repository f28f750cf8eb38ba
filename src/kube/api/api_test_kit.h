// What the tests of the API share: a store in memory, a few kinds, and short ways to write and look.
// Who calls: *_test.cc of this folder only. Thread: one.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/strings.h"
#include "json/test_kit.h"
#include "kube/api/api.h"
#include "kube/schema/structural.h"

namespace sl::kube {

using json::test::must;

// Lists of each kind, defaults, free form and an atomic map, as CRDs have them.
inline constexpr std::string_view kWidgetSpec = R"({"type":"object","required":["size"],"properties":{
  "size":{"type":"integer","minimum":1,"maximum":10},
  "color":{"type":"string","enum":["red","blue"],"default":"red"},
  "ports":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
    "items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"port":{"type":"integer"},
      "extra":{"type":"string"}}}},
  "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
  "items":{"type":"array","items":{"type":"string"}},
  "map":{"type":"object","additionalProperties":{"type":"string"}},
  "selector":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
  "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}})";
inline constexpr std::string_view kWidgetStatus = R"({"type":"object","properties":{"phase":{"type":"string"},
  "conditions":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["type"],
    "items":{"type":"object","properties":{"type":{"type":"string"},"status":{"type":"string"}}}}}})";

inline json::SchemaPtr schema_of_text(std::string_view openapi) {
  auto s = schema_from_openapi(must(openapi));
  EXPECT_TRUE(s) << openapi;
  return s ? *s : nullptr;
}

inline ResourceType widget_type() {
  ResourceType t;
  t.group = "example.com";
  t.kind = "Widget";
  t.plural = "widgets";
  t.singular = "widget";
  t.versions = {"v1", "v1beta1"};
  t.short_names = {"wd"};
  t.built_in = false;
  t.selectable_fields = {"spec.color"};
  t.schema = object_schema(
      "A widget.", {{"spec", schema_of_text(kWidgetSpec), false}, {"status", schema_of_text(kWidgetStatus), false}});
  return t;
}

// A kind of the core group without a status subresource.
inline ResourceType config_map_type() {
  ResourceType t;
  t.kind = "ConfigMap";
  t.plural = "configmaps";
  t.singular = "configmap";
  t.versions = {"v1"};
  t.core_style = true;
  t.status = false;
  t.schema = object_schema(
      "", {{"data", schema_of_text(R"({"type":"object","additionalProperties":{"type":"string"}})"), false}});
  return t;
}

inline ResourceType open_type(std::string group, std::string kind, std::string plural) {
  ResourceType t;
  t.group = std::move(group);
  t.kind = std::move(kind);
  t.plural = std::move(plural);
  t.singular = to_lower(t.kind);
  t.versions = {"v1"};
  t.namespaced = false;
  t.core_style = true;
  auto free = schema_of_text(R"({"type":"object","x-kubernetes-preserve-unknown-fields":true})");
  t.schema = object_schema("", {{"spec", free, false}, {"status", free, false}});
  return t;
}

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store.open(":memory:"));
    registry.add(open_type("", "Namespace", "namespaces"));
    registry.add(open_type("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions"));
    registry.add(config_map_type());
    registry.add(widget_type());
    widgets = registry.find("example.com", "widgets");
    configs = registry.find("", "configmaps");
    namespaces = registry.find("", "namespaces");
    crds = registry.find("apiextensions.k8s.io", "customresourcedefinitions");
    add_namespace("n");
  }

  void add_namespace(std::string_view name) {
    EXPECT_TRUE(api.create(*namespaces, "", json::Object{{"metadata", json::Object{{"name", name}}}}, {}));
  }
  static Value widget(std::string_view name, std::string_view spec) {
    return must(R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":")" + std::string(name) +
                R"("},"spec":)" + std::string(spec) + "}");
  }
  static WriteOptions by(std::string manager, std::string subresource = {}) {
    WriteOptions o;
    o.manager = std::move(manager);
    o.subresource = std::move(subresource);
    return o;
  }
  static WriteOptions dry() {
    WriteOptions o;
    o.dry_run = true;
    return o;
  }

  ObjectPtr created(std::string_view name, std::string_view spec = R"({"size":1})", WriteOptions o = {}) {
    auto r = api.create(*widgets, "n", widget(name, spec), o);
    EXPECT_TRUE(r) << (r ? "" : r.error().message);
    return r ? r->object : std::make_shared<const Value>();
  }
  // An object with extra metadata members, as the inside of a JSON object.
  ObjectPtr created_with(std::string_view name, std::string_view metadata) {
    Value o = widget(name, R"({"size":1})");
    Value more = must("{" + std::string(metadata) + "}");
    for (auto& [k, v] : more.get_object()) metadata_of(o)[k] = v;
    auto r = api.create(*widgets, "n", o, {});
    EXPECT_TRUE(r) << (r ? "" : r.error().message);
    return r ? r->object : std::make_shared<const Value>();
  }
  ObjectPtr now(std::string_view name) { return store.get("widgets.example.com", {"n", std::string(name)}); }
  std::string spec(std::string_view name) {
    auto o = now(name);
    auto* s = o ? json::find(*o, "spec") : nullptr;
    return s ? json::dump(*s) : "";
  }
  Result<WriteResult> merge(std::string_view name, std::string_view patch, const WriteOptions& o = {}) {
    return api.patch(*widgets, "n", std::string(name), PatchKind::Merge, must(patch), o);
  }
  Result<WriteResult> apply(std::string_view name, std::string_view spec, const WriteOptions& o) {
    return api.patch(*widgets, "n", std::string(name), PatchKind::Apply, widget(name, spec), o);
  }
  // "MANAGER OPERATION [SUBRESOURCE] FIELDS" of each entry.
  std::vector<std::string> owners(std::string_view name) {
    std::vector<std::string> out;
    auto o = now(name);
    if (auto* list = o ? json::arr(*o, "metadata", "managedFields") : nullptr)
      for (auto& m : *list) {
        std::string sub(json::str(m, "subresource"));
        out.push_back(std::string(json::str(m, "manager")) + " " + std::string(json::str(m, "operation")) +
                      (sub.empty() ? "" : " " + sub) + " " + json::dump(*json::find(m, "fieldsV1")));
      }
    return out;
  }
  // The code's name and the message.
  template <class T>
  static std::string error_of(const Result<T>& r) {
    return r ? "no error" : std::string(code_name(r.error().code)) + ": " + r.error().message;
  }

  ObjectStore store;
  Registry registry;
  Api api{store, registry, Log()};
  TypePtr widgets, configs, namespaces, crds;
};

}  // namespace sl::kube

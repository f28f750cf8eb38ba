// What the tests of the kinds share: the registry, objects from YAML, what is accepted and what is refused in which
// words. Who calls: *_test.cc of this folder only. Thread: one.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/kinds/kinds.h"
#include "control/translate/fixture.h"

namespace sl::control::kinds_test {

using json::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

inline constexpr char kGatewayApi[] = "gateway.networking.k8s.io";

inline kube::Registry& registry() {
  static kube::Registry* one = [] {
    auto* made = new kube::Registry;
    register_kinds(*made);
    return made;
  }();
  return *one;
}

inline kube::TypePtr type_of(std::string_view kind) {
  for (auto& t : registry().all())
    if (t->kind == kind) return t;
  ADD_FAILURE() << "no kind " << kind;
  return nullptr;
}

inline Value yaml(const std::string& text) {
  auto documents = json::parse_yaml(text);
  EXPECT_TRUE(documents) << text << "\n" << (documents ? "" : documents.error().message);
  return documents && !documents->empty() ? std::move((*documents)[0].value) : Value();
}

// An object of the kind with members in YAML's flow style, as "spec: {...}".
inline Value object(std::string_view kind, const std::string& members) {
  auto type = type_of(kind);
  return yaml("apiVersion: " + type->api_version(type->versions[0]) + "\nkind: " + std::string(kind) +
              "\nmetadata: {name: obj, namespace: ns}\n" + members + "\n");
}

// As stored, or null and a failure.
inline Value accept(std::string_view kind, const std::string& members) {
  auto r = control::testing::admit(*type_of(kind), object(kind, members));
  EXPECT_TRUE(r) << members << "\n" << (r ? "" : r.error().message);
  return r ? *r : Value();
}

// "FIELD: WORDS" of every cause; none when it is accepted.
inline std::vector<std::string> causes_of(std::string_view kind, const std::string& members,
                                          const Value* old = nullptr) {
  auto r = control::testing::admit(*type_of(kind), object(kind, members), old);
  std::vector<std::string> out;
  if (r) return out;
  if (r.error().causes.empty()) out.push_back(r.error().message);
  for (auto& c : r.error().causes) out.push_back(c.field + ": " + c.message);
  return out;
}

inline void refuse(std::string_view kind, const std::string& members, const std::string& field,
                   const std::string& words) {
  EXPECT_THAT(causes_of(kind, members),
              ::testing::Contains(AllOf(::testing::StartsWith(field + ": "), HasSubstr(words))))
      << members;
}

inline std::string dump(const Value* v) {
  return v ? json::dump(*v) : "absent";
}

inline std::string times(const std::string& item, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += (i ? ", " : "") + item;
  return out;
}

}  // namespace sl::control::kinds_test

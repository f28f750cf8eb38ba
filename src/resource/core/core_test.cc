#include <gtest/gtest.h>

#include "resource/kind/kind.h"

namespace sl::resource {
namespace {

TEST(Namespaces, AreLabelledWithTheirNameHoweverShortItIs) {
  for (std::string_view name : {"n", "a-name-that-is-longer-than-any-small-buffer"}) {
    for (auto& kind : core_kinds()) {
      if (kind.kind != "Namespace") continue;
      // Just two members: the labels make the third, and move the others.
      json::Value ns = json::Object{{"metadata", json::Object{{"name", name}, {"uid", "u"}}}};
      ASSERT_TRUE(kind.prepare(ns));
      EXPECT_EQ(json::str(ns, "metadata", "labels", "kubernetes.io/metadata.name"), name);
      EXPECT_EQ(json::str(ns, "status", "phase"), "Active");
    }
  }
}

}  // namespace
}  // namespace sl::resource

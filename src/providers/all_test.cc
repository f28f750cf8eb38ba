// The list of providers.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "llm/provider.h"

namespace sl::llm {
namespace {

TEST(Providers, AreFoundByTheirOwnNames) {
  std::set<std::string> names;
  for (auto* p : all_providers()) {
    EXPECT_EQ(find_provider(p->name()), p);
    EXPECT_TRUE(names.insert(std::string(p->name())).second) << p->name();
    EXPECT_FALSE(p->genai_name().empty());
    EXPECT_FALSE(p->dialect().empty());
    EXPECT_TRUE(p->endpoint().path.starts_with("/")) << p->name();
    EXPECT_FALSE(p->credential("secret").name.empty());
  }
  EXPECT_TRUE(names.contains("anthropic"));
  EXPECT_TRUE(names.contains("openai"));
}

TEST(Providers, OthersAreNone) {
  for (auto* name : {"", "Anthropic", "gemini", "open"}) EXPECT_EQ(find_provider(name), nullptr) << name;
}

}  // namespace
}  // namespace sl::llm

// Spellings of kgateway before 2.1 become today's. That the API takes them is tested in control/kinds.
#include "resource/kgateway/earlier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::resource {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// `spec` becomes `wanted`; the order of members does not matter. Returns the warnings.
std::vector<std::string> expect_rewritten(std::string_view spec, std::string_view wanted) {
  std::vector<std::string> warnings;
  json::Value backend = json::Object{{"spec", json::test::must(spec)}};
  use_todays_spelling(backend, warnings);
  auto& found = *json::find(backend, "spec");
  EXPECT_TRUE(json::equal(found, json::test::must(wanted))) << json::dump(found) << "\ninstead of " << wanted;
  return warnings;
}
void expect_same(std::string_view spec) {
  EXPECT_THAT(expect_rewritten(spec, spec), IsEmpty());
}

TEST(EarlierSpelling, OfOneProvider) {
  auto warnings =
      expect_rewritten(R"({"type":"ai","ai":{"llm":{"provider":{"openai":{"model":"m"}},
                          "hostOverride":{"host":"h","port":1},"pathOverride":{"fullPath":"/p"},
                          "authHeaderOverride":{"prefix":"Key","headerName":"X"}}}})",
                       R"({"type":"AI","ai":{"llm":{"openai":{"model":"m"},"host":"h","port":1,"path":{"full":"/p"},)"
                       R"("authHeader":{"prefix":"Key","headerName":"X"}}}})");
  std::string before_2_1 = ": spelling of kgateway before 2.1, stored as spec.ai.llm.";
  EXPECT_THAT(warnings, ElementsAre("spec.type: ai is the spelling of kgateway before 2.1, stored as AI",
                                    "spec.ai.llm.provider.openai" + before_2_1 + "openai",
                                    "spec.ai.llm.hostOverride" + before_2_1 + "host and port",
                                    "spec.ai.llm.pathOverride" + before_2_1 + "path.full",
                                    "spec.ai.llm.authHeaderOverride" + before_2_1 + "authHeader"));
  expect_rewritten(R"({"ai":{"llm":{"pathOverride":{"full":"/p"}}}})", R"({"ai":{"llm":{"path":{"full":"/p"}}}})");
}

// A merge puts what was applied now beside what was stored: the newer counts, whole.
TEST(EarlierSpelling, ReplacesWhatWasStored) {
  expect_rewritten(R"({"ai":{"llm":{"anthropic":{"model":"a"},"host":"h","port":1,"path":{"full":"/p"},
                          "provider":{"openai":{}},"hostOverride":{"host":"i"},"pathOverride":{"full":"/q"},
                          "authHeaderOverride":null}}})",
                   R"({"ai":{"llm":{"path":{"full":"/q"},"openai":{},"host":"i"}}})");
  // An empty one says nothing.
  expect_rewritten(R"({"ai":{"llm":{"host":"h","port":1,"path":{"full":"/p"},"hostOverride":{},"pathOverride":{}}}})",
                   R"({"ai":{"llm":{"host":"h","port":1,"path":{"full":"/p"}}}})");
}

// Members that were never there stay for the API to name.
TEST(EarlierSpelling, KeepsWhatItDoesNotKnow) {
  expect_rewritten(R"({"ai":{"llm":{"hostOverride":{"host":"h","x":1},"pathOverride":{"y":2},"provider":{"z":{}}},
                      "multipool":{"priorities":[{"pool":[],"v":3}],"w":4}}})",
                   R"({"ai":{"llm":{"host":"h","hostOverride":{"x":1},"pathOverride":{"y":2},"provider":{"z":{}}},
                      "priorityGroups":[{"providers":[],"v":3}],"multipool":{"w":4}}})");
}

TEST(EarlierSpelling, OfGroups) {
  auto warnings = expect_rewritten(R"({"ai":{"priorityGroups":[],"multipool":{"priorities":[
              {"pool":[{"provider":{"openai":{}}},{"provider":{"gemini":{}},"hostOverride":{"host":"h","port":1}}]},
              {"pool":[{"name":"mine","provider":{"bedrock":{}}}]},{}]}}})",
                                   R"({"ai":{"priorityGroups":[{"providers":[{"name":"priority-0-0","openai":{}},)"
                                   R"({"name":"priority-0-1","gemini":{},"host":"h","port":1}]},)"
                                   R"({"providers":[{"name":"mine","bedrock":{}}]},{}]}})");
  EXPECT_EQ(warnings.front(), "spec.ai.multipool: spelling of kgateway before 2.1, stored as spec.ai.priorityGroups");
}

TEST(EarlierSpelling, OfTypes) {
  expect_rewritten(R"({"type":"aws"})", R"({"type":"AWS"})");
  expect_rewritten(R"({"type":"static"})", R"({"type":"Static"})");
  for (auto type : {"AI", "AWS", "Static", "MCP", "Ai", "mcp"}) expect_same(R"({"type":")" + std::string(type) + "\"}");
}

// Today's spelling and wrong values stay as they are: validation says what is wrong with them.
TEST(EarlierSpelling, LeavesTheRestAlone) {
  expect_same(R"({"type":"AI","ai":{"llm":{"openai":{"model":"m"},"host":"h","port":1}}})");
  expect_same(R"({"ai":{"priorityGroups":[{"providers":[{"name":"a","openai":{}}]}]}})");
  expect_same(R"({"ai":{"llm":{"provider":7,"hostOverride":"h","pathOverride":[],"authHeaderOverride":true}}})");
  for (auto wrong : {R"({"ai":{"multipool":7}})", R"({"ai":{"multipool":{"priorities":{}}}})",
                     R"({"ai":{"multipool":{}}})", R"({"ai":7})", R"({"ai":{"llm":[]}})",
                     R"({"ai":{"priorityGroups":[7,{"providers":7},{"providers":[7]}]}})", "7", "[]", "null"})
    expect_same(wrong);
  expect_rewritten(R"({"ai":{"multipool":{"priorities":[7,{"pool":7},{"pool":[7]}]}}})",
                   R"({"ai":{"priorityGroups":[{},{"providers":7},{"providers":[7]}]}})");
}

}  // namespace
}  // namespace sl::resource

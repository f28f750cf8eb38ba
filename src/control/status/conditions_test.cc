#include "control/status/conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/strings.h"
#include "json/test_kit.h"

namespace sl::control {
namespace {

using json::test::must;

constexpr char kOld[] = "2020-01-02T03:04:05Z";
const json::Value& before() {
  static const json::Value status = must(R"({"conditions": [
    {"type": "Accepted", "status": "True", "reason": "Was", "message": "was", "observedGeneration": 1,
     "lastTransitionTime": "2020-01-02T03:04:05Z"},
    {"type": "Timeless", "status": "True", "lastTransitionTime": ""}]})");
  return status;
}

TEST(Conditions, HaveEveryFieldInOrder) {
  Conditions c(nullptr, 7);
  int64_t start = unix_ms() / 1000;
  c.set("Accepted", true, "Accepted", "fine");
  c.set("Programmed", false, "Invalid", "not so");
  c.set_text("Ready", "Unknown", "Pending", "");
  json::Array list = c.take();
  ASSERT_EQ(list.size(), 3u);
  std::vector<std::string> keys;
  for (auto& [key, value] : list[0].get_object()) keys.emplace_back(key);
  EXPECT_THAT(keys, ::testing::UnorderedElementsAre("type", "status", "observedGeneration", "lastTransitionTime",
                                                    "reason", "message"));
  EXPECT_EQ(json::str(list[0], "type"), "Accepted");
  EXPECT_EQ(json::str(list[0], "status"), "True");
  EXPECT_EQ(json::str(list[0], "reason"), "Accepted");
  EXPECT_EQ(json::str(list[0], "message"), "fine");
  EXPECT_EQ(json::str(list[1], "status"), "False");
  EXPECT_EQ(json::str(list[2], "status"), "Unknown");
  for (auto& one : list) {
    EXPECT_EQ(json::num(one, 0, "observedGeneration"), 7);
    auto since = parse_rfc3339(json::str(one, "lastTransitionTime"));
    ASSERT_TRUE(since);
    EXPECT_GE(*since / 1000, start);
  }
}

TEST(Conditions, TheTimeStaysWhileTheStatusDoes) {
  Conditions c(&before(), 2);
  c.set("Accepted", true, "Other", "other words");
  json::Array list = c.take();
  EXPECT_EQ(json::str(list.at(0), "lastTransitionTime"), kOld);
  EXPECT_EQ(json::str(list[0], "reason"), "Other");
  EXPECT_EQ(json::num(list[0], 0, "observedGeneration"), 2);
}

TEST(Conditions, TheTimeChangesWithTheStatus) {
  Conditions c(&before(), 2);
  c.set("Accepted", false, "Was", "was");
  c.set("Other", true, "Was", "was");
  c.set("Timeless", true, "Was", "was");
  for (auto& one : c.take()) {
    EXPECT_NE(json::str(one, "lastTransitionTime"), kOld);
    EXPECT_NE(json::str(one, "lastTransitionTime"), "");
  }
}

TEST(Conditions, WhatIsNotSetAgainGoes) {
  Conditions c(&before(), 2);
  for (auto& one : c.take()) EXPECT_NE(json::str(one, "type"), "Accepted");
}

TEST(Conditions, TheLastWordCounts) {
  Conditions c(nullptr, 1);
  c.set("Accepted", true, "Accepted", "one");
  c.set("Programmed", true, "Programmed", "two");
  c.set("Accepted", false, "Invalid", "three");
  json::Array list = c.take();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(json::str(list[0], "type"), "Accepted");
  EXPECT_EQ(json::str(list[0], "status"), "False");
  EXPECT_EQ(json::str(list[0], "reason"), "Invalid");
  EXPECT_EQ(json::str(list[0], "message"), "three");
}

TEST(Conditions, Holds) {
  Conditions c(&before(), 1);
  EXPECT_FALSE(c.holds("Accepted")) << "what was before does not count";
  c.set("Accepted", true, "Accepted", "");
  c.set("Programmed", false, "Invalid", "");
  c.set_text("Ready", "Unknown", "Pending", "");
  EXPECT_TRUE(c.holds("Accepted"));
  EXPECT_FALSE(c.holds("Programmed"));
  EXPECT_FALSE(c.holds("Ready"));
}

TEST(Conditions, AStatusWithoutConditionsIsNoTrouble) {
  for (auto text : {"null", "{}", R"({"conditions": "x"})", R"({"conditions": [1, {}]})"}) {
    json::Value status = must(text);
    Conditions c(&status, 1);
    c.set("Accepted", true, "Accepted", "");
    EXPECT_EQ(c.take().size(), 1u) << text;
  }
}

TEST(Conditions, ThoseOfOthersStay) {
  json::Value before =
      *json::parse(R"({"conditions":[{"type":"PartiallyInvalid","status":"True"},{"type":"x.test/Y","status":"True"},
      {"type":"Accepted","status":"False"}]})");
  Conditions c(&before, 1);
  c.set("Accepted", true, "Accepted", "");
  auto all = c.take();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(json::str(all[0], "type"), "Accepted");
  EXPECT_EQ(json::str(all[1], "type"), "x.test/Y");
}

TEST(ConditionsText, SaysWhatIsNotWell) {
  auto status = json::parse(R"({"conditions":[{"type":"Accepted","status":"True","reason":"Accepted","message":"m"},
      {"type":"Conflicted","status":"False","reason":"NoConflicts","message":"m"}],
      "listeners":[{"name":"http","conditions":[{"type":"Programmed","status":"False","reason":"Invalid","message":"bad"}]}],
      "parents":[{"parentRef":{"name":"g"},"conditions":[
        {"type":"PartiallyInvalid","status":"True","reason":"UnsupportedValue","message":"odd"}]},{"parentRef":{}}]})");
  ASSERT_TRUE(status);
  EXPECT_EQ(conditions_text(*status),
            " Accepted=True/Accepted Conflicted=False/NoConflicts listener http: Programmed=False/Invalid (bad)"
            " parent g: PartiallyInvalid=True/UnsupportedValue (odd)");
  EXPECT_EQ(conditions_text(json::Object{}), "");
}

}  // namespace
}  // namespace sl::control

// What is hidden, and that it comes back to its own place.
#include "kube/object/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/test_kit.h"

namespace sl::kube {
namespace {

using json::test::must;

constexpr char kSpec[] = R"({"spec":{"azureOpenAI":{"azureAdToken":"sk-1"},"defaultHeaders":{"X":"sk-2"},
  "tools":[{"headersFrom":[{"name":"a","value":"sk-3"},{"name":"b","value":"sk-4"}]}],
  "deployment":{"env":[{"name":"A","value":"sk-5"},{"name":"B","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}}})";

TEST(Redact, CredentialsByTheirPlace) {
  json::Value shown = must(kSpec);
  hide_secrets(shown);
  std::string text = json::dump(shown);
  EXPECT_EQ(text.find("sk-"), std::string::npos) << text;
  EXPECT_NE(text.find("secretKeyRef"), std::string::npos) << "where it comes from is no secret";
}

TEST(Redact, WhatComesBackKeepsItsValue) {
  json::Value old = must(R"({"env":[{"name":"A","value":"sk-a"},{"name":"B","value":"sk-b"}],"headers":{"X":"sk-x"}})");
  json::Value next = must(R"({"env":[{"name":"B","value":"[hidden]"},{"name":"C","value":"[hidden]"},
      {"name":"A","value":"new"}],"headers":{"X":"[hidden]","Y":"1"}})");
  EXPECT_FALSE(keep_hidden(next, &old)) << "C is new";
  EXPECT_EQ(json::dump(next), R"({"env":[{"name":"B","value":"sk-b"},{"name":"C","value":"[hidden]"},)"
                              R"({"name":"A","value":"new"}],"headers":{"X":"sk-x","Y":"1"}})");
}

// A tool has no name of its own.
TEST(Redact, AnEntryWithoutANameIsKnownByWhatWasShown) {
  json::Value old = must(R"({"tools":[{"type":"Agent","headersFrom":[{"name":"a","value":"sk-1"}]},
      {"type":"McpServer","headersFrom":[{"name":"a","value":"sk-2"}]}]})");
  json::Value next = must(R"({"tools":[{"type":"McpServer","headersFrom":[{"name":"a","value":"[hidden]"}]}]})");
  EXPECT_TRUE(keep_hidden(next, &old));
  EXPECT_NE(json::dump(next).find("sk-2"), std::string::npos);
  next = must(R"({"tools":[{"type":"Other","headersFrom":[{"name":"a","value":"[hidden]"}]}]})");
  EXPECT_FALSE(keep_hidden(next, &old));
}

}  // namespace
}  // namespace sl::kube

// What tests everywhere need of JSON: a text that must parse, and a text that must decode.
// Who calls: *_test.cc and test kits only. Thread: one.
#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "json/describe.h"
#include "json/node.h"

namespace sl::json::test {

inline Value must(std::string_view text) {
  auto v = parse(text);
  EXPECT_TRUE(v) << text << ": " << (v ? "" : v.error().message);
  return v ? *v : Value();
}

// The same read in place, for what points into its document: both live as long as the program.
inline const Node& kept(std::string_view text) {
  static auto* texts = new std::deque<std::string>();
  static auto* documents = new std::deque<Document>();
  auto node = documents->emplace_back().read(texts->emplace_back(text));
  EXPECT_TRUE(node) << text << ": " << (node ? "" : node.error().message);
  return node ? **node : Node::null();
}

template <class T>
T must_be(std::string_view text) {
  auto r = decode<T>(must(text), "spec");
  EXPECT_TRUE(r) << text << ": " << (r ? "" : r.error().message);
  return r ? *r : T{};
}

}  // namespace sl::json::test

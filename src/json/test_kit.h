// What tests everywhere need of JSON: a text that must parse, and a text that must decode.
// Who calls: *_test.cc and test kits only. Thread: one.
#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "json/describe.h"

namespace sl::json::test {

inline Value must(std::string_view text) {
  auto v = parse(text);
  EXPECT_TRUE(v) << text << ": " << (v ? "" : v.error().message);
  return v ? *v : Value();
}

// The same for what points into its document: it lives as long as the program.
inline const Value& kept(std::string_view text) {
  static auto* documents = new std::deque<Value>();
  return documents->emplace_back(must(text));
}

template <class T>
T must_be(std::string_view text) {
  auto r = decode<T>(must(text), "spec");
  EXPECT_TRUE(r) << text << ": " << (r ? "" : r.error().message);
  return r ? *r : T{};
}

}  // namespace sl::json::test

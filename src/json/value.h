// Value: the JSON document model used by everything off the data path, with bounded parsing and our own
// writer (Boost.JSON behind one name; no other folder names the library).
//
// Objects keep insertion order. Integers keep 64 bits; other numbers are doubles, written in the
// shortest form that reads back the same. Who calls: all. Thread: plain value.
// Limits: depth and size are the caller's (ParseLimits). Source: RFC 8259.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sl::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;
using String = boost::json::string;

struct ParseLimits {
  size_t bytes_max = 16u << 20;
  size_t depth_max = 100;
};

// Strict RFC 8259, UTF-8 checked, one document. The error names line and column.
Result<Value> parse(std::string_view text, ParseLimits limits = {});

// As parse, and reports every duplicate key as a path ("spec.a") into *duplicates (last one wins).
Result<Value> parse_noting_duplicates(std::string_view text, std::vector<std::string>* duplicates,
                                      ParseLimits limits = {});

void write(const Value& value, std::string& out);  // appends compact text
std::string dump(const Value& value);
std::string dump_pretty(const Value& value);                 // two-space indent, for people
void write_string(std::string_view text, std::string& out);  // appends a quoted, escaped string

// Deep equality; 1 and 1.0 are equal, objects compare without regard to order.
bool equal(const Value& a, const Value& b);

// Walks object keys; nullptr as soon as one is missing or not an object.
template <class... Keys>
const Value* find(const Value& v, std::string_view key, Keys... rest) {
  const Object* o = v.if_object();
  const Value* child = o ? o->if_contains(key) : nullptr;
  if constexpr (sizeof...(rest) == 0)
    return child;
  else
    return child ? find(*child, rest...) : nullptr;
}
// The string at the path, or "" if it is missing or not a string.
template <class... Keys>
std::string_view str(const Value& v, Keys... keys) {
  const Value* at = find(v, keys...);
  const String* s = at ? at->if_string() : nullptr;
  return s ? std::string_view(*s) : std::string_view();
}
template <class... Keys>
int64_t num(const Value& v, int64_t otherwise, Keys... keys) {
  const Value* at = find(v, keys...);
  if (!at) return otherwise;
  if (auto* i = at->if_int64()) return *i;
  if (auto* u = at->if_uint64()) return *u > INT64_MAX ? INT64_MAX : static_cast<int64_t>(*u);
  if (auto* d = at->if_double())
    return *d >= 9.2e18 ? INT64_MAX : *d <= -9.2e18 ? INT64_MIN : *d == *d ? static_cast<int64_t>(*d) : otherwise;
  return otherwise;
}
template <class... Keys>
const Array* arr(const Value& v, Keys... keys) {
  const Value* at = find(v, keys...);
  return at ? at->if_array() : nullptr;
}
// True where `true` stands at the path.
template <class... Keys>
bool flag(const Value& v, Keys... keys) {
  const Value* at = find(v, keys...);
  return at && at->is_bool() && at->get_bool();
}
inline std::string_view view(const String& s) {
  return {s.data(), s.size()};
}

// Object at the path, made (and replaced if it is something else) on the way.
Object& ensure_object(Value& v);
Object& ensure_object(Object& o, std::string_view key);

// "a.b[0].c" pieces.
std::string child_path(std::string_view path, std::string_view key);
std::string index_path(std::string_view path, size_t index);

size_t depth(const Value& v);  // 0 for a scalar

std::string_view kind_name(const Value& v);  // "string", "integer", "object", ...

}  // namespace sl::json

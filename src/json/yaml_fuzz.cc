// YAML text: parse, write each document and parse it again.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "json/yaml.h"

namespace sl::json {
namespace {

constexpr YamlLimits kLimits = {.bytes_max = 64 * 1024, .depth_max = 50, .nodes_max = 5'000};
constexpr YamlLimits kLimitsBack = {.bytes_max = 16u << 20, .depth_max = 50, .nodes_max = 5'000};

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

size_t depth_of(const Value& v) {
  size_t deepest = 0;
  if (auto* a = v.if_array())
    for (auto& e : *a) deepest = std::max(deepest, depth_of(e));
  if (auto* o = v.if_object())
    for (auto& [key, e] : *o) deepest = std::max(deepest, depth_of(e));
  return v.is_array() || v.is_object() ? deepest + 1 : 0;
}

// As equal, and with the keys in the same order.
bool same(const Value& a, const Value& b) {
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), same);
  if (!a.is_object() || !b.is_object()) return equal(a, b);
  return std::ranges::equal(a.get_object(), b.get_object(),
                            [](auto& x, auto& y) { return x.key() == y.key() && same(x.value(), y.value()); });
}

void check_round_trip(const Value& v) {
  std::string text = dump_yaml(v);
  check(valid_utf8(text), "what is written is UTF-8", text);
  auto back = parse_yaml(text, kLimitsBack);
  check(back.has_value(), "what is written parses", text);
  check(back->size() == 1, "what is written is one document", text);
  check(back->front().duplicates.empty(), "what is written has no duplicates", text);
  check(equal(back->front().value, v), "what is written reads back the same", text);
  check(same(back->front().value, v), "what is written keeps the order of keys", text);
}

void run(std::string_view text) {
  auto docs = parse_yaml(text, kLimits);
  if (!docs) {
    const std::string& message = docs.error().message;
    check(message.find("YAML") != std::string::npos, "an error names YAML", message);
    check(valid_utf8(message), "an error is UTF-8", message);
    return;
  }
  for (auto& doc : *docs) {
    check(doc.line >= 1, "a document starts on a line", std::string(text));
    check(depth_of(doc.value) <= kLimits.depth_max, "depth is limited", std::string(text));
    check_round_trip(doc.value);
  }
}

}  // namespace
}  // namespace sl::json

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::json::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

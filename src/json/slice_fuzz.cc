// Pieces of a JSON text: the parser is the judge of what they are.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json/slice.h"
#include "json/value.h"

namespace sl::json {
namespace {

constexpr size_t kMembersMax = 20;  // each is looked for in the whole text

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

bool same(std::string_view text, const Value& v) {
  auto parsed = parse(text, {.bytes_max = SIZE_MAX, .depth_max = 200});
  return parsed && equal(*parsed, v);
}

void check_set(std::string_view text, const Value& v, std::string_view key, std::string_view value) {
  std::string out = set_member(text, key, value);
  Value wanted = v;
  wanted.get_object()[key] = *parse(value);
  check(same(out, wanted), "a member is set, and no other", out);
  check(member_text(out, key) == value, "it stands there as it was given", out);
  std::string_view old = member_text(text, key);
  if (old.empty()) return;
  size_t at = static_cast<size_t>(old.data() - text.data());
  std::string by_hand = std::string(text.substr(0, at)).append(value).append(text.substr(at + old.size()));
  check(out == by_hand, "every other byte stays", out);
  check(set_member(text, key, old) == text, "set to itself nothing changes", text);
}

void check_object(std::string_view text, const Value& v) {
  size_t left = kMembersMax;
  for (auto& [key, child] : v.get_object()) {
    if (left-- == 0) break;
    std::string_view found = member_text(text, key);
    check(!found.empty() && same(found, child), "a member is found", text);
    check(found.data() >= text.data() && found.data() + found.size() <= text.data() + text.size(), "in the text", text);
    check_set(text, v, key, R"({"}":["\"",1]})");
  }
  for (std::string_view key : {"", "a", "model", "stream_options", "q\"\\\n"}) {
    check(member_text(text, key).empty() == !v.get_object().contains(key), "what is not there is not found", text);
    check_set(text, v, key, "null");
  }
}

void check_array(std::string_view text, const Value& v) {
  auto& items = v.get_array();
  for (size_t i = 0; i < items.size() && i < kMembersMax; ++i)
    check(same(item_text(text, i), items[i]), "an item is found", text);
  if (!items.empty()) check(same(item_text(text, items.size() - 1), items.back()), "the last one too", text);
  check(item_text(text, items.size()).empty() && item_text(text, SIZE_MAX).empty(), "there is none behind it", text);
}

void run(std::string_view text) {
  auto v = parse(text);
  if (!v) return;
  if (v->is_object()) check_object(text, *v);
  if (v->is_array()) check_array(text, *v);
}

}  // namespace
}  // namespace sl::json

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::json::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// A text read in place is what the document model reads of it: the same texts are taken, with the same values.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json/node.h"
#include "json/value.h"

namespace sl::json {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

bool same(const Node& n, const Value& v);

bool same_members(const Node& n, const Object& o) {
  std::map<std::string_view, const Node*> last;
  for (auto& member : n) last[member.key()] = &member;
  if (last.size() != o.size()) return false;
  for (auto& [key, value] : o) {
    auto at = last.find(std::string_view(key.data(), key.size()));
    if (at == last.end() || !same(*at->second, value) || find(n, at->first) != at->second) return false;
  }
  return true;
}

bool same_items(const Node& n, const Array& a) {
  size_t i = 0;
  for (auto& item : n)
    if (i >= a.size() || !same(item, a[i++])) return false;
  return i == a.size();
}

bool same_number(const Node& n, const Value& v) {
  if (auto* i = v.if_int64()) return n.integer() == *i || n.number() == static_cast<double>(*i);
  double wide = v.to_number<double>();
  return n.number() == wide || std::abs(n.number() - wide) <= std::abs(wide) * 1e-15;
}

bool same(const Node& n, const Value& v) {
  auto written = parse(n.text(), {.bytes_max = SIZE_MAX, .depth_max = 200});
  if (n.is_number() || n.is_string())
    if (!written || !equal(*written, v)) return false;
  if (v.is_object()) return n.is_object() && same_members(n, v.get_object());
  if (v.is_array()) return n.is_array() && n.size() == v.get_array().size() && same_items(n, v.get_array());
  if (v.is_string()) return n.is_string() && n.string() == view(v.get_string());
  if (v.is_bool()) return n.is_bool() && n.is_true() == v.get_bool();
  if (v.is_null()) return n.is_null();
  return n.is_number() && same_number(n, v);
}

void check_set(std::string_view text, const Value& v, std::string_view key, std::string_view value) {
  std::string out = set_member(text, key, value).value_or("");
  Value wanted = v;
  wanted.get_object()[key] = *parse(value);
  auto got = parse(out, {.bytes_max = SIZE_MAX, .depth_max = 200});
  check(got && equal(*got, wanted), "a member is set, and no other", out);
  Document document;
  auto old = document.read(text);
  auto* member = old ? find(**old, key) : nullptr;
  if (!member) return;
  size_t at = static_cast<size_t>(member->text().data() - text.data());
  std::string by_hand = std::string(text.substr(0, at)).append(value).append(text.substr(at + member->text().size()));
  check(out == by_hand, "every other byte stays", out);
  check(set_member(text, key, member->text()).value_or("") == text, "set to itself nothing changes", text);
}

void check_edits(std::string_view text, const Value& v) {
  size_t left = 16;
  for (auto& [key, child] : v.get_object())
    if (left-- > 0) check_set(text, v, key, R"({"}":["\"",1]})");
  for (std::string_view key : {"", "a", "model", "stream_options", "q\"\\\n"}) check_set(text, v, key, "null");
}

void run(std::string_view text) {
  std::vector<char> exact(text.begin(), text.end());  // its own memory: a byte too far is seen
  Document document;
  auto node = document.read({exact.data(), exact.size()});
  auto value = parse(text);
  if (!node) {
    check(!node.error().message.empty(), "an error says something", text);
    check(!value || node.error().code == Code::TooLarge, "what the document model reads is read", text);
    return;
  }
  check((*node)->text().size() <= text.size(), "a node lies in its text", text);
  // The model refuses numbers that no double holds.
  if (!value) return check(value.error().message.find("exponent") != std::string::npos, "no other text is read", text);
  check(same(**node, *value), "both read the same", text);
  if (value->is_object() && text.size() < 100'000) check_edits(text, *value);
}

}  // namespace
}  // namespace sl::json

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::json::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// JSON text: parse, write and parse again; patches when the document is a list [target, patch].
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "json/patch.h"
#include "json/value.h"

namespace sl::json {
namespace {

constexpr size_t kOperationsMax = 8;  // each may double the document

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

// As equal, and with the keys in the same order.
bool same(const Value& a, const Value& b) {
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), same);
  if (!a.is_object() || !b.is_object()) return equal(a, b);
  return std::ranges::equal(a.get_object(), b.get_object(),
                            [](auto& x, auto& y) { return x.key() == y.key() && same(x.value(), y.value()); });
}

void check_round_trips(const Value& v) {
  std::string text = dump(v);
  check(valid_utf8(text), "what is written is UTF-8", text);
  auto back = parse(text, {.bytes_max = SIZE_MAX, .depth_max = 200});
  check(back && equal(*back, v) && same(*back, v), "compact text reads back the same", text);
  std::string pretty = dump_pretty(v);
  auto from_pretty = parse(pretty, {.bytes_max = SIZE_MAX, .depth_max = 200});
  check(from_pretty && same(*from_pretty, v), "pretty text reads back the same", pretty);
}

void check_merge(const Value& target, const Value& patch) {
  Value once = target;
  merge_patch(once, patch);
  Value twice = once;
  merge_patch(twice, patch);
  check(equal(once, twice), "merging twice changes nothing", dump(once));
  check_round_trips(once);
}

void check_patch(const Value& target, const Value& patch) {
  if (auto* ops = patch.if_array(); ops && ops->size() > kOperationsMax) return;
  std::string before = dump(target);
  auto out = json_patch(target, patch);
  check(dump(target) == before, "the target stays as it was", before);
  if (out)
    check_round_trips(*out);
  else
    check(!out.error().message.empty(), "an error says something", before);
}

void run(std::string_view text) {
  auto v = parse(text);
  std::vector<std::string> duplicates;
  auto noting = parse_noting_duplicates(text, &duplicates);
  check(v.has_value() == noting.has_value(), "both parsers agree", std::string(text));
  if (!v) return check(v.error().message.find("JSON") != std::string::npos, "an error names JSON", v.error().message);
  check(equal(*v, *noting), "both parsers give the same", std::string(text));
  check_round_trips(*v);
  auto* list = v->if_array();
  if (!list || list->size() != 2) return;
  check_merge((*list)[0], (*list)[1]);
  check_patch((*list)[0], (*list)[1]);
}

}  // namespace
}  // namespace sl::json

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::json::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// JSONPath of printer columns, which come with a CustomResourceDefinition: [object, path].
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kube/apiserver/table.h"

namespace sl::kube {
namespace {

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

// Every value of the object is found by its own path, in both spellings.
void check_places(const Value& root, const Value& at, const std::string& path, int& left) {
  if (left-- <= 0) return;
  check(json::equal(evaluate_path(root, path), at), "a value is found by its path", path);
  check(json::equal(evaluate_path(root, "{$" + path + "}"), at), "and by the other spelling", path);
  if (auto* a = at.if_array())
    for (size_t i = 0; i < a->size(); ++i) check_places(root, (*a)[i], path + "[" + std::to_string(i) + "]", left);
  if (auto* o = at.if_object())
    for (auto& [key, child] : *o) {
      if (key.empty()) continue;
      std::string escaped;
      for (char c : key) escaped += std::string(c == '.' || c == '[' || c == '\\' ? "\\" : "") + c;
      check_places(root, child, path + "." + escaped, left);
    }
}

void check_ages(int64_t seconds) {
  std::string age = human_duration(seconds);
  check(!age.empty() && age.find_first_not_of("-0123456789smhdy") == std::string::npos, "an age is short", age);
}

void run(std::string_view text) {
  auto v = json::parse(text);
  auto* list = v ? v->if_array() : nullptr;
  if (!list || list->size() != 2) return;
  const Value& object = (*list)[0];
  int left = 50;
  check_places(object, object, "", left);
  if (auto* seconds = (*list)[1].if_int64()) return check_ages(*seconds);
  auto* path = (*list)[1].if_string();
  if (!path) return;
  Value found = evaluate_path(object, json::view(*path));
  std::string written = json::dump(found);
  check(json::parse(written).has_value(), "what is found can be written", written);
  check(json::equal(evaluate_path(object, json::view(*path)), found), "it is found again", written);
  check(evaluate_path(nullptr, json::view(*path)).is_null(), "nothing is in nothing", written);
}

}  // namespace
}  // namespace sl::kube

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::kube::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

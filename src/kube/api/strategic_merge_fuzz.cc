// Strategic merge patch: [target, patch] for a kind with lists that merge by key, as sets and not at all.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "json/describe.h"
#include "kube/api/strategic_merge.h"
#include "kube/schema/structural.h"

namespace sl::kube {
namespace {

using json::Value;

struct Container {
  std::string name, image;
  std::vector<std::string> args;
};
void describe(json::Fields<Container>& f) {
  f.add("name", &Container::name).required();
  f.add("image", &Container::image);
  f.add("args", &Container::args);
}
struct PodLike {
  std::vector<Container> containers;
  std::vector<std::string> finalizers, atomic;
  std::map<std::string, std::string> labels;
  json::Value strategy;
};
void describe(json::Fields<PodLike>& f) {
  f.add("containers", &PodLike::containers).list_map({"name"}).patch_merge("name");
  f.add("finalizers", &PodLike::finalizers).list_set().patch_merge();
  f.add("atomic", &PodLike::atomic);
  f.add("labels", &PodLike::labels);
  f.add("strategy", &PodLike::strategy);
}

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

const json::Schema& schema() {
  return json::schema_of<PodLike>();
}

bool valid(const Value& v) {
  std::vector<Cause> causes;
  validate(v, nullptr, schema(), "", causes);
  return causes.empty();
}

// Only values: nothing that deletes, replaces or orders.
bool plain(const Value& patch) {
  if (auto* a = patch.if_array()) return std::ranges::all_of(*a, plain);
  if (auto* o = patch.if_object())
    return std::ranges::all_of(*o, [](auto& m) { return !m.key().starts_with("$") && plain(m.value()); });
  return !patch.is_null();
}

void check_others_stay(const Value& target, const Value& patch, const Value& merged, const std::string& text) {
  for (auto& [key, value] : target.get_object()) {
    if (patch.get_object().contains(key) || patch.get_object().contains("$deleteFromPrimitiveList/" + std::string(key)))
      continue;
    auto* now = json::find(merged, key);
    check(now && json::equal(*now, value), "what the patch does not name stays", text);
  }
}

// An item of the list says "$patch": it is an order, not a value.
bool has_order(const Value& v) {
  auto* list = json::arr(v, "containers");
  return list && std::ranges::any_of(*list, [](auto& item) {
           std::string_view order = json::str(item, "$patch");
           return order == "delete" || order == "replace";
         });
}

void run(std::string_view input) {
  auto v = json::parse(input);
  auto* list = v ? v->if_array() : nullptr;
  if (!list || list->size() != 2 || !(*list)[0].is_object()) return;
  const Value& target = (*list)[0];
  const Value& patch = (*list)[1];
  std::string text = json::dump(*v);
  Value same = target;
  check(strategic_merge(same, json::Object{}, &schema()) && json::equal(same, target), "nothing changes nothing", text);
  Value once = target, free = target;
  (void)strategic_merge(free, patch, nullptr);
  auto done = strategic_merge(once, patch, &schema());
  check(json::dump(*v) == text, "the patch stays as it was", text);
  check(valid_utf8(json::dump(once)), "the result is UTF-8", text);
  if (!done) {
    check(done.error().code == Code::InvalidArgument && !done.error().message.empty(), "an error says something", text);
    return;
  }
  if (!patch.is_object()) return check(json::equal(once, patch), "a scalar takes the place", text);
  check(once.is_object(), "an object stays one", text);
  check(has_order(target) || !has_order(once), "an order to delete or replace is not stored", text);
  if (!patch.get_object().contains("$patch") && !patch.get_object().contains("$retainKeys"))
    check_others_stay(target, patch, once, text);
  if (!plain(patch) || !valid(target) || !valid(once)) return;
  Value twice = once;
  check(strategic_merge(twice, patch, &schema()) && json::equal(once, twice), "merging twice changes nothing", text);
}

}  // namespace
}  // namespace sl::kube

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::kube::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

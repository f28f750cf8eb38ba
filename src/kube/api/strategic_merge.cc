#include "kube/api/strategic_merge.h"

#include <fmt/format.h>

#include <algorithm>

namespace sl::kube {

using json::Schema;
using json::Value;

namespace {

constexpr std::string_view kDelete = "$deleteFromPrimitiveList/";
constexpr std::string_view kOrder = "$setElementOrder/";

const Schema* child_of(const Schema* s, std::string_view key) {
  if (!s) return nullptr;
  auto* p = s->property(key);
  return p ? p->schema.get() : s->additional.get();
}

void delete_primitives(Value* list, const Value& gone) {
  if (!list || !list->is_array() || !gone.is_array()) return;
  auto& a = list->get_array();
  for (auto& g : gone.get_array())
    for (size_t i = a.size(); i-- > 0;)
      if (json::equal(a[i], g)) a.erase(a.begin() + static_cast<ptrdiff_t>(i));
}

Result<void> merge_list(Value& target, const json::Array& patch, const Schema& s) {
  auto& list = target.get_array();
  const std::string& key = s.patch_merge_key;
  auto replaces = [](const Value& item) { return json::str(item, "$patch") == "replace"; };
  if (std::any_of(patch.begin(), patch.end(), replaces)) list.clear();
  for (auto& item : patch) {
    if (key.empty()) {  // a set of scalars
      bool there = std::any_of(list.begin(), list.end(), [&](auto& v) { return json::equal(v, item); });
      if (!there) list.push_back(item);
      continue;
    }
    if (replaces(item)) continue;
    const Value* id = json::find(item, key);
    if (!id) return fail(Code::InvalidArgument, fmt::format("map: does not contain declared merge key: {}", key));
    auto at = std::find_if(list.begin(), list.end(), [&](auto& v) {
      auto* k = json::find(v, key);
      return k && json::equal(*k, *id);
    });
    if (json::str(item, "$patch") == "delete") {
      if (at != list.end()) list.erase(at);
    } else if (at == list.end()) {
      list.push_back(item);
    } else {
      SL_CHECK(strategic_merge(*at, item, s.items.get()));
    }
  }
  return {};
}

}  // namespace

Result<void> strategic_merge(Value& target, const Value& patch, const Schema* schema) {
  auto* changes = patch.if_object();
  if (!changes) {
    target = patch;
    return {};
  }
  std::string_view directive = json::str(patch, "$patch");
  if (directive == "replace") target = json::Object{};
  json::Object& o = json::ensure_object(target);
  if (directive == "delete") {
    o.clear();
    return {};
  }
  if (auto* keep = json::arr(patch, "$retainKeys")) {
    std::vector<std::string> gone;
    for (auto& [key, v] : o)
      if (std::none_of(keep->begin(), keep->end(),
                       [&](auto& k) { return k.is_string() && json::view(k.get_string()) == std::string_view(key); }))
        gone.emplace_back(key);
    for (auto& key : gone) o.erase(key);
  }
  for (auto& [raw_key, value] : *changes) {
    std::string_view key = raw_key;
    if (key.starts_with(kDelete)) {
      delete_primitives(o.if_contains(key.substr(kDelete.size())), value);
      continue;
    }
    if (key == "$patch" || key == "$retainKeys" || key.starts_with(kOrder)) continue;
    const Schema* cs = child_of(schema, key);
    if (value.is_null()) {
      o.erase(key);
    } else if (value.is_array() && cs && cs->patch_merge) {
      Value& list = o[key];
      if (!list.is_array()) list = json::Array{};
      SL_CHECK(merge_list(list, value.get_array(), *cs));
    } else if (value.is_object()) {
      SL_CHECK(strategic_merge(o[key], value, cs));
    } else {
      o[key] = value;
    }
  }
  return {};
}

}  // namespace sl::kube

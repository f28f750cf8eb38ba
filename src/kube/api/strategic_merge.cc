#include "kube/api/strategic_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

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

// Where each item of a list stands: by its merge key, or by itself in a list of scalars.
class Places {
 public:
  Places(const json::Array& list, const std::string& key) : key_(key) {
    for (size_t i = 0; i < list.size(); ++i) places_.try_emplace(name(list[i]), i);
  }
  std::optional<size_t> of(const Value& item) const {
    auto at = places_.find(name(item));
    return at == places_.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  std::string name(const Value& item) const {
    auto* id = key_.empty() ? &item : json::find(item, key_);
    return id ? json::dump(*id) : "";
  }
  const std::string& key_;
  std::unordered_map<std::string, size_t> places_;
};

// Items that the patch orders stand as it says; what only the server has keeps its place before them, if it had one.
void set_order(json::Array& list, const json::Array& order, const json::Array& before, const std::string& key) {
  Places wanted(order, key), had(before, key);
  std::vector<Value> ordered, others;
  for (auto& item : list) (wanted.of(item) ? ordered : others).push_back(std::move(item));
  std::sort(ordered.begin(), ordered.end(), [&](auto& a, auto& b) { return wanted.of(a) < wanted.of(b); });
  size_t i = 0, j = 0;
  for (auto& place : list) {
    bool other = j == ordered.size();
    if (!other && i < others.size()) {
      auto mine = had.of(others[i]), its = had.of(ordered[j]);
      other = mine && its && *mine < *its;
    }
    place = std::move(other ? others[i++] : ordered[j++]);
  }
}

// The lists that a patch orders, as they were before it.
using Before = std::vector<std::pair<std::string_view, json::Array>>;

Before lists_to_order(const json::Object& target, const json::Object& changes) {
  Before out;
  for (auto& [key, order] : changes) {
    if (!std::string_view(key).starts_with(kOrder)) continue;
    auto* list = target.if_contains(std::string_view(key).substr(kOrder.size()));
    out.emplace_back(key, list && list->is_array() ? list->get_array() : json::Array());
  }
  return out;
}

void set_orders(json::Object& target, const json::Object& changes, const Before& before, const Schema* schema) {
  for (auto& [key, list_before] : before) {
    auto* order = changes.at(key).if_array();
    auto* list = target.if_contains(key.substr(kOrder.size()));
    const Schema* s = child_of(schema, key.substr(kOrder.size()));
    if (order && list && list->is_array() && s && s->patch_merge)
      set_order(list->get_array(), *order, list_before, s->patch_merge_key);
  }
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
  Before before = lists_to_order(o, *changes);
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
  set_orders(o, *changes, before, schema);
  return {};
}

}  // namespace sl::kube

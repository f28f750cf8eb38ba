#include "kube/api/field_set.h"

#include <set>
#include <unordered_map>

namespace sl::kube {

using json::ListType;
using json::Schema;
using json::Value;

namespace {

const Schema* child_schema(const Schema* s, std::string_view key) {
  if (!s) return nullptr;
  if (auto* p = s->property(key)) return p->schema.get();
  return s->additional.get();
}

bool granular_map(const Value& v, const Schema* s) {
  return v.is_object() && !(s && s->map_atomic);
}

// The path element of a list item, or "" when the list is atomic.
std::string item_element(const Value& item, const Schema* s) {
  if (!s || s->list_type == ListType::Atomic) return "";
  if (s->list_type == ListType::Set) return "v:" + json::dump(item);
  json::Object key;
  for (auto& name : s->list_map_keys) {
    if (auto* v = json::find(item, name)) {
      key[name] = *v;
    } else if (auto* p = s->items ? s->items->property(name) : nullptr; p && p->schema->default_value) {
      key[name] = *p->schema->default_value;
    }
  }
  return "k:" + json::dump(key);
}

bool granular_list(const Value& v, const Schema* s) {
  return v.is_array() && s && s->list_type != ListType::Atomic;
}

// The items of a list by their path element: lists may be long, and every item is looked up.
class Items {
 public:
  Items(const Value* list, const Schema* s) {
    if (!list || !list->is_array() || !s || s->list_type == ListType::Atomic) return;
    auto& array = list->get_array();
    for (size_t i = 0; i < array.size(); ++i) at_.try_emplace(item_element(array[i], s), i);
    list_ = &array;
  }
  // Where it stands; npos if it is not there.
  size_t index(const std::string& element) const {
    auto it = at_.find(element);
    return it == at_.end() ? std::string::npos : it->second;
  }
  const Value* find(const std::string& element) const {
    size_t i = index(element);
    return i == std::string::npos ? nullptr : &(*list_)[i];
  }

 private:
  const json::Array* list_ = nullptr;
  std::unordered_map<std::string, size_t> at_;
};

// The children of one value by path element.
class Children {
 public:
  Children(const Value* v, const Schema* s) : value_(v), items_(v, s) {}
  const Value* find(const std::string& element) const {
    if (!value_) return nullptr;
    return element.starts_with("f:") ? json::find(*value_, element.substr(2)) : items_.find(element);
  }

 private:
  const Value* value_;
  Items items_;
};

const Schema* element_schema(const std::string& element, const Schema* s) {
  if (element.starts_with("f:")) return child_schema(s, element.substr(2));
  return s ? s->items.get() : nullptr;
}

}  // namespace

FieldSet FieldSet::of(const Value& v, const Schema* s) {
  FieldSet out;
  if (granular_map(v, s)) {
    for (auto& [key, child] : v.get_object()) out.children["f:" + std::string(key)] = of(child, child_schema(s, key));
    out.self = v.get_object().empty();
  } else if (granular_list(v, s)) {
    for (auto& item : v.get_array()) {
      FieldSet entry = s->list_type == ListType::Map ? of(item, s->items.get()) : FieldSet{true, {}};
      entry.self = true;
      out.children[item_element(item, s)] = std::move(entry);
    }
    out.self = v.get_array().empty();
  } else {
    out.self = true;
  }
  return out;
}

FieldSet FieldSet::from_json(const Value& v) {
  FieldSet out;
  auto* o = v.if_object();
  if (!o) return out;
  out.self = o->empty() || o->contains(".");
  for (auto& [key, child] : *o)
    if (key != ".") out.children[std::string(key)] = from_json(child);
  return out;
}

Value FieldSet::to_json() const {
  json::Object out;
  if (self && !children.empty()) out["."] = json::Object{};
  for (auto& [key, child] : children) out[key] = child.to_json();
  return out;
}

void FieldSet::add(const FieldSet& other) {
  self |= other.self;
  for (auto& [key, child] : other.children) children[key].add(child);
}

void FieldSet::subtract(const FieldSet& other) {
  if (other.self) self = false;
  for (auto& [key, child] : other.children) {
    auto it = children.find(key);
    if (it == children.end()) continue;
    it->second.subtract(child);
    if (it->second.empty()) children.erase(it);
  }
}

void FieldSet::cut(const FieldSet& leaves) {
  for (auto& [key, child] : leaves.children) {
    auto it = children.find(key);
    if (it == children.end()) continue;
    if (child.children.empty()) {
      children.erase(it);
      continue;
    }
    it->second.cut(child);
    if (it->second.empty()) children.erase(it);
  }
}

FieldSet FieldSet::minus(const FieldSet& other) const {
  FieldSet out = *this;
  out.subtract(other);
  return out;
}

FieldSet FieldSet::intersect(const FieldSet& other) const {
  FieldSet out;
  out.self = self && other.self;
  for (auto& [key, child] : children) {
    auto it = other.children.find(key);
    if (it == other.children.end()) continue;
    FieldSet both = child.intersect(it->second);
    if (!both.empty()) out.children[key] = std::move(both);
  }
  return out;
}

static void collect_paths(const FieldSet& set, const std::string& at, std::vector<std::string>& out) {
  if (set.self && set.children.empty()) out.push_back(at);
  for (auto& [key, child] : set.children) {
    std::string piece = key.size() > 2 ? key.substr(2) : "";
    if (key.starts_with("k:")) {  // [name="http"]
      std::string text;
      if (auto parsed = json::parse(piece); parsed && parsed->is_object())
        for (auto& [k, v] : parsed->get_object())
          text += (text.empty() ? "" : ",") + std::string(k) + "=" + json::dump(v);
      collect_paths(child, at + "[" + text + "]", out);
    } else if (key.starts_with("v:")) {
      collect_paths(child, at + "[" + piece + "]", out);
    } else {
      collect_paths(child, at + "." + piece, out);
    }
  }
}

std::vector<std::string> FieldSet::paths() const {
  std::vector<std::string> out;
  collect_paths(*this, "", out);
  return out;
}

void compare(const Value& before, const Value& after, const Schema* s, FieldSet& changed, FieldSet& removed) {
  if (granular_map(before, s) && granular_map(after, s)) {
    for (auto& [key, child] : after.get_object()) {
      std::string element = "f:" + std::string(key);
      const Schema* cs = child_schema(s, key);
      FieldSet c, r;
      if (auto* old = before.get_object().if_contains(key))
        compare(*old, child, cs, c, r);
      else
        c = FieldSet::of(child, cs);
      if (!c.empty()) changed.children[element] = std::move(c);
      if (!r.empty()) removed.children[element] = std::move(r);
    }
    for (auto& [key, child] : before.get_object())
      if (!after.get_object().contains(key))
        removed.children["f:" + std::string(key)] = FieldSet::of(child, child_schema(s, key));
    return;
  }
  if (granular_list(before, s) && granular_list(after, s)) {
    Items old_items(&before, s), new_items(&after, s);
    for (auto& item : after.get_array()) {
      std::string element = item_element(item, s);
      FieldSet c, r;
      if (auto* old = old_items.find(element))
        compare(*old, item, s->items.get(), c, r);
      else
        (c = FieldSet::of(item, s->items.get())).self = true;
      if (!c.empty()) changed.children[element] = std::move(c);
      if (!r.empty()) removed.children[element] = std::move(r);
    }
    for (auto& item : before.get_array()) {
      std::string element = item_element(item, s);
      if (new_items.find(element)) continue;
      (removed.children[element] = FieldSet::of(item, s->items.get())).self = true;
    }
    return;
  }
  if (json::equal(before, after)) return;
  changed = FieldSet::of(after, s);
  if (before.kind() != after.kind()) removed = FieldSet::of(before, s).minus(changed);
}

static void differ(const FieldSet& fields, const Value* a, const Value* b, const Schema* s, FieldSet& out) {
  if (fields.self && fields.children.empty()) {
    bool same = a && b ? json::equal(*a, *b) : a == b;
    if (!same) out.self = true;
    return;
  }
  Children as(a, s), bs(b, s);
  for (auto& [element, child] : fields.children) {
    FieldSet d;
    differ(child, as.find(element), bs.find(element), element_schema(element, s), d);
    if (!d.empty()) out.children[element] = std::move(d);
  }
}

FieldSet differing(const FieldSet& fields, const Value& a, const Value& b, const Schema* s) {
  FieldSet out;
  differ(fields, &a, &b, s, out);
  return out;
}

Value merge_apply(const Value& live, const Value& config, const Schema* s) {
  if (granular_map(live, s) && granular_map(config, s)) {
    Value out = live;
    for (auto& [key, child] : config.get_object()) {
      auto* mine = out.get_object().if_contains(key);
      if (mine)
        *mine = merge_apply(*mine, child, child_schema(s, key));
      else
        out.get_object()[key] = child;
    }
    return out;
  }
  if (granular_list(live, s) && granular_list(config, s)) {
    // Applied items in the applied order; what is not applied keeps its place among those before it.
    Items mine(&live, s), applied(&config, s);
    auto& old = live.get_array();
    json::Array out;
    size_t next = 0;
    auto keep_until_applied = [&] {
      for (; next < old.size() && !applied.find(item_element(old[next], s)); ++next) out.push_back(old[next]);
    };
    keep_until_applied();
    for (auto& item : config.get_array()) {
      size_t at = mine.index(item_element(item, s));
      bool merges = at != std::string::npos && s->list_type == ListType::Map;
      out.push_back(merges ? merge_apply(old[at], item, s->items.get()) : item);
      if (at == next) ++next;
      keep_until_applied();
    }
    for (; next < old.size(); ++next)  // behind items whose order was changed
      if (!applied.find(item_element(old[next], s))) out.push_back(old[next]);
    return out;
  }
  return config;
}

// True when nothing more is left at `at` than was before its fields were removed.
static bool hollow(const Value& v) {
  return (v.is_object() && v.get_object().empty()) || (v.is_array() && v.get_array().empty());
}

static const FieldSet& child_of(const FieldSet& set, const std::string& element) {
  static const FieldSet kNothing;
  auto it = set.children.find(element);
  return it == set.children.end() ? kNothing : it->second;
}

static void remove_member(json::Object& o, const std::string& key, const FieldSet& fields, const FieldSet& kept,
                          const Schema* s) {
  Value* at = o.if_contains(key);
  if (!at) return;
  bool leaf = fields.self && fields.children.empty();
  if (leaf && !kept.empty()) return;
  bool was_hollow = hollow(*at);
  if (!leaf) remove_fields(*at, fields, kept, s);
  if (leaf || (hollow(*at) && !was_hollow && kept.empty())) o.erase(key);
}

static void remove_items(Value& list, const FieldSet& fields, const FieldSet& kept, const Schema* s) {
  Items items(&list, s);
  json::Array& array = list.get_array();
  std::set<size_t> gone;
  for (auto& [element, child] : fields.children) {
    size_t at = items.index(element);
    if (at == std::string::npos) continue;
    const FieldSet& stays = child_of(kept, element);
    if (child.self && stays.empty()) {
      gone.insert(at);
      continue;
    }
    FieldSet inner = child;
    for (auto& key : s->list_map_keys) inner.children.erase("f:" + key);  // without them it would be another item
    remove_fields(array[at], inner, stays, s->items.get());
  }
  if (gone.empty()) return;
  json::Array left;
  for (size_t i = 0; i < array.size(); ++i)
    if (!gone.contains(i)) left.push_back(std::move(array[i]));
  array = std::move(left);
}

void remove_fields(Value& value, const FieldSet& fields, const FieldSet& kept, const Schema* s) {
  if (value.is_array()) return remove_items(value, fields, kept, s);
  if (!value.is_object()) return;
  for (auto& [element, child] : fields.children)
    if (element.starts_with("f:"))
      remove_member(value.get_object(), element.substr(2), child, child_of(kept, element),
                    child_schema(s, element.substr(2)));
}

static void reshape(const FieldSet& mine, const FieldSet& theirs, const Value* before, const Value* after,
                    const Schema* s, FieldSet& out) {
  bool my_leaf = mine.children.empty(), their_leaf = theirs.children.empty();
  if (my_leaf != their_leaf) {
    if (!before || !after || before->kind() == after->kind()) return;
    if (their_leaf)
      out.self = true;
    else
      out = theirs;
    return;
  }
  Children old_children(before, s), new_children(after, s);
  for (auto& [element, child] : mine.children) {
    auto it = theirs.children.find(element);
    if (it == theirs.children.end()) continue;
    FieldSet below;
    reshape(child, it->second, old_children.find(element), new_children.find(element), element_schema(element, s),
            below);
    if (!below.empty()) out.children[element] = std::move(below);
  }
}

FieldSet reshaped(const FieldSet& mine, const FieldSet& theirs, const Value& before, const Value& after,
                  const Schema* s) {
  FieldSet out;
  reshape(mine, theirs, &before, &after, s, out);
  return out;
}

}  // namespace sl::kube

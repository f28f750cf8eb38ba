#include "kube/api/field_set.h"

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

Value* find_item(Value& list, const std::string& element, const Schema* s) {
  for (auto& item : list.get_array())
    if (item_element(item, s) == element) return &item;
  return nullptr;
}
const Value* find_item(const Value& list, const std::string& element, const Schema* s) {
  return find_item(const_cast<Value&>(list), element, s);
}

// The child of `v` that a path element names, with its schema.
const Value* step(const Value* v, const std::string& element, const Schema* s, const Schema*& child) {
  child = nullptr;
  if (!v) return nullptr;
  if (element.starts_with("f:")) {
    child = child_schema(s, element.substr(2));
    return json::find(*v, element.substr(2));
  }
  child = s ? s->items.get() : nullptr;
  return v->is_array() ? find_item(*v, element, s) : nullptr;
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
    std::string piece = key.substr(2);
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
    for (auto& item : after.get_array()) {
      std::string element = item_element(item, s);
      FieldSet c, r;
      if (auto* old = find_item(before, element, s))
        compare(*old, item, s->items.get(), c, r);
      else
        (c = FieldSet::of(item, s->items.get())).self = true;
      if (!c.empty()) changed.children[element] = std::move(c);
      if (!r.empty()) removed.children[element] = std::move(r);
    }
    for (auto& item : before.get_array()) {
      std::string element = item_element(item, s);
      if (find_item(after, element, s)) continue;
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
  for (auto& [element, child] : fields.children) {
    const Schema* cs = nullptr;
    const Value* x = step(a, element, s, cs);
    const Value* y = step(b, element, s, cs);
    FieldSet d;
    differ(child, x, y, cs, d);
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
    Value out = live;
    for (auto& item : config.get_array()) {
      Value* mine = find_item(out, item_element(item, s), s);
      if (!mine)
        out.get_array().push_back(item);
      else if (s->list_type == ListType::Map)
        *mine = merge_apply(*mine, item, s->items.get());
    }
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
  if (leaf || (hollow(*at) && !was_hollow)) o.erase(key);
}

static void remove_item(json::Array& list, const std::string& element, FieldSet fields, const FieldSet& kept,
                        const Schema* s) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (item_element(list[i], s) != element) continue;
    if (fields.self && kept.empty()) {
      list.erase(list.begin() + static_cast<ptrdiff_t>(i));
      return;
    }
    if (s)
      for (auto& key : s->list_map_keys) fields.children.erase("f:" + key);  // without them it would be another item
    remove_fields(list[i], fields, kept, s ? s->items.get() : nullptr);
    return;
  }
}

void remove_fields(Value& value, const FieldSet& fields, const FieldSet& kept, const Schema* s) {
  for (auto& [element, child] : fields.children) {
    if (element.starts_with("f:") && value.is_object())
      remove_member(value.get_object(), element.substr(2), child, child_of(kept, element),
                    child_schema(s, element.substr(2)));
    else if (value.is_array())
      remove_item(value.get_array(), element, child, child_of(kept, element), s);
  }
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
  for (auto& [element, child] : mine.children) {
    auto it = theirs.children.find(element);
    if (it == theirs.children.end()) continue;
    const Schema* cs = nullptr;
    const Value* x = step(before, element, s, cs);
    const Value* y = step(after, element, s, cs);
    FieldSet below;
    reshape(child, it->second, x, y, cs, below);
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

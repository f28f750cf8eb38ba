#include "kube/schema/structural.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include <cmath>

#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "base/strings.h"

namespace sl::kube {

using json::Schema;
using json::SchemaType;
using json::Value;

void prune(Value& value, const Schema& schema, const std::string& path, std::vector<std::string>* unknown) {
  if (auto* o = value.if_object()) {
    std::vector<std::string> gone;
    for (auto& [key, child] : *o) {
      std::string at = json::child_path(path, key);
      if (auto* p = schema.property(key)) {
        prune(child, *p->schema, at, unknown);
      } else if (schema.additional) {
        prune(child, *schema.additional, at, unknown);
      } else if (!schema.preserve_unknown && schema.type != SchemaType::Any) {
        gone.emplace_back(key);
        if (unknown) unknown->push_back(at);
      }
    }
    for (auto& key : gone) o->erase(key);
  } else if (auto* a = value.if_array(); a && schema.items) {
    for (size_t i = 0; i < a->size(); ++i) prune((*a)[i], *schema.items, json::index_path(path, i), unknown);
  }
}

void apply_defaults(Value& value, const Schema& schema) {
  if (auto* o = value.if_object()) {
    for (auto& p : schema.properties) {
      Value* child = o->if_contains(p.name);
      if (child && child->is_null() && !p.schema->nullable) {  // an explicit null is as good as absent
        o->erase(p.name);
        child = nullptr;
      }
      if (!child && p.schema->default_value) child = &((*o)[p.name] = *p.schema->default_value);
      if (child) apply_defaults(*child, *p.schema);
    }
    if (schema.additional)
      for (auto& [key, child] : *o)
        if (!schema.property(key)) apply_defaults(child, *schema.additional);
  } else if (auto* a = value.if_array(); a && schema.items) {
    for (auto& item : *a) apply_defaults(item, *schema.items);
  }
}

namespace {

// Compiled patterns. Those of definitions that are gone go with the rest when there are too many.
std::shared_ptr<const re2::RE2> pattern(const std::string& text) {
  constexpr size_t kKeptMax = 4096;
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const re2::RE2>> cache;
  std::lock_guard lock(mutex);
  if (cache.size() >= kKeptMax) cache.clear();
  auto& slot = cache[text];
  if (!slot) slot = std::make_shared<const re2::RE2>(text, re2::RE2::Quiet);
  return slot;
}

size_t code_points(std::string_view s) {
  size_t n = 0;
  for (unsigned char c : s) n += (c & 0xC0) != 0x80;
  return n;
}

class Validator {
 public:
  explicit Validator(std::vector<Cause>& causes) : causes_(causes) {}

  void check(const Value& v, const Value* old, const Schema& s, const std::string& path) {
    if (causes_.size() >= 100) return;
    if (v.is_null() && s.nullable) return;
    if (old && json::equal(v, *old)) return;  // ratcheting: what was stored before a rule was made may stay
    if (!type_fits(v, s)) {
      add("FieldValueTypeInvalid", path,
          fmt::format("Invalid value: \"{}\": {} in body must be of type {}: \"{}\"", json::kind_name(v), path,
                      json::type_name(s.type), json::kind_name(v)));
      return;
    }
    size_t before = causes_.size();
    if (auto* t = v.if_string())
      check_string(json::view(*t), s, path);
    else if (v.is_number())
      check_number(v, s, path);
    else if (auto* a = v.if_array())
      check_array(*a, old, s, path);
    else if (auto* o = v.if_object())
      check_object(*o, old, s, path);
    if (!s.values.empty()) check_values(v, s, path);
    check_branches(v, old, s, path);
    if (causes_.size() == before) check_rules(v, old, s, path);
  }

 private:
  void add(std::string reason, const std::string& path, std::string message) {
    causes_.push_back({std::move(reason), std::move(message), path.empty() ? "<nil>" : path});
  }

  static bool type_fits(const Value& v, const Schema& s) {
    switch (s.type) {
      case SchemaType::Any:
        return true;
      case SchemaType::Object:
        return v.is_object();
      case SchemaType::Array:
        return v.is_array();
      case SchemaType::String:
        return v.is_string();
      case SchemaType::Boolean:
        return v.is_bool();
      case SchemaType::Number:
        return v.is_number();
      case SchemaType::IntOrString:
        return v.is_int64() || v.is_string();
      case SchemaType::Integer:
        return v.is_int64() || v.is_uint64() ||
               (v.is_double() && std::abs(v.get_double()) < 9.2e18 && std::trunc(v.get_double()) == v.get_double());
    }
    return true;
  }

  void check_values(const Value& v, const Schema& s, const std::string& path) {
    std::string allowed;
    for (auto& one : s.values) {
      if (json::equal(one, v)) return;
      std::string text = one.is_string() ? std::string(json::view(one.get_string())) : json::dump(one);
      allowed += fmt::format("{}\"{}\"", allowed.empty() ? "" : ", ", text);
    }
    add("FieldValueNotSupported", path,
        fmt::format("Unsupported value: {}: supported values: {}", json::dump(v), allowed));
  }

  static bool fits(const Value& v, const Schema& s, const std::string& path) {
    std::vector<Cause> causes;
    Validator(causes).check(v, nullptr, s, path);
    return causes.empty();
  }

  void check_branches(const Value& v, const Value* old, const Schema& s, const std::string& path) {
    auto count = [&](const std::vector<json::SchemaPtr>& list) {
      return static_cast<size_t>(
          std::count_if(list.begin(), list.end(), [&](auto& branch) { return fits(v, *branch, path); }));
    };
    auto refuse = [&](std::string_view what) {
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: \"{}\": \"{}\" must {}", json::kind_name(v), path, what));
    };
    for (auto& branch : s.all_of) check(v, old, *branch, path);
    if (!s.any_of.empty() && count(s.any_of) == 0) refuse("validate at least one schema (anyOf)");
    if (!s.one_of.empty() && count(s.one_of) != 1) refuse("validate one and only one schema (oneOf)");
    if (s.none_of && fits(v, *s.none_of, path)) refuse("not validate the schema (not)");
  }

  static bool has_format(std::string_view text, std::string_view format) {
    std::string copy(text);
    unsigned char address[16];
    if (format == "date-time") return parse_rfc3339(text).has_value();
    if (format == "date") return text.size() == 10 && parse_rfc3339(copy + "T00:00:00Z").has_value();
    if (format == "byte") return base64_decode(text).has_value();
    if (format == "ipv4") return inet_pton(AF_INET, copy.c_str(), address) == 1;
    if (format == "ipv6") return inet_pton(AF_INET6, copy.c_str(), address) == 1;
    if (format == "uuid")
      return re2::RE2::FullMatch(copy,
                                 *pattern("(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"));
    return true;  // others say something to people only
  }

  void check_string(std::string_view text, const Schema& s, const std::string& path) {
    size_t n = code_points(text);
    if (s.max_length && n > *s.max_length)
      add("FieldValueTooLong", path, fmt::format("Too long: may not be more than {} bytes", *s.max_length));
    if (s.min_length && n < *s.min_length)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: \"{}\": {} in body should be at least {} chars long", text, path, *s.min_length));
    if (!s.enums.empty() && std::find(s.enums.begin(), s.enums.end(), text) == s.enums.end()) {
      std::string allowed;
      for (auto& e : s.enums) allowed += fmt::format("{}\"{}\"", allowed.empty() ? "" : ", ", e);
      add("FieldValueNotSupported", path,
          fmt::format("Unsupported value: \"{}\": supported values: {}", text, allowed));
    }
    if (!s.format.empty() && !has_format(text, s.format))
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: \"{}\": {} in body must be of type {}: \"{}\"", text, path, s.format, text));
    if (s.pattern.empty()) return;
    auto compiled = pattern(s.pattern);
    if (compiled->ok() && !re2::RE2::PartialMatch({text.data(), text.size()}, *compiled))
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: \"{}\": {} in body should match '{}'", text, path, s.pattern));
  }

  void check_number(const Value& v, const Schema& s, const std::string& path) {
    if (s.format == "int32" && !(v.to_number<double>() >= INT32_MIN && v.to_number<double>() <= INT32_MAX))
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body must be of type int32: \"{}\"", json::dump(v), path,
                      json::dump(v)));
    double d = v.is_int64()    ? static_cast<double>(v.get_int64())
               : v.is_uint64() ? static_cast<double>(v.get_uint64())
                               : v.get_double();
    if (s.multiple_of && *s.multiple_of > 0 && std::abs(std::remainder(d, *s.multiple_of)) > 1e-9)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should be a multiple of {}", json::dump(v), path, *s.multiple_of));
    if (s.exclusive_minimum && s.minimum && d == *s.minimum)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should be greater than {}", json::dump(v), path, *s.minimum));
    if (s.exclusive_maximum && s.maximum && d == *s.maximum)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should be less than {}", json::dump(v), path, *s.maximum));
    if (s.minimum && d < *s.minimum)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should be greater than or equal to {}", json::dump(v), path,
                      *s.minimum));
    if (s.maximum && d > *s.maximum)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should be less than or equal to {}", json::dump(v), path,
                      *s.maximum));
  }

  static std::string key_of(const Value& item, const Schema& s) {
    if (s.list_type == json::ListType::Set) return json::dump(item);
    json::Object key;
    for (auto& k : s.list_map_keys)
      if (auto* v = json::find(item, k)) key[k] = *v;
    return json::dump(key);
  }

  void check_array(const json::Array& a, const Value* old, const Schema& s, const std::string& path) {
    if (s.max_items && a.size() > *s.max_items)
      add("FieldValueTooMany", path, fmt::format("Too many: {}: must have at most {} items", a.size(), *s.max_items));
    if (s.min_items && a.size() < *s.min_items)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should have at least {} items", a.size(), path, *s.min_items));
    if (s.list_type != json::ListType::Atomic) {
      std::set<std::string> seen;
      for (size_t i = 0; i < a.size(); ++i)
        if (std::string key = key_of(a[i], s); !seen.insert(key).second)
          add("FieldValueDuplicate", json::index_path(path, i), fmt::format("Duplicate value: {}", key));
    }
    if (!s.items) return;
    std::unordered_map<std::string, const Value*> before;
    if (old && old->is_array() && s.list_type == json::ListType::Map)
      for (auto& o : old->get_array()) before[key_of(o, s)] = &o;
    for (size_t i = 0; i < a.size(); ++i) {
      auto it = before.empty() ? before.end() : before.find(key_of(a[i], s));
      check(a[i], it == before.end() ? nullptr : it->second, *s.items, json::index_path(path, i));
    }
  }

  void check_object(const json::Object& o, const Value* old, const Schema& s, const std::string& path) {
    for (auto& p : s.properties)
      if (p.required && !o.contains(p.name))
        add("FieldValueRequired", json::child_path(path, p.name), "Required value");
    for (auto& name : s.required)
      if (!o.contains(name)) add("FieldValueRequired", json::child_path(path, name), "Required value");
    if (s.max_properties && o.size() > *s.max_properties)
      add("FieldValueTooMany", path,
          fmt::format("Too many: {}: must have at most {} items", o.size(), *s.max_properties));
    if (s.min_properties && o.size() < *s.min_properties)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should have at least {} properties", o.size(), path,
                      *s.min_properties));
    for (auto& [key, child] : o) {
      const Value* before = old ? json::find(*old, key) : nullptr;
      if (auto* p = s.property(key))
        check(child, before, *p->schema, json::child_path(path, key));
      else if (s.additional)
        check(child, before, *s.additional, json::child_path(path, key));
    }
  }

  void check_rules(const Value& v, const Value* old, const Schema& s, const std::string& path) {
    for (auto& rule : s.rules) {
      if (rule.holds(v, old)) continue;
      std::string at = rule.field.empty() ? path : json::child_path(path, rule.field);
      add(rule.reason, at, fmt::format("Invalid value: \"{}\": {}", json::kind_name(v), rule.message));
    }
  }

  std::vector<Cause>& causes_;
};

SchemaType type_from_name(std::string_view name) {
  if (name == "object") return SchemaType::Object;
  if (name == "array") return SchemaType::Array;
  if (name == "string") return SchemaType::String;
  if (name == "integer") return SchemaType::Integer;
  if (name == "number") return SchemaType::Number;
  if (name == "boolean") return SchemaType::Boolean;
  return SchemaType::Any;
}

using json::flag;

std::optional<size_t> count(const Value& v, std::string_view key) {
  int64_t n = json::num(v, -1, key);
  return n < 0 ? std::nullopt : std::optional<size_t>(static_cast<size_t>(n));
}

std::optional<double> number(const Value& v, std::string_view key) {
  auto* n = json::find(v, key);
  if (!n || !n->is_number()) return std::nullopt;
  return n->to_number<double>();
}

void read_limits(const Value& o, Schema& s) {
  s.minimum = number(o, "minimum");
  s.maximum = number(o, "maximum");
  s.min_length = count(o, "minLength");
  s.max_length = count(o, "maxLength");
  s.min_items = count(o, "minItems");
  s.max_items = count(o, "maxItems");
  s.min_properties = count(o, "minProperties");
  s.max_properties = count(o, "maxProperties");
  s.pattern = json::str(o, "pattern");
  s.exclusive_minimum = flag(o, "exclusiveMinimum");
  s.exclusive_maximum = flag(o, "exclusiveMaximum");
  s.multiple_of = number(o, "multipleOf");
  if (auto* e = json::arr(o, "enum")) {
    bool strings = std::all_of(e->begin(), e->end(), [](auto& v) { return v.is_string(); });
    for (auto& v : *e)
      if (strings)
        s.enums.emplace_back(json::view(v.get_string()));
      else
        s.values.push_back(v);
  }
  if (auto* d = json::find(o, "default")) s.default_value = *d;
}

}  // namespace

void validate(const Value& value, const Value* old, const Schema& schema, const std::string& path,
              std::vector<Cause>& causes) {
  Validator(causes).check(value, old, schema, path);
}

Result<json::SchemaPtr> schema_from_openapi(const Value& o, int depth) {
  if (depth > 60) return fail(Code::Invalid, "schema is nested too deeply");
  auto s = std::make_shared<Schema>();
  s->type = flag(o, "x-kubernetes-int-or-string") ? SchemaType::IntOrString : type_from_name(json::str(o, "type"));
  s->doc = json::str(o, "description");
  s->format = json::str(o, "format");
  s->preserve_unknown = flag(o, "x-kubernetes-preserve-unknown-fields") || flag(o, "x-kubernetes-embedded-resource");
  s->nullable = flag(o, "nullable");
  read_limits(o, *s);
  std::string_view list = json::str(o, "x-kubernetes-list-type");
  if (list == "map") s->list_type = json::ListType::Map;
  if (list == "set") s->list_type = json::ListType::Set;
  if (auto* keys = json::arr(o, "x-kubernetes-list-map-keys"))
    for (auto& k : *keys)
      if (k.is_string()) s->list_map_keys.emplace_back(json::view(k.get_string()));
  s->map_atomic = json::str(o, "x-kubernetes-map-type") == "atomic";
  std::set<std::string> required;
  if (auto* r = json::arr(o, "required"))
    for (auto& name : *r)
      if (name.is_string()) required.emplace(json::view(name.get_string()));
  for (auto& name : required)
    if (!json::find(o, "properties", name)) s->required.push_back(name);
  if (auto* p = json::find(o, "properties"); p && p->is_object()) {
    for (auto& [name, child] : p->get_object()) {
      SL_TRY(node, schema_from_openapi(child, depth + 1));
      s->properties.push_back({std::string(name), node, required.contains(std::string(name))});
    }
  }
  if (auto* a = json::find(o, "additionalProperties"); a && (a->is_object() || flag(o, "additionalProperties"))) {
    SL_TRY(node, schema_from_openapi(a->is_object() ? *a : Value(json::Object{}), depth + 1));
    if (a->is_object()) {
      s->additional = node;
    } else {  // true: members of any kind
      auto any = std::make_shared<Schema>(*node);
      any->preserve_unknown = true;
      s->additional = any;
    }
  }
  for (auto [name, list] : {std::pair{"allOf", &s->all_of}, {"anyOf", &s->any_of}, {"oneOf", &s->one_of}})
    if (auto* branches = json::arr(o, name))
      for (auto& branch : *branches) {
        SL_TRY(node, schema_from_openapi(branch, depth + 1));
        list->push_back(node);
      }
  if (auto* no = json::find(o, "not"); no && no->is_object()) {
    SL_TRY(node, schema_from_openapi(*no, depth + 1));
    s->none_of = node;
  }
  if (auto* i = json::find(o, "items"); i && i->is_object()) {
    SL_TRY(node, schema_from_openapi(*i, depth + 1));
    s->items = node;
  }
  return s;
}

}  // namespace sl::kube

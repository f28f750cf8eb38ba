// Schema: one node of a structural schema (OpenAPI v3 subset with the Kubernetes extensions).
//
// Made from a struct description (describe.h) or read from a CustomResourceDefinition (kube/schema).
// Pruning, defaulting, validation, ownership of fields and `kubectl explain` all walk it.
// Who calls: json, resource, kube, control. Thread: immutable once built; shared by pointer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "json/value.h"

namespace sl::json {

struct Schema;
using SchemaPtr = std::shared_ptr<const Schema>;

enum class SchemaType { Any, Object, Array, String, Integer, Number, Boolean, IntOrString };
enum class ListType { Atomic, Map, Set };

// A rule over several fields (what upstream writes in CEL). `holds` sees the object the rule is attached
// to and its previous form (null on create).
struct Rule {
  std::string message;
  std::string field;  // relative to the object; "" is the object itself
  std::function<bool(const Value& self, const Value* old)> holds;
  std::string reason = "FieldValueInvalid";
};

struct Property {
  std::string name;
  SchemaPtr schema;
  bool required = false;
};

struct Schema {
  SchemaType type = SchemaType::Any;
  std::string doc;
  std::string format;
  std::string pattern;  // RE2
  std::vector<Property> properties;
  SchemaPtr items;       // arrays
  SchemaPtr additional;  // objects used as maps
  std::vector<std::string> enums;
  std::vector<Value> values;          // an enum that is not of strings alone
  std::vector<std::string> required;  // members that are no property of their own here (branches of anyOf and the like)
  std::vector<SchemaPtr> all_of, any_of, one_of;
  SchemaPtr none_of;  // "not"
  std::optional<Value> default_value;
  std::optional<double> minimum, maximum, multiple_of;
  bool exclusive_minimum = false, exclusive_maximum = false;
  std::optional<size_t> min_length, max_length, min_items, max_items, max_properties, min_properties;
  bool preserve_unknown = false;
  bool nullable = false;
  ListType list_type = ListType::Atomic;
  std::vector<std::string> list_map_keys;
  bool map_atomic = false;
  std::string patch_merge_key;  // strategic merge patch, built-in kinds only
  bool patch_merge = false;     // strategic merge of a list (by key, or as a set of scalars)
  std::vector<Rule> rules;

  const Property* property(std::string_view name) const;
};

std::string_view type_name(SchemaType type);
// OpenAPI v3 form, as clients expect it (kubectl explain, validation).
Value to_openapi(const Schema& schema);

}  // namespace sl::json

#include "json/schema.h"

namespace sl::json {

const Property* Schema::property(std::string_view name) const {
  for (auto& p : properties)
    if (p.name == name) return &p;
  return nullptr;
}

std::string_view type_name(SchemaType type) {
  switch (type) {
    case SchemaType::Any:
      return "any";
    case SchemaType::Object:
      return "object";
    case SchemaType::Array:
      return "array";
    case SchemaType::String:
      return "string";
    case SchemaType::Integer:
      return "integer";
    case SchemaType::Number:
      return "number";
    case SchemaType::Boolean:
      return "boolean";
    case SchemaType::IntOrString:
      return "int-or-string";
  }
  return "any";
}

namespace {

void add_limits(const Schema& s, Object& o) {
  if (s.minimum) o["minimum"] = *s.minimum;
  if (s.maximum) o["maximum"] = *s.maximum;
  if (s.min_length) o["minLength"] = *s.min_length;
  if (s.max_length) o["maxLength"] = *s.max_length;
  if (s.min_items) o["minItems"] = *s.min_items;
  if (s.max_items) o["maxItems"] = *s.max_items;
  if (s.min_properties) o["minProperties"] = *s.min_properties;
  if (s.max_properties) o["maxProperties"] = *s.max_properties;
  if (!s.pattern.empty()) o["pattern"] = s.pattern;
  if (!s.enums.empty()) o["enum"] = Array(s.enums.begin(), s.enums.end());
  if (!s.values.empty()) o["enum"] = Array(s.values.begin(), s.values.end());
  if (s.default_value) o["default"] = *s.default_value;
}

void add_children(const Schema& s, Object& o) {
  if (!s.properties.empty()) {
    Object properties;
    Array required;
    for (auto& p : s.properties) {
      properties[p.name] = to_openapi(*p.schema);
      if (p.required) required.emplace_back(p.name);
    }
    o["properties"] = std::move(properties);
    if (!required.empty()) o["required"] = std::move(required);
  }
  if (s.additional) o["additionalProperties"] = to_openapi(*s.additional);
  if (s.items) o["items"] = to_openapi(*s.items);
}

void add_extensions(const Schema& s, Object& o) {
  if (s.preserve_unknown) o["x-kubernetes-preserve-unknown-fields"] = true;
  if (s.type == SchemaType::IntOrString) o["x-kubernetes-int-or-string"] = true;
  if (s.nullable) o["nullable"] = true;
  if (s.type == SchemaType::Array && s.list_type != ListType::Atomic)
    o["x-kubernetes-list-type"] = s.list_type == ListType::Map ? "map" : "set";
  if (!s.list_map_keys.empty()) o["x-kubernetes-list-map-keys"] = Array(s.list_map_keys.begin(), s.list_map_keys.end());
  if (s.map_atomic) o["x-kubernetes-map-type"] = "atomic";
  if (!s.patch_merge_key.empty()) o["x-kubernetes-patch-merge-key"] = s.patch_merge_key;
  if (s.patch_merge) o["x-kubernetes-patch-strategy"] = "merge";
}

}  // namespace

Value to_openapi(const Schema& s) {
  Object o;
  if (!s.doc.empty()) o["description"] = s.doc;
  if (s.type != SchemaType::Any && s.type != SchemaType::IntOrString) o["type"] = type_name(s.type);
  if (!s.format.empty()) o["format"] = s.format;
  add_limits(s, o);
  add_children(s, o);
  add_extensions(s, o);
  return o;
}

}  // namespace sl::json

#include "kube/apiserver/openapi.h"

#include <fmt/format.h>

#include <functional>
#include <set>

#include "base/strings.h"

namespace sl::kube {

using json::Array;
using json::Object;
using json::Schema;

namespace {

// "gateway.networking.k8s.io", "v1", "Gateway" -> "io.k8s.networking.gateway.v1.Gateway"
std::string model_name(const ResourceType& t, const std::string& version) {
  if (t.group.empty()) return fmt::format("io.k8s.api.core.{}.{}", version, t.kind);
  std::string reversed;
  auto parts = split(t.group, '.');
  for (size_t i = parts.size(); i-- > 0;) reversed += std::string(parts[i]) + ".";
  return reversed + version + "." + t.kind;
}

std::string base_path(const ResourceType& t, const std::string& version) {
  return t.group.empty() ? "/api/" + version : "/apis/" + t.group + "/" + version;
}

std::string collection_path(const ResourceType& t, const std::string& version) {
  return base_path(t, version) + (t.namespaced ? "/namespaces/{namespace}/" : "/") + t.plural;
}

Object gvk(const ResourceType& t, const std::string& version) {
  return Object{{"group", t.group}, {"kind", t.kind}, {"version", version}};
}

Object query_parameter(std::string_view name, std::string_view doc) {
  return Object{{"name", name},
                {"in", "query"},
                {"description", doc},
                {"schema", Object{{"type", "string"}, {"uniqueItems", true}}}};
}

Array write_parameters() {
  return Array{query_parameter("dryRun", "All: go through every stage but do not store."),
               query_parameter("fieldManager", "Name of the actor making the change."),
               query_parameter("fieldValidation", "Ignore, Warn or Strict: what to do with unknown fields.")};
}

Object operation(const ResourceType& t, const std::string& version, std::string_view action, bool writes,
                 const Array& body_types) {
  Object ref{{"$ref", "#/components/schemas/" + model_name(t, version)}};
  Object content{{"application/json", Object{{"schema", ref}}}};
  Object op{{"x-kubernetes-action", action},
            {"x-kubernetes-group-version-kind", gvk(t, version)},
            {"responses", Object{{"200", Object{{"description", "OK"}, {"content", content}}}}}};
  if (writes) op["parameters"] = write_parameters();
  if (!body_types.empty()) {
    Object types;
    for (auto& type : body_types)
      types[type.get_string()] = Object{{"schema", action == "patch" ? Object{{"type", "object"}} : ref}};
    op["requestBody"] = Object{{"content", std::move(types)}, {"required", true}};
  }
  return op;
}

Object paths_of(const ResourceType& t, const std::string& version) {
  Array json_body{"application/json"};
  Array patches{"application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"};
  if (t.core_style) patches.push_back("application/strategic-merge-patch+json");
  Object out;
  std::string collection = collection_path(t, version);
  Object many{{"get", operation(t, version, "list", false, {})}}, one{{"get", operation(t, version, "get", false, {})}};
  if (!t.read_only) {
    many["post"] = operation(t, version, "post", true, json_body);
    one["put"] = operation(t, version, "put", true, json_body);
    one["patch"] = operation(t, version, "patch", true, patches);
  }
  one["delete"] = operation(t, version, "delete", true, {});
  out[collection] = many;
  out[collection + "/{name}"] = one;
  if (t.status)
    out[collection + "/{name}/status"] = Object{{"get", operation(t, version, "get", false, {})},
                                                {"patch", operation(t, version, "patch", true, patches)}};
  return out;
}

uint64_t hash_text(std::string_view s) {
  uint64_t h = 1469598103934665603ull;
  for (unsigned char c : s) h = (h ^ c) * 1099511628211ull;
  return h;
}

}  // namespace

std::optional<Value> openapi_v3(const Registry& registry, std::string_view path) {
  Object paths, schemas;
  for (auto& t : registry.all()) {
    for (auto& version : t->versions) {
      if (base_path(*t, version).substr(1) != path) continue;
      for (auto& [key, value] : paths_of(*t, version)) paths[key] = value;
      Value schema = json::to_openapi(t->schema_of(version));
      schema.get_object()["x-kubernetes-group-version-kind"] = Array{gvk(*t, version)};
      schemas[model_name(*t, version)] = std::move(schema);
    }
  }
  bool reviews = path == "apis/authorization.k8s.io/v1" || path == "apis/authentication.k8s.io/v1";
  if (schemas.empty() && !reviews) return std::nullopt;
  return Object{{"openapi", "3.0.0"},
                {"info", Object{{"title", "Kubernetes"}, {"version", "v1.33.0"}}},
                {"paths", std::move(paths)},
                {"components", Object{{"schemas", std::move(schemas)}}}};
}

Value openapi_v3_index(const Registry& registry) {
  Object paths;
  std::set<std::string> served = {"apis/authorization.k8s.io/v1", "apis/authentication.k8s.io/v1"};
  for (auto& t : registry.all())
    for (auto& version : t->versions) served.insert(base_path(*t, version).substr(1));
  for (auto& path : served) {
    auto doc = openapi_v3(registry, path);
    uint64_t hash = doc ? hash_text(json::dump(*doc)) : 0;
    paths[path] = Object{{"serverRelativeURL", fmt::format("/openapi/v3/{}?hash={:016X}", path, hash)}};
  }
  return Object{{"paths", std::move(paths)}};
}

namespace {

// Protobuf writing: length-delimited fields, varints, booleans.
class Message {
 public:
  void text(int field, std::string_view value) {
    if (value.empty()) return;
    bytes(field, value);
  }
  void bytes(int field, std::string_view value) {
    varint(static_cast<uint64_t>(field) << 3 | 2);
    varint(value.size());
    out_ += value;
  }
  void message(int field, const Message& m) { bytes(field, m.out_); }
  void flag(int field, bool value) {
    if (!value) return;
    varint(static_cast<uint64_t>(field) << 3);
    varint(1);
  }
  const std::string& data() const { return out_; }

 private:
  void varint(uint64_t v) {
    for (; v >= 128; v >>= 7) out_ += static_cast<char>((v & 127) | 128);
    out_ += static_cast<char>(v);
  }
  std::string out_;
};

Message named(std::string_view name, const Message& value) {
  Message m;
  m.text(1, name);
  m.message(2, value);
  return m;
}

// vendor_extension: NamedAny{name, Any{yaml}}
Message extension(std::string_view name, std::string_view yaml) {
  Message any;
  any.text(2, yaml);
  return named(name, any);
}

std::string gvk_yaml(const ResourceType& t, const std::string& version) {
  return fmt::format("group: \"{}\"\nkind: {}\nversion: {}\n", t.group, t.kind, version);
}

Message schema_v2(const Schema& s) {
  Message m;
  m.text(2, s.format);
  m.text(4, s.doc);
  bool arbitrary = s.preserve_unknown || s.type == json::SchemaType::Any || s.type == json::SchemaType::IntOrString;
  if (arbitrary && s.properties.empty()) return m;
  for (auto& p : s.properties)
    if (p.required) m.text(19, p.name);
  if (s.additional) {
    Message item;
    item.message(1, schema_v2(*s.additional));
    m.message(21, item);
  }
  Message type;
  type.text(1, json::type_name(s.type));
  m.message(22, type);
  if (s.items) {
    Message items;
    items.message(1, schema_v2(*s.items));
    m.message(23, items);
  }
  if (!s.properties.empty()) {
    Message properties;
    for (auto& p : s.properties) properties.message(1, named(p.name, schema_v2(*p.schema)));
    m.message(25, properties);
  }
  if (!s.patch_merge_key.empty()) m.message(31, extension("x-kubernetes-patch-merge-key", s.patch_merge_key));
  if (s.patch_merge) m.message(31, extension("x-kubernetes-patch-strategy", "merge"));
  return m;
}

Message query_parameter_v2(std::string_view name) {
  Message query, non_body, parameter, item;
  query.text(2, "query");
  query.text(4, name);
  query.text(6, "string");
  non_body.message(3, query);
  parameter.message(2, non_body);
  item.message(1, parameter);
  return item;
}

Message patch_path_v2(const ResourceType& t, const std::string& version) {
  Message op, path;
  op.message(8, query_parameter_v2("dryRun"));
  op.message(8, query_parameter_v2("fieldManager"));
  op.message(13, extension("x-kubernetes-action", "patch"));
  op.message(13, extension("x-kubernetes-group-version-kind", gvk_yaml(t, version)));
  path.message(8, op);
  return path;
}

}  // namespace

std::string openapi_v2_protobuf(const Registry& registry) {
  Message document, info, paths, definitions;
  document.text(1, "2.0");
  info.text(1, "Kubernetes");
  info.text(2, "v1.33.0");
  document.message(2, info);
  for (auto& t : registry.all()) {
    for (auto& version : t->versions) {
      paths.message(2, named(collection_path(*t, version) + "/{name}", patch_path_v2(*t, version)));
      Message schema = schema_v2(t->schema_of(version));
      std::string list = "- " + replace_all(trim(gvk_yaml(*t, version)), "\n", "\n  ") + "\n";
      schema.message(31, extension("x-kubernetes-group-version-kind", list));
      definitions.message(1, named(model_name(*t, version), schema));
    }
  }
  document.message(8, paths);
  document.message(9, definitions);
  return document.data();
}

}  // namespace sl::kube

// CustomResourceDefinition: what its validation upstream asks for, in its words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "resource/core/definition.h"

namespace sl::resource {

using json::Value;

namespace {

using json::flag;

bool is_of_type(const Value& v, std::string_view type) {
  if (type == "object") return v.is_object();
  if (type == "array") return v.is_array();
  if (type == "string") return v.is_string();
  if (type == "boolean") return v.is_bool();
  if (type == "number") return v.is_number();
  return v.is_int64() || v.is_uint64() || (v.is_double() && std::trunc(v.get_double()) == v.get_double());
}

// What a node says that cannot be, whatever is below it.
void check_node(const Value& schema, const std::string& at, std::vector<Cause>& causes) {
  auto add = [&](const char* reason, std::string_view member, std::string message) {
    causes.push_back({reason, std::move(message), fmt::format("{}.{}", at, member)});
  };
  static constexpr std::string_view kTypes[] = {"array", "boolean", "integer", "number", "object", "string"};
  std::string_view type = json::str(schema, "type");
  bool known = std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
  if (!type.empty() && !known)
    add("FieldValueNotSupported", "type",
        fmt::format("Unsupported value: \"{}\": supported values: \"array\", \"boolean\", \"integer\", \"number\", "
                    "\"object\", \"string\"",
                    type));
  if (json::find(schema, "$ref")) add("FieldValueForbidden", "$ref", "Forbidden: $ref is not supported");
  if (type == "array" && !json::find(schema, "items"))
    add("FieldValueRequired", "items", "Required value: must be specified");
  auto *more = json::find(schema, "additionalProperties"), *named = json::find(schema, "properties");
  if (more && named && named->is_object() && !named->get_object().empty() && !(more->is_bool() && more->get_bool()))
    add("FieldValueForbidden", "additionalProperties",
        "Forbidden: additionalProperties and properties are mutual exclusive");
  std::string_view list = json::str(schema, "x-kubernetes-list-type");
  auto* keys = json::arr(schema, "x-kubernetes-list-map-keys");
  if (list == "map" && (!keys || keys->empty()))
    add("FieldValueRequired", "x-kubernetes-list-map-keys",
        "Required value: must not be empty if x-kubernetes-list-type is map");
  if (!list.empty() && type != "array")
    add("FieldValueInvalid", "type",
        fmt::format("Invalid value: \"{}\": must be array if x-kubernetes-list-type is {}", type, list));
  auto* given = json::find(schema, "default");
  if (given && known && !(given->is_null() && flag(schema, "nullable")) && !is_of_type(*given, type))
    add("FieldValueInvalid", "default", fmt::format("Invalid value: {}: must be of type {}", json::dump(*given), type));
}

// Structural: every value has a type, but where anything may stand.
void check_structural(const Value& schema, const std::string& at, std::string_view what, std::vector<Cause>& causes) {
  if (!schema.is_object()) {
    causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: must be an object"), at});
    return;
  }
  bool open = flag(schema, "x-kubernetes-int-or-string") || flag(schema, "x-kubernetes-preserve-unknown-fields");
  if (json::str(schema, "type").empty() && !open)
    causes.push_back(
        {"FieldValueRequired", fmt::format("Required value: must not be empty for {}", what), at + ".type"});
  check_node(schema, at, causes);
  if (auto* properties = json::find(schema, "properties"); properties && properties->is_object())
    for (auto& [name, child] : properties->get_object())
      check_structural(child, fmt::format("{}.properties[{}]", at, std::string_view(name)), "specified object fields",
                       causes);
  if (auto* items = json::find(schema, "items"))
    check_structural(*items, at + ".items", "specified array items", causes);
  if (auto* values = json::find(schema, "additionalProperties"); values && values->is_object())
    check_structural(*values, at + ".additionalProperties", "specified object fields", causes);
}

void check_versions(const json::Array& versions, std::vector<Cause>& causes) {
  std::set<std::string_view> names;
  size_t stored = 0;
  for (size_t i = 0; i < versions.size(); ++i) {
    auto& v = versions[i];
    std::string at = fmt::format("spec.versions[{}]", i);
    std::string_view name = json::str(v, "name");
    if (name.empty()) causes.push_back({"FieldValueRequired", "Required value", at + ".name"});
    if (!names.insert(name).second)
      causes.push_back({"FieldValueInvalid", "Invalid value: must contain unique version names", "spec.versions"});
    stored += flag(v, "storage");
    auto* schema = json::find(v, "schema", "openAPIV3Schema");
    at += ".schema.openAPIV3Schema";
    if (!schema) {
      causes.push_back({"FieldValueRequired", "Required value: schemas are required", at});
      continue;
    }
    if (auto type = json::str(*schema, "type"); !type.empty() && type != "object")
      causes.push_back(
          {"FieldValueInvalid", fmt::format("Invalid value: \"{}\": must be object at the root", type), at + ".type"});
    check_structural(*schema, at, "the root", causes);
  }
  if (stored != 1)
    causes.push_back({"FieldValueInvalid", "Invalid value: must have exactly one version marked as storage version",
                      "spec.versions"});
}

void check_immutable(const Value& crd, const Value& old, std::vector<Cause>& causes) {
  auto same = [&](const char* field, auto... path) {
    auto *now = json::find(crd, path...), *before = json::find(old, path...);
    if (before && !(now && json::equal(*now, *before)))
      causes.push_back({"FieldValueInvalid",
                        fmt::format("Invalid value: {}: field is immutable", now ? json::dump(*now) : "null"), field});
  };
  same("spec.group", "spec", "group");
  same("spec.scope", "spec", "scope");
  same("spec.names.plural", "spec", "names", "plural");
  same("spec.names.kind", "spec", "names", "kind");
}

}  // namespace

// A version in which objects may be stored must stay, until a user has taken it off the status.
static void check_stored(const Value& crd, const Value& old, std::vector<Cause>& causes) {
  auto *stored = json::arr(old, "status", "storedVersions"), *versions = json::arr(crd, "spec", "versions");
  for (size_t i = 0; stored && versions && i < stored->size(); ++i) {
    bool there = false;
    for (auto& v : *versions) there |= Value(json::str(v, "name")) == (*stored)[i];
    if (there) continue;
    causes.push_back({"FieldValueInvalid",
                      fmt::format("Invalid value: {}: must appear in spec.versions", json::dump((*stored)[i])),
                      fmt::format("status.storedVersions[{}]", i)});
  }
}

void check_definition(const Value& crd, const Value* old, std::vector<Cause>& causes) {
  if (old) check_stored(crd, *old, causes);
  std::string group(json::str(crd, "spec", "group")), plural(json::str(crd, "spec", "names", "plural"));
  for (auto [text, field] : {std::pair<std::string_view, const char*>{group, "spec.group"},
                             {plural, "spec.names.plural"},
                             {json::str(crd, "spec", "names", "kind"), "spec.names.kind"}})
    if (text.empty()) causes.push_back({"FieldValueRequired", "Required value", field});
  if (auto scope = json::str(crd, "spec", "scope"); scope.empty())
    causes.push_back({"FieldValueRequired", "Required value", "spec.scope"});
  else if (scope != "Namespaced" && scope != "Cluster")
    causes.push_back({"FieldValueNotSupported",
                      fmt::format("Unsupported value: \"{}\": supported values: \"Cluster\", \"Namespaced\"", scope),
                      "spec.scope"});
  if (auto* versions = json::arr(crd, "spec", "versions"); versions && !versions->empty())
    check_versions(*versions, causes);
  else
    causes.push_back({"FieldValueRequired", "Required value", "spec.versions"});
  if (causes.empty() && json::str(crd, "metadata", "name") != plural + "." + group)
    causes.push_back({"FieldValueInvalid",
                      fmt::format("Invalid value: \"{}\": must be spec.names.plural+\".\"+spec.group",
                                  json::str(crd, "metadata", "name")),
                      "metadata.name"});
  if (auto s = json::str(crd, "spec", "conversion", "strategy"); !s.empty() && s != "None")
    causes.push_back({"FieldValueNotSupported", fmt::format("Unsupported value: \"{}\": supported values: \"None\"", s),
                      "spec.conversion.strategy"});
  if (old) check_immutable(crd, *old, causes);
}

// ---- the kind

struct DefinitionNames {
  std::string plural, singular, kind, list_kind;
  std::vector<std::string> short_names, categories;
};
void describe(json::Fields<DefinitionNames>& f) {
  f.doc("Names of the kind.");
  f.add("plural", &DefinitionNames::plural).doc("As in paths; metadata.name is PLURAL.GROUP.");
  f.add("singular", &DefinitionNames::singular).doc("By default the kind in lower case.");
  f.add("kind", &DefinitionNames::kind).doc("CamelCase, singular.");
  f.add("listKind", &DefinitionNames::list_kind).doc("By default the kind and List.");
  f.add("shortNames", &DefinitionNames::short_names).doc("For kubectl.");
  f.add("categories", &DefinitionNames::categories).doc("Groups of kinds, as all.");
}
struct DefinitionColumn {
  std::string name, type, format, description, json_path;
  std::optional<int32_t> priority;
};
void describe(json::Fields<DefinitionColumn>& f) {
  f.doc("A column of kubectl get.");
  f.add("name", &DefinitionColumn::name).doc("Heading.").required();
  f.add("type", &DefinitionColumn::type).doc("integer, number, string, boolean or date.").required();
  f.add("format", &DefinitionColumn::format).doc("Hint for the client.");
  f.add("description", &DefinitionColumn::description).doc("What it shows.");
  f.add("priority", &DefinitionColumn::priority).doc("Above 0: only with -o wide.");
  f.add("jsonPath", &DefinitionColumn::json_path).doc("Where in the object.").required();
}
struct DefinitionScale {
  std::string spec_path, status_path, selector_path;
};
void describe(json::Fields<DefinitionScale>& f) {
  f.doc("kubectl scale.");
  f.add("specReplicasPath", &DefinitionScale::spec_path).doc("Wanted replicas.");
  f.add("statusReplicasPath", &DefinitionScale::status_path).doc("Replicas there are.");
  f.add("labelSelectorPath", &DefinitionScale::selector_path).doc("Their selector.");
}
struct DefinitionSubresources {
  Value status;
  std::optional<DefinitionScale> scale;
};
void describe(json::Fields<DefinitionSubresources>& f) {
  f.doc("Subresources.");
  f.add("status", &DefinitionSubresources::status).doc("The status is written apart.").object();
  f.add("scale", &DefinitionSubresources::scale).doc("Kept, not served yet.");
}
struct DefinitionSchema {
  Value open_api;
};
void describe(json::Fields<DefinitionSchema>& f) {
  f.doc("Schema of the objects.");
  f.add("openAPIV3Schema", &DefinitionSchema::open_api).doc("A structural OpenAPI v3 schema.").object();
}
struct SelectableField {
  std::string json_path;
};
void describe(json::Fields<SelectableField>& f) {
  f.add("jsonPath", &SelectableField::json_path).doc("Where in the object.").required();
}
struct DefinitionVersion {
  std::string name, deprecation_warning;
  bool served = false, storage = false, deprecated = false;
  std::optional<DefinitionSchema> schema;
  std::optional<DefinitionSubresources> subresources;
  std::vector<DefinitionColumn> columns;
  std::vector<SelectableField> selectable;
};
void describe(json::Fields<DefinitionVersion>& f) {
  f.doc("A version of the kind.");
  f.add("name", &DefinitionVersion::name).doc("As v1.");
  f.add("served", &DefinitionVersion::served).doc("Whether it can be asked for.");
  f.add("storage", &DefinitionVersion::storage).doc("Whether objects are stored in it: one is.");
  f.add("deprecated", &DefinitionVersion::deprecated).doc("Whether users are warned.");
  f.add("deprecationWarning", &DefinitionVersion::deprecation_warning).doc("In these words.");
  f.add("schema", &DefinitionVersion::schema).doc("Schema of the objects.");
  f.add("subresources", &DefinitionVersion::subresources).doc("Subresources.");
  f.add("additionalPrinterColumns", &DefinitionVersion::columns).doc("Columns of kubectl get.");
  f.add("selectableFields", &DefinitionVersion::selectable).doc("Fields for selectors; kept, not served yet.");
}
struct DefinitionSpec {
  std::string group, scope;
  DefinitionNames names;
  std::vector<DefinitionVersion> versions;
  Value conversion;
  bool preserve_unknown = false;
};
void describe(json::Fields<DefinitionSpec>& f) {
  f.doc("The kind, its versions and schemas.");
  f.add("group", &DefinitionSpec::group).doc("API group.");
  f.add("names", &DefinitionSpec::names).doc("Names of the kind.");
  f.add("scope", &DefinitionSpec::scope).doc("Namespaced or Cluster.");
  f.add("versions", &DefinitionSpec::versions).doc("Versions.");
  f.add("conversion", &DefinitionSpec::conversion).doc("Between versions; only strategy None is accepted.").object();
  f.add("preserveUnknownFields", &DefinitionSpec::preserve_unknown).doc("Must be false.");
}

static bool has_rules(const Value& schema) {
  if (auto* o = schema.if_object()) {
    if (o->contains("x-kubernetes-validations")) return true;
    for (auto& [key, value] : *o)
      if (has_rules(value)) return true;
  } else if (auto* list = schema.if_array()) {
    for (auto& value : *list)
      if (has_rules(value)) return true;
  }
  return false;
}

// What is kept and not carried out is said to who applies it.
static void warn_of_definition(const Value& crd, std::vector<std::string>& warnings) {
  auto* versions = json::arr(crd, "spec", "versions");
  for (size_t i = 0; versions && i < versions->size(); ++i) {
    auto& v = (*versions)[i];
    auto told = [&](std::string_view field, std::string_view what) {
      warnings.push_back(fmt::format("spec.versions[{}].{}: {}", i, field, what));
    };
    if (auto* schema = json::find(v, "schema"); schema && has_rules(*schema))
      told("schema", "rules in x-kubernetes-validations are kept but not checked");
    if (json::find(v, "subresources", "scale")) told("subresources.scale", "kept but not served");
    if (auto* list = json::arr(v, "selectableFields"); list && !list->empty())
      told("selectableFields", "kept but not served");
  }
}

KindInfo definition_kind() {
  KindInfo k;
  k.group = "apiextensions.k8s.io";
  k.kind = "CustomResourceDefinition";
  k.plural = "customresourcedefinitions";
  k.singular = "customresourcedefinition";
  k.versions = {"v1"};
  k.short_names = {"crd", "crds"};
  k.categories = {"api-extensions"};
  k.namespaced = false;
  k.core_style = true;
  k.doc = "A kind added to this API.";
  auto status = std::make_shared<json::Schema>();
  status->type = json::SchemaType::Object;
  status->preserve_unknown = true;
  status->doc = "Accepted names and stored versions.";
  k.members = {member<DefinitionSpec>("spec"), {"status", std::move(status), false}};
  k.columns = {{"Created At", "string", ".metadata.creationTimestamp", 0, ""}};
  k.check = check_definition;
  k.warn = warn_of_definition;
  return k;
}

}  // namespace sl::resource

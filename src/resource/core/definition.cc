// CustomResourceDefinition: what its validation upstream asks for, in its words.
#include <fmt/format.h>

#include <set>

#include "resource/core/definition.h"

namespace sl::resource {

using json::Value;

namespace {

bool flag(const Value& v, std::string_view key) {
  auto* found = json::find(v, key);
  return found && *found == true;
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

void check_definition(const Value& crd, const Value* old, std::vector<Cause>& causes) {
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

}  // namespace sl::resource

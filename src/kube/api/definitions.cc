// CustomResourceDefinitions: which of them are served, under which names, as which kinds.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "kube/api/api.h"
#include "kube/schema/structural.h"

namespace sl::kube {

namespace {

json::Array string_list(const Value& v, std::string_view key) {
  auto* a = json::arr(v, key);
  return a ? *a : json::Array{};
}
std::vector<std::string> strings(const Value& v, std::string_view key) {
  std::vector<std::string> out;
  for (auto& e : string_list(v, key))
    if (e.is_string()) out.emplace_back(json::view(e.get_string()));
  return out;
}

// The schema of a whole object: metadata is ours.
Result<json::SchemaPtr> whole_schema(const Value& open) {
  SL_TRY(schema, schema_from_openapi(open));
  std::vector<json::Property> members;
  for (auto& p : schema->properties)
    if (p.name != "apiVersion" && p.name != "kind" && p.name != "metadata") members.push_back(p);
  auto whole = std::make_shared<json::Schema>(*object_schema(schema->doc, members));
  whole->preserve_unknown = schema->preserve_unknown;
  return json::SchemaPtr(std::move(whole));
}

Result<ResourceType> type_from_crd(const Value& crd) {
  ResourceType t;
  const Value& spec = *json::find(crd, "spec");
  const Value* names = json::find(spec, "names");
  const auto* versions = json::arr(spec, "versions");
  if (!names || !versions) return fail(Code::Invalid, "spec.names and spec.versions are required");
  t.group = json::str(spec, "group");
  t.kind = json::str(*names, "kind");
  t.plural = json::str(*names, "plural");
  t.singular = json::str(*names, "singular");
  if (t.singular.empty()) t.singular = to_lower(t.kind);
  t.short_names = strings(*names, "shortNames");
  t.categories = strings(*names, "categories");
  t.namespaced = json::str(spec, "scope") == "Namespaced";
  t.built_in = false;
  t.status = false;
  for (auto& v : *versions) {
    auto flag = [&v](std::string_view key) {
      auto* found = json::find(v, key);
      return found && *found == true;
    };
    if (!flag("served")) continue;
    std::string name(json::str(v, "name"));
    t.versions.insert(flag("storage") ? t.versions.begin() : t.versions.end(), name);
    ResourceType::Version form;
    if (auto* open = json::find(v, "schema", "openAPIV3Schema")) {
      SL_TRY(made, whole_schema(*open));
      form.schema = std::move(made);
    }
    if (auto* columns = json::arr(v, "additionalPrinterColumns"))
      for (auto& c : *columns)
        form.columns.push_back({std::string(json::str(c, "name")), std::string(json::str(c, "type")),
                                std::string(json::str(c, "jsonPath")), static_cast<int>(json::num(c, 0, "priority")),
                                std::string(json::str(c, "description"))});
    if (flag("deprecated")) form.deprecated = json::str(v, "deprecationWarning");
    if (flag("deprecated") && form.deprecated.empty())
      form.deprecated = fmt::format("{}/{} {} is deprecated", t.group, name, t.kind);
    if (flag("storage") || !t.schema) {
      t.schema = form.schema;
      t.columns = form.columns;
      t.status = json::find(v, "subresources", "status") != nullptr;
    }
    t.version_forms[name] = std::move(form);
  }
  if (t.versions.empty()) return fail(Code::Invalid, "no version is served");
  if (!t.schema) {
    auto any = std::make_shared<json::Schema>(*object_schema("", {}));
    any->preserve_unknown = true;
    t.schema = any;
  }
  return t;
}

// Names that are in use in a group.
struct TakenNames {
  std::vector<std::string> resources, kinds;
  void add(const Value& names) {
    for (auto key : {"plural", "singular"}) resources.emplace_back(json::str(names, key));
    for (auto& name : strings(names, "shortNames")) resources.push_back(name);
    for (auto key : {"kind", "listKind"}) kinds.emplace_back(json::str(names, key));
  }
  void add(const ResourceType& type) {
    resources.insert(resources.end(), {type.plural, type.singular});
    resources.insert(resources.end(), type.short_names.begin(), type.short_names.end());
    kinds.insert(kinds.end(), {type.kind, type.list_kind()});
  }
  static bool holds(const std::vector<std::string>& list, std::string_view name) {
    return !name.empty() && std::find(list.begin(), list.end(), name) != list.end();
  }
};

}  // namespace

// The first name of a definition that another has (what others were accepted with, whatever they ask for now, and the
// kinds that are built in), and the reason why it is not accepted.
static std::pair<std::string, std::string> name_conflict(const Value& crd, const ResourceType& wanted,
                                                         const std::vector<ObjectPtr>& all, const Registry& registry) {
  TakenNames taken;
  for (auto& other : all)
    if (json::str(*other, "spec", "group") == wanted.group && name_of(*other) != name_of(crd))
      if (auto* theirs = json::find(*other, "status", "acceptedNames")) taken.add(*theirs);
  for (auto& type : registry.all())
    if (type->built_in && type->group == wanted.group && type->plural != wanted.plural) taken.add(*type);
  if (taken.holds(taken.resources, wanted.plural)) return {wanted.plural, "PluralConflict"};
  if (taken.holds(taken.resources, wanted.singular)) return {wanted.singular, "SingularConflict"};
  for (auto& name : wanted.short_names)
    if (taken.holds(taken.resources, name)) return {name, "ShortNamesConflict"};
  if (taken.holds(taken.kinds, wanted.kind)) return {wanted.kind, "KindConflict"};
  if (taken.holds(taken.kinds, wanted.list_kind())) return {wanted.list_kind(), "ListKindConflict"};
  return {};
}

void Api::register_crd(const ObjectPtr& crd) {
  auto type = type_from_crd(*crd);
  std::string name(name_of(*crd));
  if (!type) {
    log_.warn("CustomResourceDefinition {} is not served: {}", name, type.error().message);
    return;
  }
  auto built_in = registry_.find(type->group, type->plural);
  bool ours = built_in && built_in->built_in;  // stays as it is; the definition is accepted and kept
  auto [taken, reason] = name_conflict(*crd, *type, store_.list(std::string(kCrdKey)).items, registry_);
  bool established = taken.empty() || condition_holds(*crd, "Established");  // once is for good, as upstream
  auto* before = json::find(*crd, "status", "acceptedNames");
  if (before && !taken.empty()) {  // what it had it keeps, and nothing of what it asks for now
    type->kind = json::str(*before, "kind");
    type->singular = json::str(*before, "singular");
    type->short_names = strings(*before, "shortNames");
    type->categories = strings(*before, "categories");
  }
  if (!ours && established) registry_.add(*type);
  json::Object names = json::find(*crd, "spec", "names")->get_object();
  names["singular"] = type->singular;
  names["listKind"] = type->list_kind();
  auto condition = [&](std::string_view kind, bool holds, std::string_view why, std::string_view message) {
    return json::Object{{"type", kind},
                        {"status", holds ? "True" : "False"},
                        {"reason", why},
                        {"message", message},
                        {"lastTransitionTime", json::str(*crd, "metadata", "creationTimestamp")}};
  };
  json::Array conditions{
      taken.empty() ? condition("NamesAccepted", true, "NoConflicts", "no conflicts found")
                    : condition("NamesAccepted", false, reason, fmt::format("\"{}\" is already in use", taken)),
      established ? condition("Established", true, "InitialNamesAccepted", "the initial names have been accepted")
                  : condition("Established", false, "NotAccepted", "not all names are accepted")};
  std::string storage = type->versions[0];
  for (auto& v : *json::arr(*crd, "spec", "versions"))
    if (json::flag(v, "storage")) storage = json::str(v, "name");
  // Versions in which objects may have been stored: they come, and go only when a user takes them off.
  json::Array stored =
      json::arr(*crd, "status", "storedVersions") ? *json::arr(*crd, "status", "storedVersions") : json::Array{};
  if (std::find(stored.begin(), stored.end(), Value(storage)) == stored.end()) stored.push_back(Value(storage));
  json::Object status{{"conditions", std::move(conditions)}, {"storedVersions", std::move(stored)}};
  bool freed = before && taken.empty() && !json::equal(*before, Value(names));
  if (taken.empty())
    status["acceptedNames"] = std::move(names);
  else if (before)
    status["acceptedNames"] = *before;
  std::string group = type->group;
  auto crd_type = registry_.find("apiextensions.k8s.io", "customresourcedefinitions");
  if (crd_type) (void)set_status(*crd_type, "", name, status, "sightline");
  if (freed) register_refused(group);
}

// Names that were taken may be free now.
void Api::register_refused(std::string_view group) {
  for (auto& crd : store_.list(std::string(kCrdKey)).items)
    if (json::str(*crd, "spec", "group") == group && !being_deleted(*crd) && !condition_holds(*crd, "NamesAccepted"))
      register_crd(crd);
}

}  // namespace sl::kube

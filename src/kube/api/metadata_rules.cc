#include "kube/api/metadata_rules.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "kube/object/status.h"

namespace sl::kube {

void drop_empty_metadata(Value& o) {
  auto& meta = metadata_of(o);
  for (auto key : {"labels", "annotations", "finalizers", "ownerReferences"})
    if (auto* v = meta.if_contains(key);
        v && ((v->is_object() && v->get_object().empty()) || (v->is_array() && v->get_array().empty())))
      meta.erase(key);
}

namespace {

constexpr size_t kAnnotationBytesMax = 256 * 1024;

void check_keys(const Value& o, std::string_view field, bool values, std::vector<Cause>& causes) {
  auto* map = json::find(o, "metadata", field);
  if (!map || !map->is_object()) return;
  std::string at = fmt::format("metadata.{}", field);
  for (auto& [key, value] : map->get_object()) {
    if (auto bad = check_qualified_name(key); !bad.empty())
      causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", std::string_view(key), bad), at});
    if (!values || !value.is_string()) continue;
    if (auto bad = check_label_value(json::view(value.get_string())); !bad.empty())
      causes.push_back(
          {"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", json::view(value.get_string()), bad), at});
  }
}

void check_finalizers(const ResourceType& type, const Value& o, std::vector<Cause>& causes) {
  auto* list = json::arr(o, "metadata", "finalizers");
  if (!list) return;
  for (auto& f : *list) {
    std::string_view name = f.is_string() ? json::view(f.get_string()) : "";
    if (auto bad = check_qualified_name(name); !bad.empty())
      causes.push_back(
          {"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", name, bad), "metadata.finalizers"});
    else if (type.group.empty() && name.find('/') == std::string_view::npos && name != "kubernetes" &&
             name != "orphan" && name != "foregroundDeletion")
      causes.push_back({"FieldValueInvalid",
                        fmt::format("Invalid value: \"{}\": name is neither a standard finalizer name nor is it fully "
                                    "qualified",
                                    name),
                        "metadata.finalizers"});
  }
}

void check_owners(const Value& o, std::vector<Cause>& causes) {
  auto* list = json::arr(o, "metadata", "ownerReferences");
  if (!list) return;
  std::vector<std::string> controllers;
  for (auto& owner : *list)
    if (json::flag(owner, "controller"))
      controllers.push_back(fmt::format("{}/{}", json::str(owner, "kind"), json::str(owner, "name")));
  if (controllers.size() > 1)
    causes.push_back(
        {"FieldValueInvalid",
         fmt::format("Invalid value: only one reference can have Controller set to true: {}", join(controllers, ", ")),
         "metadata.ownerReferences"});
}

}  // namespace

Result<void> check_metadata(const ResourceType& type, const Value& next, const Value* old) {
  std::vector<Cause> causes;
  std::string name(name_of(next));
  auto bad = type.key() == "services"     ? check_dns1035_label(name)
             : type.key() == "namespaces" ? check_dns1123_label(name)
                                          : check_dns1123_subdomain(name);
  if (name.empty())
    causes.push_back({"FieldValueRequired", "Required value: name or generateName is required", "metadata.name"});
  else if (!old && !bad.empty())
    causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", name, bad), "metadata.name"});
  check_keys(next, "labels", true, causes);
  check_keys(next, "annotations", false, causes);
  size_t bytes = 0;
  if (auto* a = json::find(next, "metadata", "annotations"); a && a->is_object())
    for (auto& [k, v] : a->get_object()) bytes += k.size() + (v.is_string() ? v.get_string().size() : 0);
  if (bytes > kAnnotationBytesMax)
    causes.push_back({"FieldValueTooLong", fmt::format("Too long: may not be more than {} bytes", kAnnotationBytesMax),
                      "metadata.annotations"});
  check_finalizers(type, next, causes);
  check_owners(next, causes);
  if (old && being_deleted(*old)) {
    auto* before = json::arr(*old, "metadata", "finalizers");
    auto* after = json::arr(next, "metadata", "finalizers");
    if (after)
      for (auto& f : *after)
        if (!before || std::find(before->begin(), before->end(), f) == before->end())
          causes.push_back({"FieldValueForbidden",
                            "Forbidden: no new finalizers can be added if the object is being deleted",
                            "metadata.finalizers"});
  }
  if (!causes.empty()) return fail(invalid(type.kind_group(), name, std::move(causes)));
  return {};
}

}  // namespace sl::kube

// Reading and writing the common parts of Kubernetes objects held as JSON.
// Who calls: kube, control, agent tools, app. Thread: plain functions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace sl::kube {

using json::Value;
using ObjectPtr = std::shared_ptr<const Value>;

struct GroupVersion {
  std::string group;  // "" is the core group
  std::string version;
  std::string text() const { return group.empty() ? version : group + "/" + version; }
};
GroupVersion parse_group_version(std::string_view api_version);

// "plural.group" ("secrets" in the core group): what the store files objects under.
std::string resource_key(std::string_view group, std::string_view plural);

inline std::string_view name_of(const Value& o) {
  return json::str(o, "metadata", "name");
}
inline std::string_view namespace_of(const Value& o) {
  return json::str(o, "metadata", "namespace");
}
inline std::string_view uid_of(const Value& o) {
  return json::str(o, "metadata", "uid");
}
inline std::string_view kind_of(const Value& o) {
  return json::str(o, "kind");
}
inline std::string_view api_version_of(const Value& o) {
  return json::str(o, "apiVersion");
}
int64_t resource_version_of(const Value& o);  // 0 when absent
int64_t generation_of(const Value& o);
bool being_deleted(const Value& o);
std::string label_of(const Value& o, std::string_view key);
json::Object& metadata_of(Value& o);  // made if missing

// "namespace/name", or "name" for a cluster-scoped object.
std::string namespaced_name(const Value& o);

// A condition of status.conditions by type; nullptr if there is none.
const Value* find_condition(const Value& object, std::string_view type);
bool condition_holds(const Value& object, std::string_view type);  // there, and "True"

// DNS names of metadata (RFC 1123); empty when valid, else Kubernetes' own words for what is wrong.
std::string check_dns1123_subdomain(std::string_view name);
std::string check_dns1123_label(std::string_view name);
std::string check_dns1035_label(std::string_view name);  // of a Service
std::string check_qualified_name(std::string_view key);  // label and annotation keys
std::string check_label_value(std::string_view value);

}  // namespace sl::kube

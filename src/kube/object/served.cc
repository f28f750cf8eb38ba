#include "kube/object/served.h"

#include <algorithm>

#include "base/strings.h"

namespace sl::kube {

std::string ServedKind::api_version() const {
  return group.empty() ? version : group + "/" + version;
}

std::string ServedKind::path(std::string_view ns, std::string_view name) const {
  std::string out = (group.empty() ? "/api/" : "/apis/") + api_version();
  if (namespaced && !ns.empty()) out += "/namespaces/" + percent_encode(ns);
  out += "/" + plural;
  return name.empty() ? out : out + "/" + percent_encode(name);
}

std::vector<std::string> ServedKinds::paths(const json::Value& groups) {
  std::vector<std::string> out{"/api/v1"};
  auto* list = json::arr(groups, "groups");
  if (!list) return out;
  for (auto& g : *list) {
    std::string first(json::str(g, "preferredVersion", "groupVersion"));
    if (!first.empty()) out.push_back("/apis/" + first);
    if (auto* versions = json::arr(g, "versions"))
      for (auto& v : *versions)
        if (std::string one(json::str(v, "groupVersion")); one != first) out.push_back("/apis/" + one);
  }
  return out;
}

void ServedKinds::add(const json::Value& list) {
  std::string_view group_version = json::str(list, "groupVersion");
  size_t slash = group_version.find('/');
  auto* resources = json::arr(list, "resources");
  if (!resources) return;
  for (auto& r : *resources) {
    if (json::str(r, "name").find('/') != std::string_view::npos) continue;
    ServedKind k;
    if (slash != std::string_view::npos) k.group = group_version.substr(0, slash);
    k.version = slash == std::string_view::npos ? group_version : group_version.substr(slash + 1);
    k.plural = json::str(r, "name");
    k.singular = json::str(r, "singularName");
    k.kind = json::str(r, "kind");
    k.namespaced = json::flag(r, "namespaced");
    if (auto* shorts = json::arr(r, "shortNames"))
      for (auto& s : *shorts)
        if (s.is_string()) k.short_names.emplace_back(json::view(s.get_string()));
    kinds_.push_back(std::move(k));
  }
}

const ServedKind* ServedKinds::find(std::string_view type) const {
  std::string name = to_lower(type.substr(0, type.find('.')));
  std::string rest = type.size() > name.size() ? to_lower(type.substr(name.size() + 1)) : "";
  for (auto& k : kinds_) {
    bool named = k.plural == name || k.singular == name || to_lower(k.kind) == name ||
                 std::find(k.short_names.begin(), k.short_names.end(), name) != k.short_names.end();
    bool fits = rest.empty() || rest == k.group || rest == k.version + "." + k.group;
    if (named && fits) return &k;
  }
  return nullptr;
}

const ServedKind* ServedKinds::find(std::string_view api_version, std::string_view kind) const {
  for (auto& k : kinds_)
    if (k.kind == kind && k.api_version() == api_version) return &k;
  return nullptr;
}

}  // namespace sl::kube

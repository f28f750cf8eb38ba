#include "kube/apiserver/discovery.h"

#include <algorithm>
#include <map>

namespace sl::kube {

using json::Array;
using json::Object;

namespace {

Array verbs_of(const ResourceType& t) {
  if (t.read_only) return Array{"delete", "get", "list", "watch"};
  return Array{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
}

Array strings(const std::vector<std::string>& v) {
  return Array(v.begin(), v.end());
}

// Groups in order with their served versions, most preferred first.
std::map<std::string, std::vector<std::string>> groups_of(const Registry& registry) {
  std::map<std::string, std::vector<std::string>> out;
  for (auto& t : registry.all())
    for (auto& v : t->versions) {
      auto& list = out[t->group];
      if (std::find(list.begin(), list.end(), v) == list.end()) list.push_back(v);
    }
  for (auto kind : {"authorization.k8s.io", "authentication.k8s.io"}) out[kind] = {"v1"};
  auto rank = [](const std::string& v) {
    return std::pair(v.find("alpha") != std::string::npos ? 2 : v.find("beta") != std::string::npos ? 1 : 0, v);
  };
  for (auto& [group, versions] : out)
    std::sort(versions.begin(), versions.end(), [&](auto& a, auto& b) { return rank(a) < rank(b); });
  return out;
}

// The review kinds: create only, not stored.
struct Review {
  const char* group;
  const char* plural;
  const char* kind;
};
constexpr Review kReviews[] = {{"authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"},
                               {"authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"},
                               {"authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"}};

Object group_object(const std::string& group, const std::vector<std::string>& versions) {
  Array list;
  for (auto& v : versions) list.push_back(Object{{"groupVersion", group + "/" + v}, {"version", v}});
  return Object{{"name", group}, {"versions", list}, {"preferredVersion", list.at(0)}};
}

Object aggregated_resource(const ResourceType& t, const std::string& version) {
  Object kind{{"group", t.group}, {"version", version}, {"kind", t.kind}};
  Object out{{"resource", t.plural},
             {"responseKind", kind},
             {"scope", t.namespaced ? "Namespaced" : "Cluster"},
             {"singularResource", t.singular},
             {"verbs", verbs_of(t)}};
  if (!t.short_names.empty()) out["shortNames"] = strings(t.short_names);
  if (!t.categories.empty()) out["categories"] = strings(t.categories);
  Array subresources;
  if (t.status)
    subresources.push_back(
        Object{{"subresource", "status"}, {"responseKind", kind}, {"verbs", Array{"get", "patch", "update"}}});
  for (auto& s : t.subresources)
    subresources.push_back(Object{{"subresource", s}, {"responseKind", kind}, {"verbs", Array{"get"}}});
  if (!subresources.empty()) out["subresources"] = std::move(subresources);
  return out;
}

}  // namespace

Value api_versions() {
  return Object{{"kind", "APIVersions"}, {"versions", Array{"v1"}}, {"serverAddressByClientCIDRs", Array{}}};
}

Value api_group_list(const Registry& registry) {
  Array groups;
  for (auto& [group, versions] : groups_of(registry))
    if (!group.empty()) groups.push_back(group_object(group, versions));
  return Object{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

std::optional<Value> api_group(const Registry& registry, std::string_view group) {
  auto all = groups_of(registry);
  auto it = all.find(std::string(group));
  if (it == all.end() || group.empty()) return std::nullopt;
  Object out = group_object(it->first, it->second);
  out["kind"] = "APIGroup";
  out["apiVersion"] = "v1";
  return out;
}

std::optional<Value> api_resource_list(const Registry& registry, std::string_view group, std::string_view version) {
  Array resources;
  for (auto& t : registry.all()) {
    if (t->group != group || !t->serves(version)) continue;
    Object r{{"name", t->plural},
             {"singularName", t->singular},
             {"namespaced", t->namespaced},
             {"kind", t->kind},
             {"verbs", verbs_of(*t)}};
    if (!t->short_names.empty()) r["shortNames"] = strings(t->short_names);
    if (!t->categories.empty()) r["categories"] = strings(t->categories);
    resources.push_back(r);
    if (t->status)
      resources.push_back(Object{{"name", t->plural + "/status"},
                                 {"singularName", ""},
                                 {"namespaced", t->namespaced},
                                 {"kind", t->kind},
                                 {"verbs", Array{"get", "patch", "update"}}});
    for (auto& s : t->subresources)
      resources.push_back(Object{{"name", t->plural + "/" + s},
                                 {"singularName", ""},
                                 {"namespaced", t->namespaced},
                                 {"kind", t->kind},
                                 {"verbs", Array{"get"}}});
  }
  for (auto& r : kReviews)
    if (group == r.group && version == "v1")
      resources.push_back(Object{{"name", r.plural},
                                 {"singularName", ""},
                                 {"namespaced", false},
                                 {"kind", r.kind},
                                 {"verbs", Array{"create"}}});
  if (resources.empty()) return std::nullopt;
  std::string gv = group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
  return Object{
      {"kind", "APIResourceList"}, {"apiVersion", "v1"}, {"groupVersion", gv}, {"resources", std::move(resources)}};
}

Value aggregated_discovery(const Registry& registry, bool core, std::string_view discovery_version) {
  Array items;
  for (auto& [group, versions] : groups_of(registry)) {
    if (group.empty() != core) continue;
    Array list;
    for (auto& version : versions) {
      Array resources;
      for (auto& t : registry.all())
        if (t->group == group && t->serves(version)) resources.push_back(aggregated_resource(*t, version));
      for (auto& r : kReviews)
        if (group == r.group)
          resources.push_back(Object{{"resource", r.plural},
                                     {"responseKind", Object{{"group", group}, {"version", version}, {"kind", r.kind}}},
                                     {"scope", "Cluster"},
                                     {"singularResource", ""},
                                     {"verbs", Array{"create"}}});
      list.push_back(Object{{"version", version}, {"freshness", "Current"}, {"resources", std::move(resources)}});
    }
    items.push_back(Object{{"metadata", Object{{"name", group}}}, {"versions", std::move(list)}});
  }
  return Object{{"kind", "APIGroupDiscoveryList"},
                {"apiVersion", "apidiscovery.k8s.io/" + std::string(discovery_version)},
                {"metadata", Object{}},
                {"items", std::move(items)}};
}

}  // namespace sl::kube

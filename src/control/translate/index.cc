#include "control/translate/index.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace sl::control {
namespace {

template <class Spec>
void load(kube::Api& api, const std::string& key, std::map<std::string, Held<Spec>>& out, ResourceIndex& index) {
  for (auto& object : api.store().list(key).items) {
    index.versions[key + " " + kube::namespaced_name(*object)] = json::str(*object, "metadata", "resourceVersion");
    Held<Spec> held;
    held.object = object;
    auto* spec = json::find(*object, "spec");
    auto decoded = json::decode<Spec>(spec ? *spec : json::Value(json::Object{}), "spec");
    if (!decoded) {
      index.problems.push_back({key, object, decoded.error().message});
      continue;
    }
    held.spec = std::move(*decoded);
    out[held.key()] = std::move(held);
  }
}

void load_raw(kube::Api& api, const std::string& key, std::map<std::string, kube::ObjectPtr>& out) {
  for (auto& object : api.store().list(key).items) out[kube::namespaced_name(*object)] = object;
}

}  // namespace

ResourceIndex build_index(kube::Api& api) {
  ResourceIndex out;
  load(api, "gatewayclasses.gateway.networking.k8s.io", out.classes, out);
  load(api, "gateways.gateway.networking.k8s.io", out.gateways, out);
  load(api, "httproutes.gateway.networking.k8s.io", out.routes, out);
  load(api, "referencegrants.gateway.networking.k8s.io", out.grants, out);
  load(api, "backends.gateway.kgateway.dev", out.backends, out);
  load(api, "modelconfigs.kagent.dev", out.models, out);
  load(api, "agents.kagent.dev", out.agents, out);
  load_raw(api, "secrets", out.secrets);
  load_raw(api, "configmaps", out.config_maps);
  load_raw(api, "services", out.services);
  load_raw(api, "namespaces", out.namespaces);
  return out;
}

std::optional<std::string> secret_value(const ResourceIndex& index, const std::string& ns, const std::string& name,
                                        const std::string& key) {
  auto it = index.secrets.find(ns + "/" + name);
  if (it == index.secrets.end()) return std::nullopt;
  auto* value = json::find(*it->second, "data", key);
  if (!value || !value->is_string()) return std::nullopt;
  return base64_decode(json::view(value->get_string()));
}

std::vector<std::string> namespaces_with_secret(const ResourceIndex& index, const std::string& name,
                                                const std::string& ns) {
  std::vector<std::string> out;
  for (auto& [key, secret] : index.secrets)
    if (kube::name_of(*secret) == name && kube::namespace_of(*secret) != ns)
      out.emplace_back(kube::namespace_of(*secret));
  return out;
}

bool granted(const ResourceIndex& index, const resource::GrantFrom& from, const std::string& to_ns,
             const resource::GrantTo& to) {
  for (auto& [key, grant] : index.grants) {
    if (grant.ns() != to_ns) continue;
    bool from_ok = false, to_ok = false;
    for (auto& f : grant.spec.from) from_ok |= f.group == from.group && f.kind == from.kind && f.ns == from.ns;
    for (auto& t : grant.spec.to)
      to_ok |= t.group == to.group && t.kind == to.kind && (t.name.empty() || t.name == to.name);
    if (from_ok && to_ok) return true;
  }
  return false;
}

}  // namespace sl::control

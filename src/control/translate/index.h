// ResourceIndex: the objects that matter to translation, decoded, as of one moment.
// Who calls: control/reconcile builds it, translate reads it. Thread: plain value.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kube/api/api.h"
#include "resource/gateway/gateway.h"
#include "resource/kagent/kagent.h"
#include "resource/kgateway/backend.h"

namespace sl::control {

// A decoded object with the stored form it came from.
template <class Spec>
struct Held {
  kube::ObjectPtr object;
  Spec spec;
  std::string key() const { return kube::namespaced_name(*object); }
  std::string ns() const { return std::string(kube::namespace_of(*object)); }
  std::string name() const { return std::string(kube::name_of(*object)); }
  int64_t generation() const { return kube::generation_of(*object); }
};

struct ResourceIndex {
  std::map<std::string, Held<resource::GatewayClassSpec>> classes;
  std::map<std::string, Held<resource::GatewaySpec>> gateways;  // by NS/NAME, as all below
  std::map<std::string, Held<resource::HttpRouteSpec>> routes;
  std::map<std::string, Held<resource::ReferenceGrantSpec>> grants;
  std::map<std::string, Held<resource::BackendSpec>> backends;
  std::map<std::string, Held<resource::ModelConfigSpec>> models;
  std::map<std::string, Held<resource::AgentSpec>> agents;
  std::map<std::string, kube::ObjectPtr> secrets, config_maps, services;
  std::map<std::string, kube::ObjectPtr> namespaces;  // by name
  struct Problem {
    std::string resource;  // store key
    kube::ObjectPtr object;
    std::string message;
  };
  std::vector<Problem> problems;                // objects that could not be decoded
  std::map<std::string, std::string> versions;  // "STORE-KEY NS/NAME" -> the resourceVersion that was looked at
};

ResourceIndex build_index(kube::Api& api);

// The key's value of a Secret, decoded; nullopt when there is none.
std::optional<std::string> secret_value(const ResourceIndex& index, const std::string& ns, const std::string& name,
                                        const std::string& key);
// Namespaces, other than `ns`, that hold a Secret of that name.
std::vector<std::string> namespaces_with_secret(const ResourceIndex& index, const std::string& name,
                                                const std::string& ns);
// May `from` (group, kind, namespace) refer to `to` in namespace `to_ns`?
bool granted(const ResourceIndex& index, const resource::GrantFrom& from, const std::string& to_ns,
             const resource::GrantTo& to);

}  // namespace sl::control

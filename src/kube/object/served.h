// ServedKinds: what an API server serves, as its discovery documents tell a client.
// Who calls: clients of the API in this program (agent/tools, app/cli). Thread: plain value.
// Source: Kubernetes API concepts, discovery (the classic form).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace sl::kube {

struct ServedKind {
  std::string group, version;  // "" and "v1" for the core
  std::string plural, singular, kind;
  std::vector<std::string> short_names;
  bool namespaced = true;

  std::string api_version() const;
  // "/api/v1/namespaces/NS/PLURAL/NAME"; without what is empty or has no place in it.
  std::string path(std::string_view ns, std::string_view name) const;
};

class ServedKinds {
 public:
  // The documents to fetch after "/apis": the core first, and of each group the preferred version first.
  static std::vector<std::string> paths(const json::Value& api_group_list);
  // Adds an APIResourceList. Subresources are left out.
  void add(const json::Value& api_resource_list);

  // As kubectl takes it: plural, singular, short name or kind, with ".GROUP" or ".VERSION.GROUP" behind it if wanted.
  // nullptr if nothing fits.
  const ServedKind* find(std::string_view type) const;
  // The kind of a manifest.
  const ServedKind* find(std::string_view api_version, std::string_view kind) const;
  const std::vector<ServedKind>& all() const { return kinds_; }

 private:
  std::vector<ServedKind> kinds_;
};

}  // namespace sl::kube

// metadata.managedFields: reading, ownership after each kind of write, and server-side apply.
// Who calls: kube/api. Thread: plain functions. Source: Kubernetes server-side apply.
#pragma once

#include <string>

#include "base/error.h"
#include "kube/api/registry.h"

namespace sl::kube {

struct Manager {
  std::string name;
  std::string api_version;
  std::string subresource;
};

// After a create, update or patch: what changed from `before` (null on create) to `after` moves to the manager.
// Writes after.metadata.managedFields.
void track_update(const Value* before, Value& after, const ResourceType& type, const Manager& manager);

// Server-side apply of `config` over `live`; the result carries new managedFields. Conflict with causes when another
// manager owns a field that would change and force is not set.
Result<Value> apply_configuration(const Value& live, const Value& config, const ResourceType& type,
                                  const Manager& manager, bool force);

}  // namespace sl::kube

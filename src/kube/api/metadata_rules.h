// What an object's metadata may be: names, keys, sizes, finalizers, owners. Who calls: api_write. Thread: plain
// functions. Errors: Invalid, with Kubernetes' own words and fields. Source: ObjectMeta validation of Kubernetes.
#pragma once

#include "kube/api/registry.h"

namespace sl::kube {

// As upstream: maps and lists of metadata that hold nothing are not there.
void drop_empty_metadata(Value& object);
// `old`: the stored form, or null for a new object.
Result<void> check_metadata(const ResourceType& type, const Value& next, const Value* old);

}  // namespace sl::kube

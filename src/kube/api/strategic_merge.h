// Strategic merge patch for the core kinds. Who calls: kube/api. Thread: plain function.
// Lists merge by the schema's patch_merge_key (or as sets); $patch, $deleteFromPrimitiveList, $setElementOrder and
// $retainKeys are understood. Source: Kubernetes strategic merge patch.
#pragma once

#include "base/error.h"
#include "json/schema.h"

namespace sl::kube {

Result<void> strategic_merge(json::Value& target, const json::Value& patch, const json::Schema* schema);

}  // namespace sl::kube

// Discovery documents. Who calls: apiserver. Thread: plain functions.
// Source: aggregated discovery v2, v2beta1 and the classic APIGroupList/APIResourceList.
#pragma once

#include "kube/api/registry.h"

namespace sl::kube {

Value api_versions();  // GET /api
Value api_group_list(const Registry& registry);
std::optional<Value> api_group(const Registry& registry, std::string_view group);
std::optional<Value> api_resource_list(const Registry& registry, std::string_view group, std::string_view version);
// `core`: the /api half, else the /apis half. `version` is v2 or v2beta1.
Value aggregated_discovery(const Registry& registry, bool core, std::string_view version);

}  // namespace sl::kube

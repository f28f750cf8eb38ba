// OpenAPI documents of what the registry serves. Who calls: apiserver. Thread: plain functions.
// v3 JSON per group-version is what kubectl >= 1.29 needs; v2 in protobuf is what older ones insist on (and all that
// 1.20 reads for validation, explain and diff). Source: gnostic OpenAPIv2 message numbers.
#pragma once

#include "kube/api/registry.h"

namespace sl::kube {

// {"paths": {"apis/G/V": {"serverRelativeURL": "/openapi/v3/apis/G/V?hash=H"}}}
Value openapi_v3_index(const Registry& registry);
// One group-version's document; nullopt when it is not served. `path` is "api/v1" or "apis/G/V".
std::optional<Value> openapi_v3(const Registry& registry, std::string_view path);
std::string openapi_v2_protobuf(const Registry& registry);

}  // namespace sl::kube

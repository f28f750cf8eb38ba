// Kubernetes' protobuf bodies, read into the JSON form (never written: every client accepts JSON).
//
// Covers the kinds that typed clients create here: Namespace, Secret, ConfigMap, ServiceAccount, Service, Pod metadata,
// Event, DeleteOptions and the self review kinds. Who calls: apiserver. Thread: plain functions. Limits: depth 32.
// Source: k8s.io/api generated.proto field numbers.
#pragma once

#include "json/value.h"

namespace sl::kube {

// The 4-byte magic, runtime.Unknown, then the object. Errors: InvalidArgument, UnsupportedMedia for other kinds.
Result<json::Value> decode_protobuf(std::string_view body);

}  // namespace sl::kube

// Table output: what `kubectl get` prints. Who calls: apiserver, `sightline get`. Thread: plain functions.
// Source: meta.k8s.io/v1 Table; columns are those of the upstream CRDs and printers.
#pragma once

#include "kube/api/registry.h"

namespace sl::kube {

enum class IncludeObject { None, Metadata, Object };

Value make_table(const ResourceType& type, const std::string& version, const std::vector<ObjectPtr>& items,
                 IncludeObject include, bool with_columns = true);

// The JSONPath subset of printer columns: .a.b, .a[*].b, .a[0], .a[?(@.k=="v")].b, .a\.b. Null when nothing matches.
Value evaluate_path(const Value& object, std::string_view path);

// "5m", "2d3h": an age as kubectl prints it.
std::string human_duration(int64_t seconds);

// As PartialObjectMetadata: for clients that ask for no more.
Value partial_object(const Value& object);

}  // namespace sl::kube

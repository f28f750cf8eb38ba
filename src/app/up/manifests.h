// Applies manifest files to the API in this process (`up -f`). Who calls: up. Thread: the main thread.
#pragma once

#include "kube/api/api.h"

namespace sl::up {

// A file, or every .yaml, .yml and .json of a directory in name order. Prints "kind/name created|configured". The error
// names file and line.
Result<void> apply_manifests(kube::Api& api, const std::string& path);

// The documents of such a path: value, and "file:line" of each.
struct Document {
  json::Value value;
  std::string place;
};
Result<std::vector<Document>> read_manifests(const std::string& path);

}  // namespace sl::up

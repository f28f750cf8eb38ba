// Applies manifest files to the API in this process (`up -f`). Who calls: up. Thread: the main thread.
#pragma once

#include <map>

#include "json/yaml.h"
#include "kube/api/api.h"

namespace sl::up {

// A file, or every .yaml, .yml and .json of a directory in name order. Prints "kind/name created|configured". The error
// names file and line.
Result<void> apply_manifests(kube::Api& api, const std::string& path);

// A document of such a path.
struct Document {
  json::Value value;
  std::string file;
  int line = 1;                                            // where it starts
  std::map<std::string, json::Place, std::less<>> places;  // of its fields
  std::string place() const;                               // "file:line"
  // "file:line:column" of the first field that the error is about, else place().
  std::string place_of(const Error& error) const;
};
Result<std::vector<Document>> read_manifests(const std::string& path);

}  // namespace sl::up

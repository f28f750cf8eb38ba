// What a URL of the Kubernetes API asks for, and how its body is read.
// Who calls: apiserver. Thread: plain functions.
#pragma once

#include <optional>

#include "kube/api/api.h"
#include "net/http_server/server.h"

namespace sl::kube {

struct ResourcePath {
  std::string group, version, plural;
  std::string ns;    // "" for cluster scope or all namespaces
  std::string name;  // "" for a collection
  std::string subresource;
};

// /api/v1/... and /apis/GROUP/VERSION/...; nullopt for anything else.
std::optional<ResourcePath> parse_resource_path(std::string_view path);

struct Body {
  Value value;
  std::vector<std::string> duplicates;
};

// JSON, YAML (apply-patch) or the protobuf of typed clients. Errors: BadRequest naming the place, UnsupportedMedia.
Result<Body> read_body(const net::HttpRequest& request);

// fieldManager, fieldValidation, dryRun, force. Errors: Invalid on unknown values.
Result<WriteOptions> write_options(const net::HttpRequest& request);
Result<DeleteOptions> delete_options(const net::HttpRequest& request);

}  // namespace sl::kube

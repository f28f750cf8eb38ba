// The body of a request: how it is read, and that it fits the URL.
// Who calls: apiserver. Thread: plain functions. Errors: BadRequest naming the place, UnsupportedMedia.
#pragma once

#include "kube/apiserver/request.h"

namespace sl::kube {

struct Body {
  Value value;
  std::vector<std::string> duplicates;
};

// JSON, YAML (apply-patch) or the protobuf of typed clients.
Result<Body> read_body(const net::HttpRequest& request);
// The same for a create or update, checked against the URL.
Result<Body> object_body(const net::HttpRequest& request, const ResourcePath& path, const ResourceType& type);
// An applied configuration may leave its name and namespace out (they are set), but not contradict the URL.
Result<void> check_applied(Value& config, const ResourcePath& path, const ResourceType& type);

}  // namespace sl::kube

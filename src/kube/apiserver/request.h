// What a request to the Kubernetes API asks for: its path, query and header fields.
// Who calls: apiserver. Thread: plain functions.
#pragma once

#include <optional>

#include "kube/api/api.h"
#include "kube/apiserver/table.h"
#include "kube/apiserver/watch.h"
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

// What is accepted as an answer: JSON is all that is made here, as objects or as a table.
bool acceptable(const net::HttpRequest& request);
bool wants_table(const net::HttpRequest& request);
bool wants_metadata(const net::HttpRequest& r);  // as=PartialObjectMetadata
IncludeObject include_of(const net::HttpRequest& request);
// "v2", "v2beta1" or "" for the classic form.
std::string asked_discovery(const net::HttpRequest& request);

// Selectors, limit and continue. The version that a list is asked for, 0 for what is stored `now`.
Result<ListOptions> list_options(const net::HttpRequest& request, const ResourceType& type);
Result<int64_t> asked_version(const net::HttpRequest& request, int64_t now);
Result<WatchRequest> watch_request(const net::HttpRequest& request, const ResourcePath& path, const TypePtr& type);
Result<PatchKind> patch_kind(const net::HttpRequest& request);
// fieldManager, fieldValidation, dryRun, force. Errors: Invalid on unknown values.
Result<WriteOptions> write_options(const net::HttpRequest& request);
Result<DeleteOptions> delete_options(const net::HttpRequest& request);

}  // namespace sl::kube

// Error <-> Kubernetes Status objects, and the wording of the common API errors.
// Who calls: kube, app/cli. Thread: plain functions. Source: metav1.Status.
#pragma once

#include "kube/object/meta.h"

namespace sl::kube {

// What an error is about, for Status.details.
struct StatusDetails {
  std::string name;
  std::string group;
  std::string kind;  // plural resource, as upstream
};

Value to_status(const Error& error, const StatusDetails& details = {});
// From a Status answer of a server (or its plain text).
Error from_status(int http_status, std::string_view body);

// "httproutes.gateway.networking.k8s.io"
std::string group_resource(std::string_view group, std::string_view plural);

Error not_found(std::string_view group, std::string_view plural, std::string_view name);
Error already_exists(std::string_view group, std::string_view plural, std::string_view name);
Error conflict(std::string_view group, std::string_view plural, std::string_view name, std::string_view why);
// 422 with causes; `kind_group` is e.g. "HTTPRoute.gateway.networking.k8s.io".
Error invalid(std::string_view kind_group, std::string_view name, std::vector<Cause> causes);

}  // namespace sl::kube

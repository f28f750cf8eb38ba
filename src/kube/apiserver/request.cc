#include "kube/apiserver/request.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "kube/apiserver/body.h"

namespace sl::kube {

std::optional<ResourcePath> parse_resource_path(std::string_view path) {
  std::vector<std::string_view> p;
  for (auto piece : split(path, '/'))
    if (!piece.empty()) p.push_back(piece);
  ResourcePath out;
  size_t at;
  if (p.size() >= 3 && p[0] == "api") {
    out.version = p[1];
    at = 2;
  } else if (p.size() >= 4 && p[0] == "apis") {
    out.group = p[1];
    out.version = p[2];
    at = 3;
  } else {
    return std::nullopt;
  }
  if (p[at] == "namespaces" && p.size() >= at + 3 && p[at + 2] != "status" && p[at + 2] != "finalize") {
    out.ns = p[at + 1];
    at += 2;
  }
  out.plural = p[at];
  if (p.size() > at + 1) out.name = p[at + 1];
  if (p.size() > at + 2) out.subresource = p[at + 2];
  if (p.size() > at + 3) return std::nullopt;
  return out;
}

// JSON is all that is made here; every client of Kubernetes lists it among others.
bool acceptable(const net::HttpRequest& r) {
  std::string_view accept = r.header("accept");
  if (trim(accept).empty()) return true;
  for (auto part : split(accept, ',')) {
    std::string type = to_lower(trim(part.substr(0, part.find(';'))));
    if (type == "application/json" || type == "*/*" || type == "application/*") return true;
  }
  return false;
}

bool wants_table(const net::HttpRequest& r) {
  return std::string_view(r.header("accept")).find("as=Table") != std::string_view::npos;
}

// The first form named in the list rules; a table goes before it.
bool wants_metadata(const net::HttpRequest& r) {
  std::string_view accept = r.header("accept");
  size_t partial = accept.find("as=PartialObjectMetadata");
  return partial != std::string_view::npos && accept.substr(0, partial).find(',') == std::string_view::npos;
}

std::string asked_discovery(const net::HttpRequest& r) {  // "v2", "v2beta1" or "" for the classic form
  std::string_view accept = r.header("accept");
  size_t at = accept.find("g=apidiscovery.k8s.io");
  size_t as = accept.find("as=APIGroupDiscoveryList");
  if (at == std::string_view::npos && as == std::string_view::npos) return "";
  if (accept.find("v=v2;") != std::string_view::npos || accept.find("v=v2,") != std::string_view::npos ||
      accept.find("v=v2;as") != std::string_view::npos)
    return "v2";
  return "v2beta1";
}

IncludeObject include_of(const net::HttpRequest& r) {
  std::string include = r.query_value("includeObject");
  return include == "Object" ? IncludeObject::Object
         : include == "None" ? IncludeObject::None
                             : IncludeObject::Metadata;
}

Result<ListOptions> list_options(const net::HttpRequest& r, const ResourceType& type) {
  ListOptions o;
  SL_TRY(labels, LabelSelector::parse(r.query_value("labelSelector")));
  SL_TRY(fields, FieldSelector::parse(r.query_value("fieldSelector"), type.selectable_fields));
  o.labels = std::move(labels);
  o.fields = std::move(fields);
  if (std::string limit = r.query_value("limit"); !limit.empty()) {
    auto n = parse_int(limit);
    if (!n) return fail(Code::InvalidArgument, fmt::format("limit: Invalid value: \"{}\": must be a number", limit));
    o.limit = *n > 0 ? static_cast<size_t>(*n) : 0;  // as upstream: not positive is none
  }
  o.continue_token = r.query_value("continue");
  return o;
}

Result<int64_t> asked_version(const net::HttpRequest& r, int64_t now) {
  std::string text = r.query_value("resourceVersion"), match = r.query_value("resourceVersionMatch");
  auto refused = [](std::string_view why) {
    return fail(Code::Invalid,
                fmt::format("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {}", why));
  };
  if (!match.empty() && match != "Exact" && match != "NotOlderThan")
    return fail(Code::Invalid, fmt::format("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: "
                                           "Unsupported value: \"{}\": supported values: \"Exact\", \"NotOlderThan\"",
                                           match));
  if (!match.empty() && text.empty())
    return refused("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (!match.empty() && r.has_query("continue"))
    return refused("resourceVersionMatch is forbidden when continue is provided");
  if (text.empty()) return 0;
  auto version = parse_int(text);
  if (!version || *version < 0)
    return fail(Code::InvalidArgument,
                fmt::format("resourceVersion: Invalid value: \"{}\": must be a whole number", text));
  if (match == "Exact" && *version == 0)
    return refused("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
  if (r.has_query("continue") && *version != 0)
    return fail(Code::InvalidArgument, "specifying resource version is not allowed when using continue");
  if (*version > now)
    return fail(Error{Code::Timeout,
                      fmt::format("Too large resource version: {}, current: {}", *version, now),
                      {{"ResourceVersionTooLarge", "Too large resource version", ""}}});
  bool paged = parse_int(r.query_value("limit")).value_or(0) > 0;  // as upstream: a page without a match is exact
  return match == "Exact" || (match.empty() && paged) ? *version : 0;
}

Result<PatchKind> patch_kind(const net::HttpRequest& r) {
  std::string_view type = r.header("content-type");
  type = trim(type.substr(0, type.find(';')));
  if (type == "application/json-patch+json") return PatchKind::Json;
  if (type == "application/merge-patch+json") return PatchKind::Merge;
  if (type == "application/strategic-merge-patch+json") return PatchKind::Strategic;
  if (type == "application/apply-patch+yaml") return PatchKind::Apply;
  return fail(Code::UnsupportedMedia,
              "the body of the request was in an unknown format - accepted media types include: "
              "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
}

Result<WriteOptions> write_options(const net::HttpRequest& request) {
  WriteOptions out;
  std::string validation = request.query_value("fieldValidation");
  if (validation == "Strict")
    out.validation = FieldValidation::Strict;
  else if (validation == "Ignore")
    out.validation = FieldValidation::Ignore;
  else if (!validation.empty() && validation != "Warn")
    return fail(
        Code::Invalid,
        fmt::format("fieldValidation: Unsupported value: \"{}\": supported values: \"Ignore\", \"Strict\", \"Warn\"",
                    validation));
  for (auto& value : request.query_values("dryRun")) {
    if (value != "All")
      return fail(Code::Invalid, fmt::format("dryRun: Unsupported value: \"{}\": supported values: \"All\"", value));
    out.dry_run = true;
  }
  out.force = request.query_value("force") == "true";
  out.manager = request.query_value("fieldManager");
  if (out.manager.empty()) {  // the user agent's product name, as upstream
    std::string_view agent = request.header("user-agent");
    out.manager = agent.substr(0, agent.find('/'));
    if (out.manager.empty()) out.manager = "unknown";
  }
  if (out.manager.size() > 128) return fail(Code::Invalid, "fieldManager: Too long: may not be more than 128 bytes");
  return out;
}

static Result<void> apply_propagation(std::string_view text, DeleteOptions& out) {
  if (text == "Foreground")
    out.propagation = Propagation::Foreground;
  else if (text == "Orphan")
    out.propagation = Propagation::Orphan;
  else if (!text.empty() && text != "Background")
    return fail(Code::Invalid, fmt::format("propagationPolicy: Unsupported value: \"{}\": supported values: "
                                           "\"Foreground\", \"Background\", \"Orphan\"",
                                           text));
  return {};
}

Result<DeleteOptions> delete_options(const net::HttpRequest& request) {
  DeleteOptions out;
  SL_TRY(query, write_options(request));
  out.dry_run = query.dry_run;
  SL_CHECK(apply_propagation(request.query_value("propagationPolicy"), out));
  if (request.query_value("orphanDependents") == "true") out.propagation = Propagation::Orphan;
  if (trim(request.body).empty()) return out;
  SL_TRY(body, read_body(request));
  if (!body.value.is_object())
    return fail(Code::InvalidArgument,
                fmt::format("the body of a deletion must be DeleteOptions, found {}", json::kind_name(body.value)));
  if (auto kind = json::str(body.value, "kind"); !kind.empty() && kind != "DeleteOptions")
    return fail(Code::InvalidArgument, fmt::format("the body of a deletion must be DeleteOptions, found {}", kind));
  SL_CHECK(apply_propagation(json::str(body.value, "propagationPolicy"), out));
  out.uid = json::str(body.value, "preconditions", "uid");
  out.resource_version = json::str(body.value, "preconditions", "resourceVersion");
  if (auto* dry = json::arr(body.value, "dryRun"); dry && !dry->empty()) out.dry_run = true;
  return out;
}

Result<WatchRequest> watch_request(const net::HttpRequest& r, const ResourcePath& p, const TypePtr& type) {
  WatchRequest w;
  w.type = type;
  w.version = p.version;
  w.ns = p.ns;
  SL_TRY(options, list_options(r, *type));
  w.labels = std::move(options.labels);
  w.fields = std::move(options.fields);
  w.resource_version = r.query_value("resourceVersion");
  auto version = parse_int(w.resource_version);
  if (!w.resource_version.empty() && (!version || *version < 0))
    return fail(Code::InvalidArgument,
                fmt::format("resourceVersion: Invalid value: \"{}\": must be a whole number", w.resource_version));
  w.bookmarks = r.query_value("allowWatchBookmarks") == "true";
  w.send_initial_events = r.query_value("sendInitialEvents") == "true";
  w.as_table = wants_table(r);
  w.as_metadata = wants_metadata(r);
  w.include_object = include_of(r) == IncludeObject::Object;
  if (w.send_initial_events && r.query_value("resourceVersionMatch") != "NotOlderThan")
    return fail(Code::Invalid,
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents "
                "requires setting resourceVersionMatch to NotOlderThan");
  return w;
}

}  // namespace sl::kube

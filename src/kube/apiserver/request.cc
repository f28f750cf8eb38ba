#include "kube/apiserver/request.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "json/yaml.h"
#include "kube/apiserver/protobuf.h"

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

Result<Body> read_body(const net::HttpRequest& request) {
  Body out;
  std::string type = to_lower(trim(request.header("content-type")));
  if (size_t semicolon = type.find(';'); semicolon != std::string::npos)
    type = std::string(trim(type.substr(0, semicolon)));
  if (type == "application/vnd.kubernetes.protobuf") {
    SL_TRY(value, decode_protobuf(request.body));
    out.value = std::move(value);
    return out;
  }
  if (type == "application/yaml" || type == "application/apply-patch+yaml") {
    std::string_view text = trim(request.body);
    if (!text.starts_with('{')) {
      SL_TRY(documents, json::parse_yaml(request.body));
      if (documents.size() != 1) return fail(Code::InvalidArgument, "the body must hold exactly one YAML document");
      out.value = std::move(documents[0].value);
      out.duplicates = std::move(documents[0].duplicates);
      return out;
    }
  } else if (!type.empty() && !type.ends_with("json")) {
    return fail(Code::UnsupportedMedia,
                "the body of the request was in an unknown format - accepted media types include: application/json, "
                "application/yaml, application/vnd.kubernetes.protobuf");
  }
  auto parsed = json::parse_noting_duplicates(request.body, &out.duplicates);
  if (!parsed) {
    parsed.error().message = "the object provided is unrecognized: " + parsed.error().message;
    return fail(std::move(parsed).error());
  }
  out.value = std::move(*parsed);
  return out;
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

}  // namespace sl::kube

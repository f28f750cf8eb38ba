#include "kube/apiserver/body.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "json/yaml.h"
#include "kube/apiserver/protobuf.h"

namespace sl::kube {

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

Result<Body> object_body(const net::HttpRequest& r, const ResourcePath& p, const ResourceType& type) {
  SL_TRY(body, read_body(r));
  if (!body.value.is_object())
    return fail(Code::InvalidArgument, "the object provided is unrecognized (must be a JSON object)");
  for (auto key : {"kind", "apiVersion"})
    if (auto* v = json::find(body.value, key); v && !v->is_string())
      return fail(Code::InvalidArgument, fmt::format("{} must be a string, found {}", key, json::kind_name(*v)));
  std::string_view kind = kind_of(body.value), api_version = api_version_of(body.value);
  if (!kind.empty() && kind != type.kind)
    return fail(
        Code::InvalidArgument,
        fmt::format("{} in version \"{}\" cannot be handled as a {}: converting ({}) to ({}): unknown conversion", kind,
                    p.version, type.kind, kind, type.kind));
  if (!api_version.empty() && api_version != type.api_version(p.version))
    return fail(Code::InvalidArgument,
                fmt::format("the API version in the data ({}) does not match the expected API version ({})",
                            api_version, type.api_version(p.version)));
  if (auto* meta = json::find(body.value, "metadata"); meta && !meta->is_null() && !meta->is_object())
    return fail(Code::InvalidArgument, fmt::format("metadata must be an object, found {}", json::kind_name(*meta)));
  for (auto key : {"name", "namespace", "generateName"})
    if (auto* v = json::find(body.value, "metadata", key); v && !v->is_null() && !v->is_string())
      return fail(Code::InvalidArgument,
                  fmt::format("metadata.{} must be a string, found {}", key, json::kind_name(*v)));
  return body;
}

Result<void> check_applied(Value& config, const ResourcePath& p, const ResourceType& type) {
  if (!config.is_object()) return fail(Code::InvalidArgument, "the applied configuration must be an object");
  if (kind_of(config) != type.kind || api_version_of(config) != type.api_version(p.version))
    return fail(Code::InvalidArgument, fmt::format("the applied configuration must have kind {} and apiVersion {}",
                                                   type.kind, type.api_version(p.version)));
  if (!name_of(config).empty() && name_of(config) != p.name)
    return fail(
        Code::InvalidArgument,
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name_of(config), p.name));
  if (auto stated = namespace_of(config); !stated.empty() && type.namespaced && stated != p.ns)
    return fail(
        Code::InvalidArgument,
        fmt::format("the namespace of the object ({}) does not match the namespace on the URL ({})", stated, p.ns));
  if (auto* managed = json::arr(config, "metadata", "managedFields"); managed && !managed->empty())
    return fail(Code::InvalidArgument, "metadata.managedFields must be nil");
  metadata_of(config)["name"] = p.name;
  if (type.namespaced && !p.ns.empty()) metadata_of(config)["namespace"] = p.ns;
  return {};
}

}  // namespace sl::kube

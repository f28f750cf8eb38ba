#include "app/up/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/cli/verbs.h"
#include "json/yaml.h"

namespace sl::up {

namespace {

using Places = std::map<std::string, json::Place, std::less<>>;

// An error of the YAML reader, as "file:line:column: what".
Error of_file(Error error, const std::string& file) {
  if (error.causes.empty()) return with_context(std::move(error), file);
  error.message = fmt::format("{}:{}: {}", file, error.causes[0].field, error.causes[0].message);
  return error;
}

// The places under `prefix`, by their path from there.
Places below(const Places& all, const std::string& prefix) {
  Places out;
  for (auto it = all.lower_bound(prefix + "."); it != all.end() && it->first.starts_with(prefix + "."); ++it)
    out.emplace(it->first.substr(prefix.size() + 1), it->second);
  return out;
}

}  // namespace

std::string Document::place() const {
  return fmt::format("{}:{}", file, line);
}

std::string Document::place_of(const Error& error) const {
  for (auto& cause : error.causes)
    for (std::string path = cause.field; !path.empty();) {
      if (auto it = places.find(path); it != places.end())
        return fmt::format("{}:{}:{}", file, it->second.line, it->second.column);
      size_t end = path.find_last_of(".[");  // what is missing is told by what it is missing from
      path.resize(end == std::string::npos ? 0 : end);
    }
  return place();
}

Result<std::vector<Document>> read_manifests(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  if (fs::is_directory(path)) {
    for (auto& entry : fs::directory_iterator(path)) {
      auto ext = entry.path().extension();
      if (ext == ".yaml" || ext == ".yml" || ext == ".json") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  } else {
    files.push_back(path);
  }
  std::vector<Document> out;
  for (auto& file : files) {
    SL_TRY(text, cli::read_file(file));
    json::YamlLimits limits;
    limits.note_places = true;
    auto documents = json::parse_yaml(text, limits);
    if (!documents) return fail(of_file(std::move(documents).error(), file));
    for (auto& d : *documents) {
      if (d.value.is_null()) continue;
      if (!d.value.is_object())
        return fail(Code::InvalidArgument, fmt::format("{}:{}: a manifest must be a mapping", file, d.line));
      std::string_view kind = kube::kind_of(d.value);
      auto* items = json::arr(d.value, "items");
      if (kind == "List" || (kind.ends_with("List") && items)) {  // as `get -o yaml` prints them
        for (size_t i = 0; items && i < items->size(); ++i) {
          json::Value item = (*items)[i];
          if (kind != "List" && item.is_object() && !item.get_object().contains("kind")) {
            item.get_object()["apiVersion"] = kube::api_version_of(d.value);
            item.get_object()["kind"] = kind.substr(0, kind.size() - 4);
          }
          out.push_back({std::move(item), file, d.line, below(d.places, json::index_path("items", i))});
        }
      } else {
        out.push_back({std::move(d.value), file, d.line, std::move(d.places)});
      }
    }
  }
  return out;
}

Result<void> apply_manifests(kube::Api& api, const std::string& path) {
  SL_TRY(documents, read_manifests(path));
  for (auto& d : documents) {
    auto gv = kube::parse_group_version(kube::api_version_of(d.value));
    auto type = api.registry().find_kind(gv.group, kube::kind_of(d.value));
    if (!type)
      return fail(Code::NotFound,
                  fmt::format("{}: no kind \"{}\" in {}", d.place(), kube::kind_of(d.value), gv.text()));
    std::string ns(kube::namespace_of(d.value));
    if (ns.empty() && type->namespaced) ns = "default";
    kube::WriteOptions options;
    options.version = gv.version;
    options.manager = "sightline-up";
    options.force = true;
    options.validation = kube::FieldValidation::Strict;
    auto done = api.patch(*type, ns, std::string(kube::name_of(d.value)), kube::PatchKind::Apply, d.value, options);
    if (!done) return fail(with_context(done.error(), d.place_of(done.error())));
    fmt::print("{}/{} {}\n", type->plural, kube::name_of(d.value), done->created ? "created" : "configured");
  }
  return {};
}

}  // namespace sl::up

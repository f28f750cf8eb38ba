#include "app/up/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/cli/verbs.h"
#include "json/yaml.h"

namespace sl::up {

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
    auto documents = json::parse_yaml(text);
    if (!documents) return fail(with_context(documents.error(), file));
    for (auto& d : *documents) {
      if (d.value.is_null()) continue;
      std::string place = fmt::format("{}:{}", file, d.line);
      if (!d.value.is_object())
        return fail(Code::InvalidArgument, fmt::format("{}: a manifest must be a mapping", place));
      if (kube::kind_of(d.value) == "List") {
        if (auto* items = json::arr(d.value, "items"))
          for (auto& item : *items) out.push_back({item, place});
      } else {
        out.push_back({std::move(d.value), std::move(place)});
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
      return fail(Code::NotFound, fmt::format("{}: no kind \"{}\" in {}", d.place, kube::kind_of(d.value), gv.text()));
    std::string ns(kube::namespace_of(d.value));
    if (ns.empty() && type->namespaced) ns = "default";
    kube::WriteOptions options;
    options.version = gv.version;
    options.manager = "sightline-up";
    options.force = true;
    options.validation = kube::FieldValidation::Strict;
    auto done = api.patch(*type, ns, std::string(kube::name_of(d.value)), kube::PatchKind::Apply, d.value, options);
    if (!done) return fail(with_context(done.error(), d.place));
    fmt::print("{}/{} {}\n", type->plural, kube::name_of(d.value), done->created ? "created" : "configured");
  }
  return {};
}

}  // namespace sl::up

// The path of a request to the Kubernetes API: what is read, written again, is read the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>

#include "kube/apiserver/request.h"

namespace sl::kube {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

std::string written(const ResourcePath& p) {
  std::string out = p.group.empty() ? "/api/" + p.version : "/apis/" + p.group + "/" + p.version;
  if (!p.ns.empty()) out += "/namespaces/" + p.ns;
  out += "/" + p.plural;
  if (!p.name.empty()) out += "/" + p.name;
  if (!p.subresource.empty()) out += "/" + p.subresource;
  return out;
}

auto parts(const ResourcePath& p) {
  return std::tie(p.group, p.version, p.plural, p.ns, p.name, p.subresource);
}

void run(std::string_view path) {
  auto read = parse_resource_path(path);
  if (!read) return;
  check(!read->version.empty() && !read->plural.empty(), "a version and a kind are asked for", path);
  check(read->subresource.empty() || !read->name.empty(), "only an object has subresources", path);
  for (auto* piece : {&read->group, &read->version, &read->plural, &read->ns, &read->name, &read->subresource})
    check(piece->find('/') == std::string::npos, "a piece is one piece", path);
  auto again = parse_resource_path(written(*read));
  check(again && parts(*again) == parts(*read), "it is read the same again", path);
}

}  // namespace
}  // namespace sl::kube

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::kube::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

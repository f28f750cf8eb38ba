// The protobuf body of a typed client: as it is, and as the inside of each kind that is accepted.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "kube/apiserver/protobuf.h"

namespace sl::kube {
namespace {

constexpr std::array<std::string_view, 10> kKinds = {"Namespace",
                                                     "Secret",
                                                     "ConfigMap",
                                                     "ServiceAccount",
                                                     "Service",
                                                     "Event",
                                                     "DeleteOptions",
                                                     "SelfSubjectAccessReview",
                                                     "SelfSubjectRulesReview",
                                                     "SelfSubjectReview"};

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

std::string bytes(int field, std::string_view data) {
  std::string out(1, static_cast<char>(field << 3 | 2));
  uint64_t size = data.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  out += static_cast<char>(size);
  return out.append(data);
}

std::string envelope(std::string_view kind, std::string_view raw) {
  return std::string("k8s\0", 4) + bytes(1, bytes(1, "v1") + bytes(2, kind)) + bytes(2, raw);
}

void run(std::string_view body) {
  auto v = decode_protobuf(body);
  if (!v) {
    check(!v.error().message.empty(), "an error says something", body);
    check(valid_utf8(v.error().message), "an error can be told in JSON", v.error().message);
    check(v.error().code == Code::InvalidArgument || v.error().code == Code::UnsupportedMedia, "it is the client's",
          v.error().message);
    return;
  }
  check(v->is_object(), "it is an object", body);
  std::string text = json::dump(*v);
  check(!json::str(*v, "kind").empty(), "it has its kind", text);
  check(json::find(*v, "apiVersion") && json::find(*v, "apiVersion")->is_string(), "it has its version", text);
  check(valid_utf8(text), "it is UTF-8", text);
  auto back = json::parse(text);
  check(back && json::equal(*back, *v), "its JSON reads back the same", text);
  auto more = decode_protobuf(std::string(body) + "\x98\x06\x01");  // field 99
  check(more && json::equal(*more, *v), "a field that is not known changes nothing", text);
}

}  // namespace
}  // namespace sl::kube

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sl::kube;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  run(text);
  if (!text.empty()) run(envelope(kKinds[data[0] % kKinds.size()], text.substr(1)));
  return 0;
}

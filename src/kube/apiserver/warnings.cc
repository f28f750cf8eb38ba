#include "kube/apiserver/warnings.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace sl::kube {
namespace {

constexpr size_t kHeadersMax = 32;
constexpr size_t kBytesMax = 4 << 10;
constexpr size_t kWarningBytesMax = 1 << 10;
constexpr size_t kLastBytes = 48;  // what is kept free for "and N more"

std::string header(std::string_view warning) {
  std::string quoted;
  for (char c : truncate_utf8(warning, kWarningBytesMax)) {
    if (c == '"' || c == '\\') quoted += '\\';
    bool control = static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    quoted += control ? ' ' : c;
  }
  return fmt::format("299 - \"{}\"", quoted);
}

}  // namespace

std::vector<std::string> warning_headers(const std::vector<std::string>& warnings) {
  std::vector<std::string> out;
  size_t bytes = 0;
  for (auto& w : warnings) {
    std::string one = header(w);
    bool last = &w == &warnings.back();
    bool fits = out.size() < (last ? kHeadersMax : kHeadersMax - 1) &&
                bytes + one.size() <= (last ? kBytesMax : kBytesMax - kLastBytes);
    if (!fits) {
      out.push_back(header(fmt::format("and {} more warnings", warnings.size() - out.size())));
      break;
    }
    bytes += one.size();
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace sl::kube

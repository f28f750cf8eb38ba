// The web page's files, embedded at build time: compressed, and as they are for who takes no gzip. Who calls: page.
// Thread: const.
#pragma once

#include <string_view>
#include <vector>

namespace sl::rest {

struct Asset {
  std::string_view path;  // "/index.html"
  std::string_view type;
  std::string_view gzip, plain;
  std::string_view etag;  // without quotes; of the content, however it is coded
};
const std::vector<Asset>& assets();

}  // namespace sl::rest

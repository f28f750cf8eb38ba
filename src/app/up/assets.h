// The web page's files, embedded compressed at build time. Who calls: http_api. Thread: const.
#pragma once

#include <string_view>
#include <vector>

namespace sl::up {

struct Asset {
  std::string_view path;  // "/index.html"
  std::string_view type;
  std::string_view gzip;  // compressed bytes
  std::string_view etag;
};
const std::vector<Asset>& assets();

}  // namespace sl::up

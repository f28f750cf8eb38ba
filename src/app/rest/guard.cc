#include "app/rest/guard.h"

#include "base/strings.h"

namespace sl::rest {

bool foreign_host(const net::HttpRequest& r) {
  std::string host = to_lower(r.header("host"));
  if (host.starts_with('[')) return false;
  host = host.substr(0, host.find(':'));
  if (host == "localhost" || host.ends_with(".localhost")) return false;
  return host.find_first_not_of("0123456789.") != std::string::npos;
}

bool foreign_origin(const net::HttpRequest& r) {
  std::string_view origin = r.header("origin");
  if (origin.empty()) return false;
  size_t at = origin.find("://");
  return at == std::string_view::npos || origin.substr(at + 3) != r.header("host");
}

}  // namespace sl::rest

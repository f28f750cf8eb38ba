#include "app/rest/page.h"

#include <fmt/format.h>

#include "app/rest/assets.h"
#include "base/strings.h"

namespace sl::rest {

using net::Headers;

// Nothing from outside, no inline script: what the page loads is what this program serves.
static constexpr char kPolicy[] =
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src "
    "'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// RFC 9110 12.5.3; who says nothing of gzip gets the files as they are.
static bool takes_gzip(std::string_view accepted) {
  for (auto one : split(accepted, ',')) {
    auto parts = split(one, ';');
    auto coding = trim(parts[0]);
    if (!iequals(coding, "gzip") && coding != "*") continue;
    std::string_view weight = parts.size() > 1 ? trim(parts[1]) : "q=1";
    return !weight.starts_with("q=") || weight.substr(2).find_first_not_of("0.") != std::string_view::npos;
  }
  return false;
}

void serve_page(const net::HttpRequest& r, const net::HttpResponderPtr& out) {
  const Asset *found = nullptr, *index = nullptr;
  for (auto& a : assets()) {
    if (a.path == r.path) found = &a;
    if (a.path == "/index.html") index = &a;
  }
  if (!found && r.path.find('.') == std::string::npos) found = index;  // a path of the page's own router
  if (!found || (r.method != "GET" && r.method != "HEAD"))
    return out->respond(found ? 405 : 404, Headers{{"Content-Type", "text/plain"}}, "not found\n");
  bool gzip = takes_gzip(r.header("accept-encoding"));
  std::string etag = fmt::format("\"{}{}\"", found->etag, gzip ? "-gzip" : "");
  Headers headers{{"Content-Type", std::string(found->type)}, {"ETag", etag},
                  {"Content-Security-Policy", kPolicy},       {"X-Content-Type-Options", "nosniff"},
                  {"Referrer-Policy", "no-referrer"},         {"Vary", "Accept-Encoding"}};
  if (gzip) headers.emplace_back("Content-Encoding", "gzip");
  bool hashed = found->path.starts_with("/assets/");
  headers.emplace_back("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  if (r.header("if-none-match") == etag) return out->respond(304, std::move(headers), "");
  out->respond(200, std::move(headers), std::string(gzip ? found->gzip : found->plain));
}

}  // namespace sl::rest

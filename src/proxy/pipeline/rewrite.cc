#include "proxy/pipeline/rewrite.h"

#include "proxy/pipeline/fields.h"

namespace sl::proxy {

std::string replace_prefix(std::string_view path, std::string_view prefix, std::string_view with) {
  std::string_view rest = path.substr(std::min(prefix.size(), path.size()));
  while (with.ends_with('/')) with.remove_suffix(1);
  std::string out(with);
  if (!rest.empty() && !rest.starts_with('/')) out += '/';
  out += rest;
  return out.empty() ? "/" : out;
}

static std::string changed_path(const Exchange& x, const route::PathChange& change, std::string_view path) {
  if (change.type == "full") return change.value.empty() ? "/" : change.value;
  return replace_prefix(path, x.match.match->path_value, change.value);
}

void rewrite_request(Exchange& x) {
  std::string_view target = x.client.head().target;
  size_t question = target.find('?');
  std::string path(target.substr(0, question));
  x.host = x.client.head().host;
  // The backend's own change of the path stands instead of the rule's: both are written for the path that was matched.
  std::string_view original = target.substr(0, question);
  for (auto* filters : {&x.match.match->rule->spec->filters, &x.share->filters}) {
    if (!filters->rewrite) continue;
    if (filters->rewrite->path) path = changed_path(x, *filters->rewrite->path, original);
    if (!filters->rewrite->hostname.empty()) x.host = filters->rewrite->hostname;
  }
  if (question != std::string_view::npos) path += target.substr(question);
  x.path = std::move(path);
}

std::string redirect_location(const Exchange& x) {
  auto& head = x.client.head();
  auto& redirect = *x.match.match->rule->spec->filters.redirect;
  size_t question = head.target.find('?');
  std::string path(head.target.substr(0, question));
  if (redirect.path) path = changed_path(x, *redirect.path, path);
  std::string scheme = redirect.scheme.empty() ? "http" : redirect.scheme;
  std::string host = redirect.hostname.empty() ? std::string(route::host_without_port(head.host)) : redirect.hostname;
  int64_t port = 0;
  if (redirect.port)
    port = *redirect.port;
  else if (redirect.scheme.empty())
    port = x.match.listener->spec.port;
  bool usual = port == 0 || (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
  // HTTP/1.0 without Host: relative to where the client asked (RFC 9110 10.2.2).
  std::string out = host.empty() ? "" : scheme + "://" + host + (usual ? "" : fmt::format(":{}", port));
  append_target(path, out);
  if (question != std::string_view::npos) out += head.target.substr(question);
  return out;
}

}  // namespace sl::proxy

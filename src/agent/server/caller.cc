#include "agent/server/caller.h"

namespace sl::agent {

std::string user_of(const net::HttpRequest& r) {
  if (auto user = r.query_value("user_id"); !user.empty()) return user;
  return r.header("x-user-id").empty() ? "admin@kagent.dev" : std::string(r.header("x-user-id"));
}

Result<Caller> caller_of(const net::HttpRequest& r, SessionStore& store) {
  Caller out{user_of(r), {}};
  std::string token(r.header("x-share-token"));
  if (token.empty()) return out;
  auto found = store.share(token);
  if (!found && found.error().code == Code::NotFound)
    return fail(Code::PermissionDenied, "X-Share-Token is not valid, or no longer: ask for another link");
  if (!found) return fail(std::move(found).error());
  if (found->user != out.user) out.share = std::move(*found);
  return out;
}

}  // namespace sl::agent

// Who asks, of the REST paths and of A2A, and what of others' sessions a share opens to them.
// Who calls: a2a.cc, app's REST. Thread: the agents' loop. Source: kagent's user_id, X-User-Id and X-Share-Token.
#pragma once

#include <optional>

#include "agent/sessions/store.h"
#include "net/http_server/server.h"

namespace sl::agent {

// Whose request it is: ?user_id=, X-User-Id, or the one user there is without either. Sessions and tasks of others are
// not there for it. It keeps people apart; it proves nothing.
std::string user_of(const net::HttpRequest& request);

struct Caller {
  std::string user;
  std::optional<Share> share;  // of somebody else's session

  bool sees(std::string_view owner, std::string_view session) const {
    return owner == user || (share && share->session == session);
  }
  bool writes(std::string_view owner, std::string_view session) const {
    return owner == user || (share && share->session == session && !share->read_only);
  }
};

// PermissionDenied for a token that is not, or no longer, one.
Result<Caller> caller_of(const net::HttpRequest& request, SessionStore& store);

}  // namespace sl::agent

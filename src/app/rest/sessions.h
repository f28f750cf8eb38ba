// kagent's REST paths for what was said: /api/sessions, their tasks and shares, and /api/tasks. Those of others are not
// there for a caller, unless a share opens one. Who calls: http_api. Thread: the agents' loop.
#pragma once

#include "agent/server/a2a.h"
#include "app/rest/answer.h"
#include "net/http_server/server.h"

namespace sl::rest {

class Sessions {
 public:
  Sessions(agent::Runtime& runtime, agent::A2aServer& a2a) : runtime_(runtime), a2a_(a2a) {}
  Result<Answer> sessions(const net::HttpRequest& r, const Path& path);
  Result<Answer> tasks(const net::HttpRequest& r, const Path& path);

 private:
  Result<Answer> list(const net::HttpRequest& r, const std::string& agent);  // "": of all
  Result<Answer> create(const net::HttpRequest& r);
  Result<Answer> one(const net::HttpRequest& r, const Path& path);
  Result<Answer> tasks_of(const net::HttpRequest& r, const agent::Session& session);
  Result<Answer> events_of(const net::HttpRequest& r, const agent::Session& session, const agent::Caller& caller);
  Result<Answer> change(const net::HttpRequest& r, agent::Session session);
  Result<Answer> shares(const net::HttpRequest& r, const Path& path, const agent::Session& session);

  agent::Runtime& runtime_;
  agent::A2aServer& a2a_;
};

}  // namespace sl::rest

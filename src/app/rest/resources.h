// kagent's REST paths for resources: /api/agents, /api/modelconfigs, /api/namespaces. Values of Secrets are hidden, for
// nobody has logged in. Who calls: http_api. Thread: the agents' loop. Errors: those of kube::Api.
#pragma once

#include "app/rest/answer.h"
#include "kube/api/api.h"
#include "net/http_server/server.h"

namespace sl::rest {

// "NS/NAME" as kagent's id of an agent: NS__NS__NAME, dashes as underscores.
std::string agent_id(const std::string& agent);

class Resources {
 public:
  explicit Resources(kube::Api& api) : api_(api) {}
  Result<Answer> agents(const net::HttpRequest& r, const Path& path);
  Result<Answer> model_configs(const net::HttpRequest& r, const Path& path);
  Answer namespaces();

 private:
  json::Object agent_item(const json::Value& object);
  Result<kube::WriteResult> replace_spec(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                                         const json::Value& body, const kube::WriteOptions& options);

  kube::Api& api_;
};

}  // namespace sl::rest

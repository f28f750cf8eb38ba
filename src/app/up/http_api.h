// What is served on the REST, A2A and page address: kagent's REST paths, records and traces, A2A, and the page.
// Who calls: up. Thread: the agents' loop. Source: the REST paths of kagent's clients; envelope {"error", "data",
// "message"}.
#pragma once

#include "agent/server/a2a.h"
#include "app/up/side_servers.h"
#include "kube/api/api.h"
#include "observe/ledger/ledger.h"
#include "observe/pipeline/recorder.h"

namespace sl::up {

class HttpApi {
 public:
  HttpApi(kube::Api& api, agent::Runtime& runtime, agent::A2aServer& a2a, observe::Ledger& ledger,
          observe::Recorder& recorder, std::function<void()> flush)
      : api_(api), runtime_(runtime), a2a_(a2a), ledger_(ledger), recorder_(recorder), flush_(std::move(flush)) {}
  void handle(net::HttpRequest request, const net::HttpResponderPtr& out);

 private:
  struct Answer {
    int status = 200;
    json::Value body;
  };
  Result<Answer> route(const net::HttpRequest& r, const std::vector<std::string>& path);
  Result<Answer> agents(const net::HttpRequest& r, const std::vector<std::string>& path);
  Result<kube::WriteResult> replace_spec(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                                         const json::Value& body, const kube::WriteOptions& options);
  Result<Answer> model_configs(const net::HttpRequest& r, const std::vector<std::string>& path);
  Result<Answer> sessions(const net::HttpRequest& r, const std::vector<std::string>& path);
  Result<Answer> one_session(const net::HttpRequest& r, const std::vector<std::string>& path);
  Result<Answer> change_session(const net::HttpRequest& r, agent::Session session);
  Result<Answer> shares(const net::HttpRequest& r, const std::vector<std::string>& path, const agent::Session& session);
  Result<Answer> tasks(const net::HttpRequest& r, const std::vector<std::string>& path);
  Result<Answer> records(const net::HttpRequest& r, const std::vector<std::string>& path);
  json::Object agent_item(const json::Value& object);
  void asset(const net::HttpRequest& r, const net::HttpResponderPtr& out);

  kube::Api& api_;
  agent::Runtime& runtime_;
  agent::A2aServer& a2a_;
  observe::Ledger& ledger_;
  observe::Recorder& recorder_;
  std::function<void()> flush_;  // brings in what the workers still hold
};

}  // namespace sl::up

// What is served on the REST, A2A and page address: kagent's REST paths, records and traces, A2A, and the page.
// Who calls: up. Thread: the agents' loop. Source: the REST paths of kagent's clients.
#pragma once

#include "app/rest/resources.h"
#include "app/rest/sessions.h"
#include "observe/ledger/ledger.h"
#include "observe/pipeline/recorder.h"

namespace sl::rest {

class HttpApi {
 public:
  // `flush` brings in the records that the gateway's workers still hold.
  HttpApi(kube::Api& api, agent::Runtime& runtime, agent::A2aServer& a2a, observe::Ledger& ledger,
          observe::Recorder& recorder, std::function<void()> flush)
      : resources_(api),
        sessions_(runtime, a2a),
        a2a_(a2a),
        ledger_(ledger),
        recorder_(recorder),
        flush_(std::move(flush)) {}
  void handle(net::HttpRequest request, const net::HttpResponderPtr& out);

 private:
  Result<Answer> route(const net::HttpRequest& r, const Path& path);
  Result<Answer> records(const net::HttpRequest& r, const Path& path);

  Resources resources_;
  Sessions sessions_;
  agent::A2aServer& a2a_;
  observe::Ledger& ledger_;
  observe::Recorder& recorder_;
  std::function<void()> flush_;
};

}  // namespace sl::rest

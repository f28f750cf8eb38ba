// One request through the data plane. exchange.cc lists the phases in order; plain.cc and model.cc carry them out for
// an ordinary and for a model backend; forward.cc holds what both share.
//
// Who calls: Connection. Thread: its worker's. The Record is finished exactly once, whatever happens.
#pragma once

#include "llm/exchange/exchange.h"
#include "net/http_server/server.h"
#include "observe/record/record.h"
#include "proxy/pipeline/connection.h"
#include "proxy/reply/reply.h"
#include "route/match/match.h"

namespace sl::proxy {

struct Exchange {
  explicit Exchange(Connection& c) : client(c), owned_record(c.worker().new_record()), record(*owned_record) {}

  Connection& client;
  std::shared_ptr<const route::Snapshot> snapshot;  // pinned for the whole request
  route::MatchResult match;
  const route::CompiledShare* share = nullptr;
  const route::CompiledBackend* compiled = nullptr;
  const route::Backend* backend = nullptr;  // its spec
  const llm::Dialect* dialect = nullptr;    // of error answers; null is plain text
  observe::RecordPtr owned_record;
  observe::Record& record;
  int64_t start_us = 0;
  int64_t deadline_ms = 0;  // on the loop's clock; 0 none
  bool keep_alive = true;
  bool head_sent = false;  // nothing may be retried or replaced after this
  UpstreamPtr upstream;
  size_t endpoint = 0;
  std::string path;  // towards the upstream, with query
  std::string host;  // towards the upstream
  std::string traceparent;
};

// Serves the request whose head has been read. False: close the connection.
net::Task<bool> serve_request(Connection& client);

// A request whose head could not be read: answered `status` and recorded.
void record_refused(Connection& client, int status, const std::string& why);

// The two kinds of backend.
net::Task<void> forward_plain(Exchange& x);
net::Task<void> forward_model(Exchange& x);

// Shared steps (forward.cc).
net::Task<void> send_reply(Exchange& x, Reply reply, net::Headers extra = {});
net::Task<void> send_error(Exchange& x, Error error);
// Connects (a kept connection first), and notes endpoint and TLS in the record.
net::Task<Result<void>> open_upstream(Exchange& x, bool fresh);
// Reads the answer's head, skipping 1xx. Its views live as long as the client's scratch is left alone.
net::Task<Result<void>> read_upstream_head(Exchange& x, http1::ResponseHead& head, int64_t wait_ms);
// Milliseconds to wait: `wanted`, or what the route's timeout has left.
int64_t time_left(const Exchange& x, int64_t wanted);
// What write_now() left over, within `ms`. The views live in the caller: awaited in place.
net::Task<Result<void>> write_rest(net::Stream& stream, std::string_view first, std::string_view second, int64_t ms);
void release_upstream(Exchange& x, bool reusable);
bool same_field(std::string_view a, std::string_view b);
// Status line and fields of the client's answer.
void begin_answer(const Exchange& x, int status, std::string& out);
void end_answer(Exchange& x, std::string& out);
// RFC 9110 9.2.2: only these may be sent again when an answer did not come.
bool may_repeat(std::string_view method);

}  // namespace sl::proxy

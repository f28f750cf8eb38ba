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
  int64_t deadline_ms = 0;          // of the whole request, on the loop's clock; 0 none
  int64_t backend_deadline_ms = 0;  // of this try at a backend, from its first byte to the answer's last
  bool keep_alive = true;
  bool head_sent = false;  // nothing may be retried or replaced after this
  UpstreamPtr upstream;
  size_t endpoint = 0;
  std::string path;   // towards the upstream, with query
  std::string host;   // towards the upstream
  uint64_t hops = 0;  // gateways of this program passed, counted only towards another of them
  std::string traceparent;
  bool own_trace = true;  // begun here: a tracestate belongs to no trace we go on with (W3C trace context 3.3.1)
};

// Serves the request whose head has been read. False: close the connection.
net::Task<bool> serve_request(Connection& client);

// A request whose head could not be read: answered `status` and recorded.
void record_refused(Connection& client, int status, const std::string& why);

// The two kinds of backend.
net::Task<void> forward_plain(Exchange& x);
net::Task<void> forward_model(Exchange& x);

// Shared steps (forward.cc).
// A reply whole in memory, in two steps where a coroutine would be felt: reply_now() makes the head (in the client's
// scratch) and sends what the kernel takes at once; when it says false, finish_reply() sends the rest. `fields` are
// lines ready to send.
struct Unsent {
  std::string_view head, body;
};
bool reply_now(Exchange& x, int status, std::string_view fields, Unsent& unsent);
net::Task<void> finish_reply(Exchange& x, Unsent unsent);
net::Task<void> send_reply(Exchange& x, Reply reply, std::string fields = "");
// `fields`: further ones of the answer.
net::Task<void> send_error(Exchange& x, Error error, std::string fields = "");
// A kept connection, if there is one; else a new one. Both note endpoint and TLS in the record.
bool reuse_upstream(Exchange& x);
net::Task<Result<void>> connect_upstream(Exchange& x);
// Reads the answer's head, skipping 1xx. Its views live as long as the client's scratch is left alone.
net::Task<Result<void>> read_upstream_head(Exchange& x, http1::ResponseHead& head, int64_t wait_ms);
// Milliseconds to wait: `wanted`, or what the route's timeouts have left.
int64_t time_left(const Exchange& x, int64_t wanted);
// Until the answer's head: `usual_ms`, or what the route's own timeouts leave, however long.
int64_t head_wait(const Exchange& x, int64_t usual_ms);
// What write_now() left over, within `ms`. The views live in the caller: awaited in place.
net::Task<Result<void>> write_rest(net::Stream& stream, std::string_view first, std::string_view second, int64_t ms);
// What has become of the client when its answer could not be written.
Error write_failed(Exchange& x, const Error& why);
void release_upstream(Exchange& x, bool reusable);
// Status line and fields of the client's answer.
void begin_answer(const Exchange& x, int status, std::string& out);
void end_answer(Exchange& x, std::string& out);
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// RFC 9110 9.2.2: only these may be sent again when an answer did not come.
bool may_repeat(std::string_view method);

}  // namespace sl::proxy

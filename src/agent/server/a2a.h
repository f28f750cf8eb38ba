// The agents' A2A endpoints: JSON-RPC 0.3 and 1.0, streaming, and agent cards, at /api/a2a/NS/NAME/.
// Who calls: app's HTTP handler. Thread: the agents' loop. Source: A2A 0.3 and 1.0.
#pragma once

#include "agent/runtime/runtime.h"
#include "agent/server/caller.h"

namespace sl::agent {

struct A2aOptions {
  std::string base_url;            // "http://HOST:PORT" for clients that do not say how they came
  int64_t keep_alive_ms = 15'000;  // between the comments on a stream; 0: none
};

class A2aServer {
 public:
  A2aServer(net::Loop& loop, Runtime& runtime, A2aOptions options)
      : loop_(loop), runtime_(runtime), options_(std::move(options)) {}
  void start();  // once; until the loop stops
  // False when the path is not an A2A one.
  bool handle(const net::HttpRequest& request, const net::HttpResponderPtr& out);
  // Ends the streams that this share of a session opened.
  void share_removed(const std::string& token);

 private:
  struct Call;
  void rpc(const std::string& agent, const net::HttpRequest& request, const net::HttpResponderPtr& out);
  void dispatch(const Call& call);
  Result<void> check_task(const Call& call, bool writes);
  Result<std::string> owner_of(const Call& call, const json::Value& message);
  void send(const Call& call);
  void send_streaming(const Call& call);
  void submit(const Call& call, bool streaming);
  void get(const Call& call);
  void list(const Call& call);
  void cancel(const Call& call);
  void resubscribe(const Call& call);
  void stream_task(const Call& call, const std::string& task);

  static net::Task<void> keep_alive(A2aServer* self);
  void forget_closed();

  struct Stream {
    net::HttpResponderPtr out;
    std::string task, share;  // share: the token by which the caller reads, if it is one
    uint64_t listener = 0;
  };
  net::Loop& loop_;
  Runtime& runtime_;
  A2aOptions options_;
  std::vector<Stream> streams_;  // of tasks under way; closed ones go with the next comment or stream
};

}  // namespace sl::agent

// Worker: one thread of the data plane: its loop, its listening sockets, its pools and its finished records.
//
// Who calls: DataPlane makes workers and posts snapshots to them; connections run on them. Thread: all members are the
// worker's own but where said. No locks.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "net/loop/loop.h"
#include "observe/record/record.h"
#include "proxy/upstream/pool.h"
#include "route/snapshot/snapshot.h"

namespace sl::proxy {

class Connection;

struct WorkerOptions {
  net::TlsContextPtr upstream_tls;
  std::vector<net::ResolveOverride> overrides;
  observe::RecordSink* sink = nullptr;
  Log log;                     // what is found out about backends
  std::string identity_token;  // our own agents prove who they are with it
  size_t connections_max = 50'000;
  size_t llm_body_bytes_max = 16u << 20;
  int64_t answer_ms = 60'000;   // until a plain backend begins its answer, from the end of the request on
  int64_t silence_ms = 60'000;  // of a client inside its request body
};

struct WorkerCounters {
  uint64_t connections = 0;  // open now
  uint64_t requests = 0;
};

class Worker {
 public:
  Worker(int index, const WorkerOptions& options);
  ~Worker();

  void start() { loop_->start(); }
  net::Loop& loop() { return *loop_; }
  const WorkerOptions& options() const { return options_; }
  UpstreamPool& pool() { return pool_; }
  const std::shared_ptr<const route::Snapshot>& snapshot() const { return snapshot_; }

  // Loop thread. Opens the sockets of new binds, closes those of old ones; `ports` says which real port stands for a
  // bind of port 0, and gets what this worker bound. Binds that failed are in `failed` with the reason.
  void apply(std::shared_ptr<const route::Snapshot> snapshot, std::map<std::string, uint16_t>& ports,
             std::map<std::string, std::string>& failed);
  void stop_accepting();
  bool draining() const { return draining_; }
  size_t connections() const { return connections_.size(); }
  void end_idle();  // ends the waits of connections between requests
  void close_connections();

  // Whether the endpoint of this pool key is a listener of this program. It is known from the first connection on, for
  // a name may mean any address; what the configuration itself tells is Backend::own_gateway.
  bool leads_back(const std::string& pool_key) const { return !led_back_.empty() && led_back_.contains(pool_key); }
  void note_connected(const std::string& pool_key, net::tcp::socket& socket);

  // From connections.
  using ConnectionList = std::list<Connection*>;
  ConnectionList::iterator add(Connection* c);
  void remove(ConnectionList::iterator c);
  observe::RecordPtr new_record();
  void finish(observe::RecordPtr record);
  void flush_records();
  // Wall clock of a reading of the monotonic clock, microseconds: one clock is read for a request, not two.
  int64_t unix_us_of(int64_t monotonic_us) const { return monotonic_us + unix_offset_us_; }
  WorkerCounters counters() const { return {connections_.size(), requests_}; }

 private:
  struct Acceptor {
    net::tcp::acceptor socket;
    bool closed = false;
    explicit Acceptor(net::asio::io_context& io) : socket(io) {}
  };
  Result<std::shared_ptr<Acceptor>> open(const std::string& bind, uint16_t port);
  static net::Task<void> accept_loop(Worker* self, std::shared_ptr<Acceptor> acceptor, std::string bind);
  static net::Task<void> tick(Worker* self);
  void cancel_abandoned();
  void read_clock();  // on each tick: the wall clock may have been set

  WorkerOptions options_;
  // Ends first (in the destructor): the frames it still holds use everything below.
  std::unique_ptr<net::Loop> loop_;
  UpstreamPool pool_;
  std::shared_ptr<const route::Snapshot> snapshot_;
  std::unordered_map<std::string, std::shared_ptr<Acceptor>> acceptors_;
  std::unordered_set<std::string> led_back_;  // pool keys, kLedBackMax at most
  static constexpr size_t kLedBackMax = 10'000;
  ConnectionList connections_;
  std::vector<observe::RecordPtr> records_, spare_records_;
  uint64_t requests_ = 0;
  int64_t unix_offset_us_ = 0;
  bool draining_ = false;
};

}  // namespace sl::proxy

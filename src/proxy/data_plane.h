// DataPlane: the workers together: publish a configuration, learn what is bound, drain.
//
// Who calls: app. Thread: from any thread but the workers'; calls are serialised by the caller.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "proxy/worker/worker.h"

namespace sl::proxy {

class DataPlane {
 public:
  DataPlane(size_t workers, const WorkerOptions& options);
  ~DataPlane();
  void start();

  // Compiles and hands the configuration to every worker; returns when each has it. A failed build leaves the last good
  // one. No request is dropped: requests under way keep the configuration they began with.
  Result<void> publish(route::RouteSpec spec);

  // Any thread.
  uint64_t generation() const;
  std::shared_ptr<const route::Snapshot> snapshot() const;
  // The two below: the thread that publishes.
  // "IP:PORT" really bound for a bind of the spec; "" if it is not bound.
  std::string bound(const std::string& bind) const;
  // Why binds failed.
  const std::map<std::string, std::string>& failed() const { return failed_; }
  // Any thread but the workers'.
  uint64_t requests();
  void flush_records();  // hands what the workers hold to the sink

  // Stops accepting, lets requests under way finish for at most drain_ms, then closes.
  void drain(int64_t drain_ms);

 private:
  void wait_for_end(int64_t until_ms);  // of every connection

  std::vector<std::unique_ptr<Worker>> workers_;
  mutable std::mutex mutex_;  // of snapshot_ and generation_
  std::shared_ptr<const route::Snapshot> snapshot_;
  std::map<std::string, uint16_t> ports_;
  std::map<std::string, std::string> failed_;
  uint64_t generation_ = 0;
};

}  // namespace sl::proxy

// Recorder: the way from finished records to access log, metrics and ledger, off the data path's threads.
//
// Who calls: proxy workers and the agent runtime hand over batches (take). Thread: its own; take() only queues.
// Limits: kQueueMax records wait; beyond, batches are dropped and counted in the log. Plain HTTP records go to the
// ledger at kPlainPerSecond at most (the rest is counted in the metrics); model, turn and tool records
// always. Those that the ledger cannot write, for a full disk, wait and are tried again each kRetryMs: after a try,
// kHeldMax of them at most, the oldest go first.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "observe/ledger/ledger.h"
#include "observe/metrics/metrics.h"
#include "observe/record/record.h"

namespace sl::observe {

class Recorder : public RecordSink {
 public:
  // `ledger` may be null. `component` names the log a gateway's access lines go to.
  Recorder(LogHub& logs, Ledger* ledger, std::function<std::string(const std::string& gateway)> component);
  ~Recorder() override;

  void take(std::vector<RecordPtr> records) override;
  std::vector<RecordPtr> spare() override;
  Metrics& metrics() { return metrics_; }
  void set_access_log(bool on) { access_log_ = on; }
  // Waits until everything taken so far has been written, or held for the ledger.
  void flush();
  // Writes what is left, held records too, and ends; what is handed over afterwards is lost, and logged as such.
  void close();

 private:
  void run();
  void write(std::vector<RecordPtr> batch);
  void hold(std::vector<RecordPtr>& batch);
  void to_ledger();
  void put_away(std::vector<RecordPtr> batch);

  static constexpr size_t kQueueMax = 100'000;
  static constexpr uint64_t kPlainPerSecond = 100;
  static constexpr size_t kSpareMax = 2'048;
  static constexpr size_t kHeldMax = 10'000;
  static constexpr int64_t kRetryMs = 1'000;

  LogHub& logs_;
  Ledger* ledger_;
  std::function<std::string(const std::string&)> component_;
  Metrics metrics_;
  std::atomic<bool> access_log_ = true;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::vector<RecordPtr> queue_;
  std::vector<RecordPtr> spare_;
  bool busy_ = false;
  bool stop_ = false;
  bool ended_ = false;
  uint64_t dropped_ = 0;
  int64_t second_ = 0;
  uint64_t plain_this_second_ = 0;
  // On their way to the ledger, or waiting for it: of the thread alone.
  std::vector<RecordPtr> held_;
  bool ledger_broken_ = false, ledger_grows_ = false;
  int64_t next_try_ms_ = 0;
  uint64_t lost_ = 0;
  std::thread thread_;
};

}  // namespace sl::observe

// WorkQueue: keys to reconcile, each at most once in the queue however often it is added.
// Who calls: control/reconcile. Thread: add from any, pop from the reconciling one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <string>

namespace sl::control {

class WorkQueue {
 public:
  void add(const std::string& key) {
    {
      std::lock_guard lock(mutex_);
      if (stopped_ || !waiting_.insert(key).second) return;
      keys_.push_back(key);
    }
    wake_.notify_one();
  }
  // False when stopped. Blocks until there is a key, or until retry_ms have passed (0: for ever), then gives "retry".
  bool pop(std::string* key, int64_t retry_ms = 0) {
    std::unique_lock lock(mutex_);
    busy_ = false;
    idle_.notify_all();
    auto ready = [this] { return stopped_ || !keys_.empty(); };
    if (!retry_ms)
      wake_.wait(lock, ready);
    else if (!wake_.wait_for(lock, std::chrono::milliseconds(retry_ms), ready))
      keys_.push_back("retry");
    if (stopped_) return false;
    *key = std::move(keys_.front());
    keys_.pop_front();
    waiting_.erase(*key);
    busy_ = true;
    return true;
  }
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    wake_.notify_all();
    idle_.notify_all();
  }
  // Returns once everything added so far has been reconciled.
  void wait_idle() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return stopped_ || (keys_.empty() && !busy_); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<std::string> keys_;
  std::set<std::string> waiting_;
  bool stopped_ = false;
  bool busy_ = true;  // until the first pop
};

}  // namespace sl::control

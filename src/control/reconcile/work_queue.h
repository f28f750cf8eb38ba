// WorkQueue: keys to reconcile, each at most once in the queue however often it is added.
// Who calls: control/reconcile. Thread: add from any, pop from the reconciling one.
#pragma once

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
  // False when stopped. Blocks until there is a key; *idle is set while waiting.
  bool pop(std::string* key) {
    std::unique_lock lock(mutex_);
    busy_ = false;
    idle_.notify_all();
    wake_.wait(lock, [this] { return stopped_ || !keys_.empty(); });
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

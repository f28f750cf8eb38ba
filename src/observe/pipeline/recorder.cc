#include "observe/pipeline/recorder.h"

#include "base/ids.h"
#include "base/strings.h"
#include "observe/sinks/access_log/access_log.h"

namespace sl::observe {

Recorder::Recorder(LogHub& logs, Ledger* ledger, std::function<std::string(const std::string&)> component)
    : logs_(logs), ledger_(ledger), component_(std::move(component)), thread_([this] { run(); }) {}

Recorder::~Recorder() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Recorder::take(std::vector<Record> records) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() + records.size() > kQueueMax) {
      dropped_ += records.size();
      return;
    }
    if (queue_.empty())
      queue_ = std::move(records);
    else
      queue_.insert(queue_.end(), std::make_move_iterator(records.begin()), std::make_move_iterator(records.end()));
  }
  wake_.notify_one();
}

void Recorder::flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

void Recorder::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty() && stop_) return;
    std::vector<Record> batch;
    batch.swap(queue_);
    uint64_t lost = std::exchange(dropped_, 0);
    busy_ = true;
    lock.unlock();
    if (lost) logs_.log("sightline").warn("{} records were dropped: they came faster than they could be written", lost);
    write(batch);
    lock.lock();
    busy_ = false;
    idle_.notify_all();
  }
}

void Recorder::write(std::vector<Record>& batch) {
  metrics_.add(batch);
  if (access_log_) {
    std::vector<std::pair<std::string, LogLine>> lines;
    int64_t now = unix_ms();
    std::string stamp = rfc3339(now, true) + " info ";
    for (auto& r : batch)
      if (r.kind == RecordKind::Exchange)
        lines.emplace_back(component_(r.gateway), LogLine{now, stamp + access_line(r)});
    logs_.write_batch(lines);
  }
  if (!ledger_) return;
  uint64_t skipped = 0;
  std::erase_if(batch, [&](const Record& r) {
    if (r.kind != RecordKind::Exchange || r.protocol != "http") return false;
    int64_t second = r.start_unix_us / 1'000'000;
    if (second != second_) {
      second_ = second;
      plain_this_second_ = 0;
    }
    bool over = ++plain_this_second_ > kPlainPerSecond;
    skipped += over;
    return over;
  });
  if (skipped) metrics_.count_ledger_skipped(skipped);
  if (batch.empty()) return;
  auto ok = ledger_->add(batch);
  if (!ok && !ledger_broken_) logs_.log("sightline").error("the ledger cannot be written: {}", ok.error().message);
  ledger_broken_ = !ok;
}

}  // namespace sl::observe

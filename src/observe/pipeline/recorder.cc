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

void Recorder::take(std::vector<RecordPtr> records) {
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
    auto ready = [this] { return stop_ || !queue_.empty(); };
    if (held_.empty())
      wake_.wait(lock, ready);
    else
      wake_.wait_for(lock, std::chrono::seconds(1), ready);  // then those are tried again
    bool last = queue_.empty() && stop_;
    if (last && held_.empty()) return;
    std::vector<RecordPtr> batch;
    batch.swap(queue_);
    uint64_t lost = std::exchange(dropped_, 0);
    busy_ = true;
    lock.unlock();
    if (lost) logs_.log("sightline").warn("{} records were dropped: they came faster than they could be written", lost);
    write(batch);
    put_away(std::move(batch));
    lock.lock();
    busy_ = false;
    idle_.notify_all();
    if (last) return;
  }
}

std::vector<RecordPtr> Recorder::spare() {
  std::lock_guard lock(mutex_);
  size_t n = std::min<size_t>(spare_.size(), 256);
  std::vector<RecordPtr> out(std::make_move_iterator(spare_.end() - static_cast<std::ptrdiff_t>(n)),
                             std::make_move_iterator(spare_.end()));
  spare_.resize(spare_.size() - n);
  return out;
}

void Recorder::put_away(std::vector<RecordPtr> batch) {
  std::erase(batch, nullptr);  // held back
  for (auto& r : batch) r->clear();
  std::lock_guard lock(mutex_);
  for (auto& r : batch)
    if (spare_.size() < kSpareMax) spare_.push_back(std::move(r));
}

void Recorder::write(std::vector<RecordPtr>& batch) {
  metrics_.add(batch);
  if (access_log_) {
    std::vector<std::pair<std::string, LogLine>> lines;
    int64_t now = unix_ms();
    std::string stamp = rfc3339(now, true) + " info ";
    for (auto& r : batch)
      if (r->kind == RecordKind::Exchange)
        lines.emplace_back(component_(r->gateway), LogLine{now, stamp + access_line(*r)});
    logs_.write_batch(lines);
  }
  if (ledger_) to_ledger(batch);
}

void Recorder::to_ledger(std::vector<RecordPtr>& batch) {
  std::vector<RecordPtr*> fresh;
  for (auto& r : batch) {
    bool plain = r->kind == RecordKind::Exchange && r->protocol == "http";
    int64_t second = r->start_unix_us / 1'000'000;
    if (plain && second != second_) {
      second_ = second;
      plain_this_second_ = 0;
    }
    if (!plain || ++plain_this_second_ <= kPlainPerSecond) fresh.push_back(&r);
  }
  if (size_t skipped = batch.size() - fresh.size()) {
    metrics_.count_ledger_skipped(skipped);
    skipped_ += skipped;
  }
  std::vector<const Record*> all;
  for (auto& r : held_) all.push_back(r.get());
  for (auto* r : fresh) all.push_back(r->get());
  if (all.empty()) return;
  auto ok = ledger_->add(all);
  auto log = logs_.log("sightline");
  if (!ok && !ledger_broken_) log.error("the ledger cannot be written; records wait: {}", ok.error().message);
  if (ok && ledger_broken_)
    log.warn("the ledger is written again; {} records waited, {} were lost", held_.size(), lost_);
  ledger_broken_ = !ok;
  if (ok) {
    held_.clear();
    lost_ = 0;
    return;
  }
  for (auto* r : fresh) held_.push_back(std::move(*r));
  for (; held_.size() > kHeldMax; ++lost_) held_.pop_front();
}

}  // namespace sl::observe

#include "observe/pipeline/recorder.h"

#include "base/ids.h"
#include "base/strings.h"
#include "observe/sinks/access_log/access_log.h"

namespace sl::observe {

Recorder::Recorder(LogHub& logs, Ledger* ledger, std::function<std::string(const std::string&)> component)
    : logs_(logs), ledger_(ledger), component_(std::move(component)), thread_([this] { run(); }) {}

Recorder::~Recorder() {
  close();
}

void Recorder::close() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Recorder::take(std::vector<RecordPtr> records) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) {
      logs_.log("sightline").warn("{} records of requests that outlived the end are not written", records.size());
      return;
    }
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
  idle_.wait(lock, [this] { return ended_ || (queue_.empty() && !busy_); });
}

void Recorder::run() {
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    auto ready = [this] { return stop_ || !queue_.empty(); };
    if (held_.empty())
      wake_.wait(lock, ready);
    else
      wake_.wait_for(lock, std::chrono::milliseconds(kRetryMs), ready);
    last = stop_ && queue_.empty();
    std::vector<RecordPtr> batch;
    batch.swap(queue_);
    uint64_t lost = std::exchange(dropped_, 0);
    busy_ = true;
    lock.unlock();
    if (lost) logs_.log("sightline").warn("{} records were dropped: they came faster than they could be written", lost);
    write(std::move(batch));
    if (last || monotonic_ms() >= next_try_ms_) to_ledger();
    lock.lock();
    busy_ = false;
    ended_ = last && queue_.empty();
    last = ended_;
    idle_.notify_all();
  }
  if (lost_ += held_.size()) logs_.log("sightline").error("{} records are not in the ledger", lost_);
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
  for (auto& r : batch) r->clear();
  std::lock_guard lock(mutex_);
  for (auto& r : batch)
    if (spare_.size() < kSpareMax) spare_.push_back(std::move(r));
}

void Recorder::write(std::vector<RecordPtr> batch) {
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
  if (ledger_) hold(batch);
  put_away(std::move(batch));
}

// Takes out of the batch what the ledger is to get.
void Recorder::hold(std::vector<RecordPtr>& batch) {
  uint64_t skipped = 0;
  for (auto& r : batch) {
    bool plain = r->kind == RecordKind::Exchange && r->protocol == "http";
    int64_t second = r->start_unix_us / 1'000'000;
    if (plain && second != second_) {
      second_ = second;
      plain_this_second_ = 0;
    }
    if (plain && ++plain_this_second_ > kPlainPerSecond)
      ++skipped;
    else
      held_.push_back(std::move(r));
  }
  std::erase(batch, nullptr);
  if (skipped) metrics_.count_ledger_skipped(skipped);
}

void Recorder::to_ledger() {
  if (held_.empty()) return;
  std::vector<const Record*> records;
  for (auto& r : held_) records.push_back(r.get());
  auto ok = ledger_->add(records);
  auto log = logs_.log("sightline");
  if (!ok) {
    if (!ledger_broken_) log.error("the ledger cannot be written; records wait: {}", ok.error().message);
    next_try_ms_ = monotonic_ms() + kRetryMs;
    if (size_t over = held_.size() - std::min(held_.size(), kHeldMax)) {
      held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(over));
      lost_ += over;
    }
  } else {
    if (ledger_broken_)
      log.warn("the ledger is written again; {} records waited, {} were lost", held_.size(), std::exchange(lost_, 0));
    put_away(std::exchange(held_, {}));
    auto trimmed = ledger_->trim();
    if (!trimmed && !ledger_grows_) log.warn("the ledger grows, its oldest cannot go: {}", trimmed.error().message);
    if (!trimmed || *trimmed) ledger_grows_ = !trimmed;
  }
  ledger_broken_ = !ok;
}

}  // namespace sl::observe

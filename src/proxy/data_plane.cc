#include "proxy/data_plane.h"

#include "base/ids.h"

namespace sl::proxy {

DataPlane::DataPlane(size_t workers, const WorkerOptions& options) {
  for (size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<Worker>(static_cast<int>(i), options));
}
DataPlane::~DataPlane() = default;

void DataPlane::start() {
  for (auto& w : workers_) w->start();
}

uint64_t DataPlane::generation() const {
  std::lock_guard lock(mutex_);
  return generation_;
}

std::shared_ptr<const route::Snapshot> DataPlane::snapshot() const {
  std::lock_guard lock(mutex_);
  return snapshot_;
}

Result<void> DataPlane::publish(route::RouteSpec spec) {
  auto built = route::Snapshot::build(std::move(spec), generation_ + 1);
  if (!built) return fail(std::move(built).error());
  auto snapshot = *built;
  failed_.clear();
  // One worker after the other, so that a bind of port 0 gets the same port on all.
  for (auto& w : workers_) w->loop().call([&] { w->apply(snapshot, ports_, failed_); });
  std::lock_guard lock(mutex_);
  snapshot_ = std::move(snapshot);
  generation_ = snapshot_->generation();
  return {};
}

std::string DataPlane::bound(const std::string& bind) const {
  auto it = ports_.find(bind);
  if (it == ports_.end() || failed_.contains(bind)) return "";
  return bind.substr(0, bind.rfind(':') + 1) + std::to_string(it->second);
}

uint64_t DataPlane::requests() {
  uint64_t n = 0;
  for (auto& w : workers_) w->loop().call([&] { n += w->counters().requests; });
  return n;
}

void DataPlane::flush_records() {
  for (auto& w : workers_) w->loop().call([&] { w->flush_records(); });
}

void DataPlane::wait_for_end(int64_t until_ms) {
  for (;;) {
    size_t open = 0;
    for (auto& w : workers_)
      w->loop().call([&] {
        w->end_idle();  // those too that had not begun to wait the last time
        open += w->connections();
      });
    if (!open || monotonic_ms() > until_ms) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void DataPlane::drain(int64_t drain_ms) {
  for (auto& w : workers_) w->loop().call([&] { w->stop_accepting(); });
  wait_for_end(monotonic_ms() + drain_ms);
  for (auto& w : workers_) w->loop().call([&] { w->close_connections(); });
  wait_for_end(monotonic_ms() + 500);
  flush_records();
}

}  // namespace sl::proxy

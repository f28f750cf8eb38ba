#include "base/log.h"

#include <unistd.h>

#include <cerrno>

#include <cerrno>

#include "base/ids.h"
#include "base/strings.h"

namespace sl {
namespace {
constexpr size_t kLinesKept = 2000;
constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
}  // namespace

void Log::line(Level level, std::string_view text) const {
  if (hub_) hub_->write(component_, level, text);
}

void LogHub::write(const std::string& component, Level level, std::string_view text) {
  LogLine line;
  line.unix_ms = unix_ms();
  line.text = fmt::format("{} {} {}", rfc3339(line.unix_ms, true), kNames[static_cast<int>(level)], text);
  for (char& c : line.text)
    if (c == '\n' || c == '\r') c = ' ';  // a value can never start a new line
  std::lock_guard lock(mutex_);
  if (level < min_level_) return;
  print(line.text + "\n");
  keep(component, line);
}

void LogHub::print(std::string_view text) {
  if (fd_ >= 0 && ::write(fd_, text.data(), text.size()) < 0 && errno != EAGAIN && errno != EINTR)
    fd_ = -1;  // closed: stop trying
}

void LogHub::write_batch(const std::vector<std::pair<std::string, LogLine>>& lines) {
  std::string all;
  for (auto& [component, line] : lines) all.append(line.text).append("\n");
  std::lock_guard lock(mutex_);
  print(all);
  for (auto& [component, line] : lines) keep(component, line);
}

void LogHub::keep(const std::string& component, const LogLine& line) {
  auto& ring = rings_[component];
  ring.push_back(line);
  if (ring.size() > kLinesKept) ring.pop_front();
  for (auto& [id, follower] : followers_)
    if (follower.component == component) follower.fn(line);
}

std::vector<LogLine> LogHub::tail(const std::string& component) {
  std::lock_guard lock(mutex_);
  auto& ring = rings_[component];
  return {ring.begin(), ring.end()};
}

uint64_t LogHub::follow(const std::string& component, const std::function<void(std::vector<LogLine>)>& kept,
                        std::function<void(const LogLine&)> fn) {
  std::lock_guard lock(mutex_);
  auto& ring = rings_[component];
  kept({ring.begin(), ring.end()});
  followers_[next_id_] = {component, std::move(fn)};
  return next_id_++;
}

void LogHub::unfollow(uint64_t id) {
  std::lock_guard lock(mutex_);
  followers_.erase(id);
}

}  // namespace sl

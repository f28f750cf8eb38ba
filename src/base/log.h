// The log: timestamped, levelled lines of one component, written to standard error and kept in a
// bounded ring per component so that `kubectl logs` on the synthetic pods shows the real lines.
//
// Who calls: every part, with the Log it was given by app/. Thread: any (one short mutex; the data
// path writes its access lines through observe/, which batches). Limits: 2,000 lines kept a component.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace sl {

enum class Level { Debug, Info, Warn, Error };

class LogHub;

// A handle that writes lines of one component. Cheap to copy.
class Log {
 public:
  Log() = default;
  Log(LogHub* hub, std::string component) : hub_(hub), component_(std::move(component)) {}

  template <class... A>
  void info(fmt::format_string<A...> f, A&&... a) const {
    line(Level::Info, fmt::format(f, std::forward<A>(a)...));
  }
  template <class... A>
  void warn(fmt::format_string<A...> f, A&&... a) const {
    line(Level::Warn, fmt::format(f, std::forward<A>(a)...));
  }
  template <class... A>
  void error(fmt::format_string<A...> f, A&&... a) const {
    line(Level::Error, fmt::format(f, std::forward<A>(a)...));
  }
  void line(Level level, std::string_view text) const;

  Log with_component(std::string component) const { return {hub_, std::move(component)}; }
  const std::string& component() const { return component_; }

 private:
  LogHub* hub_ = nullptr;  // none: lines are dropped (tests)
  std::string component_;
};

struct LogLine {
  int64_t unix_ms = 0;
  std::string text;  // whole line as printed, without the newline
};

// Owns the rings and the sink. Outlives every Log made from it.
class LogHub {
 public:
  explicit LogHub(int fd = 2) : fd_(fd) {}
  Log log(std::string component) { return {this, std::move(component)}; }

  void write(const std::string& component, Level level, std::string_view text);

  // Lines made elsewhere (the access log's batches): kept and followed as usual, printed in one system call.
  void write_batch(const std::vector<std::pair<std::string, LogLine>>& component_lines);

  // Lines kept of a component, oldest first.
  std::vector<LogLine> tail(const std::string& component);
  // Calls `kept` with the lines so far and then fn with each later one (from the writing thread; neither may block),
  // none lost or twice. Returns an id for unfollow.
  uint64_t follow(const std::string& component, const std::function<void(std::vector<LogLine>)>& kept,
                  std::function<void(const LogLine&)> fn);
  void unfollow(uint64_t id);
  void set_min_level(Level level) {
    std::lock_guard lock(mutex_);
    min_level_ = level;
  }

 private:
  void keep(const std::string& component, const LogLine& line);  // under the mutex
  void print(std::string_view text);

  struct Follower {
    std::string component;
    std::function<void(const LogLine&)> fn;
  };
  std::mutex mutex_;
  int fd_;
  Level min_level_ = Level::Info;
  uint64_t next_id_ = 1;
  std::map<std::string, std::deque<LogLine>> rings_;
  std::map<uint64_t, Follower> followers_;
};

}  // namespace sl

// Loop: one thread, one io_context, one coarse clock of deadlines. Everything on a loop runs without locks.
//
// Who calls: app makes loops; servers, workers and the agent runtime run on one. Thread: post() from any,
// all else from the loop's own thread. Deadlines are checked every 100 ms.
#pragma once

#include <array>
#include <functional>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "net/tcp/asio.h"

namespace sl::net {

class Loop;

// A point in time after which `on_expire` runs on the loop (once per arming). Owned by what it guards.
class Deadline {
 public:
  Deadline(Loop& loop, std::function<void()> on_expire);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void expires_in(int64_t ms);
  void disarm() { at_ms_ = 0; }
  bool expired() const { return expired_; }

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> on_expire_;
  int64_t at_ms_ = 0;  // 0: not armed
  bool expired_ = false;
  std::list<Deadline*>::iterator self_;
};

// Lets another coroutine of the same loop end a wait that has no object of its own yet.
struct Cancel {
  std::function<void()> end;  // set by who waits
  bool cancelled = false;
  void operator()() {
    cancelled = true;
    if (end) end();
  }
};

class Loop {
 public:
  explicit Loop(std::string name);
  ~Loop();  // stops and joins

  asio::io_context& io() { return io_; }
  void start();  // runs the loop on its own thread
  void run();    // runs it on the calling thread until stop()
  void stop();
  void join();
  void post(std::function<void()> fn);
  // Runs fn on the loop and waits for it; must not be called from the loop itself.
  void call(std::function<void()> fn);
  int64_t now_ms() const { return now_ms_; }  // coarse, refreshed by the tick

  // Starts a coroutine that the loop owns; an exception out of it is a bug and ends the program.
  void spawn(Task<void> task);
  // Lets others run first that are ready, for so many turns of the queue. All who wait for a turn take it together.
  // Awaited in place.
  template <size_t kTurns>
  auto yield() {
    static_assert(kTurns >= 1 && kTurns <= kTurnsMax);
    auto wait = [this](auto&& go_on) { wait_turns(std::forward<decltype(go_on)>(go_on), kTurns); };
    return asio::async_initiate<const asio::deferred_t, void()>(std::move(wait), asio::deferred);
  }

 private:
  friend class Deadline;
  using GoOn = std::move_only_function<void()>;
  static constexpr size_t kTurnsMax = 3;
  Task<void> tick();
  void wait_turns(GoOn go_on, size_t turns);
  void take_turn();

  std::string name_;
  // Before io_: coroutine frames that io_ still holds at its end unhook their deadlines from the list.
  std::list<Deadline*> deadlines_;
  int64_t now_ms_;
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // sockets are touched by its thread alone
  // Who goes on in which turn: waiting_[turn_] in the present one, the next in the next, round and round.
  std::array<std::vector<GoOn>, kTurnsMax + 1> waiting_;
  size_t turn_ = 0, waiters_ = 0;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::thread thread_;
};

}  // namespace sl::net

// Loop: one thread, one io_context, one coarse clock of deadlines. Everything on a loop runs without locks.
//
// Who calls: app makes loops; servers, workers and the agent runtime run on one. Thread: post() from any,
// all else from the loop's own thread. Deadlines are checked every 100 ms.
#pragma once

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
  // Lets others run first that are ready. All who wait go on together: one turn of the queue for a whole round.
  Task<void> yield();

 private:
  friend class Deadline;
  using Waiting = asio::async_result<asio::use_awaitable_t<Executor>, void()>::handler_type;
  Task<void> tick();
  void wake_yielded();

  std::string name_;
  // Before io_: coroutine frames that io_ still holds at its end unhook their deadlines from the list.
  std::list<Deadline*> deadlines_;
  int64_t now_ms_;
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // sockets are touched by its thread alone
  std::vector<Waiting> yielded_, woken_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::thread thread_;
};

}  // namespace sl::net

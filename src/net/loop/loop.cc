#include "net/loop/loop.h"

#include <pthread.h>

#include <future>

#include "base/ids.h"

namespace sl::net {

Error to_error(const boost::system::error_code& ec, std::string_view what) {
  Code code = Code::Io;
  if (ec == asio::error::eof || ec == asio::error::connection_reset || ec == asio::error::broken_pipe)
    code = Code::UpstreamClosed;
  else if (ec == asio::error::connection_refused || ec == asio::error::host_unreachable ||
           ec == asio::error::network_unreachable || ec == asio::error::host_not_found)
    code = Code::UpstreamRefused;
  else if (ec == asio::error::timed_out)
    code = Code::Timeout;
  else if (ec == asio::error::operation_aborted)
    code = Code::Cancelled;
  return {code, fmt::format("{}: {}", what, ec.message()), {}};
}

static constexpr int64_t kTickMs = 100;

Deadline::Deadline(Loop& loop, std::function<void()> on_expire) : loop_(loop), on_expire_(std::move(on_expire)) {
  self_ = loop_.deadlines_.insert(loop_.deadlines_.end(), this);
}
Deadline::~Deadline() {
  loop_.deadlines_.erase(self_);
}

void Deadline::expires_in(int64_t ms) {
  expired_ = false;
  // The loop's clock is behind by up to a tick: a short wait must not end early, for a long one it does not matter.
  at_ms_ = loop_.now_ms() + ms + (ms < 10'000 ? kTickMs : 0);
}

Loop::Loop(std::string name) : name_(std::move(name)), now_ms_(monotonic_ms()), guard_(asio::make_work_guard(io_)) {
  spawn(tick());
}

Loop::~Loop() {
  stop();
  join();
  for (auto& waiting : waiting_) std::vector<GoOn>().swap(waiting);
}

void Loop::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    io_.run();
  });
}
void Loop::run() {
  io_.run();
}
void Loop::stop() {
  io_.stop();
}
void Loop::join() {
  if (thread_.joinable()) thread_.join();
}
void Loop::post(std::function<void()> fn) {
  asio::post(io_, std::move(fn));
}

void Loop::call(std::function<void()> fn) {
  auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  asio::post(io_, [fn = std::move(fn), done] {
    fn();
    done->set_value();
  });
  future.wait();
}

void Loop::spawn(Task<void> task) {
  asio::co_spawn(io_, std::move(task), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
}

void Loop::wait_turns(GoOn go_on, size_t turns) {
  if (waiters_++ == 0) asio::post(io_, [this] { take_turn(); });
  waiting_[(turn_ + turns) % waiting_.size()].push_back(std::move(go_on));
}

void Loop::take_turn() {
  turn_ = (turn_ + 1) % waiting_.size();
  auto& due = waiting_[turn_];  // who waits again meanwhile does so in another list
  for (auto& go_on : due) go_on();
  waiters_ -= due.size();
  due.clear();
  if (waiters_) asio::post(io_, [this] { take_turn(); });
}

Task<void> Loop::tick() {
  Timer timer(io_);
  for (;;) {
    timer.expires_after(std::chrono::milliseconds(kTickMs));
    auto [ec] = co_await timer.async_wait(use_task);
    if (ec) co_return;
    now_ms_ = monotonic_ms();
    std::vector<Deadline*> due;
    for (Deadline* d : deadlines_) {
      if (d->at_ms_ == 0 || d->at_ms_ > now_ms_) continue;
      d->at_ms_ = 0;
      d->expired_ = true;
      due.push_back(d);
    }
    // A callback only closes sockets, so it destroys no Deadline before control returns to the loop.
    for (Deadline* d : due) d->on_expire_();
  }
}

}  // namespace sl::net

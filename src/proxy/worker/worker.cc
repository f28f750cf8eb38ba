#include "proxy/worker/worker.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/ids.h"
#include "proxy/pipeline/connection.h"

namespace sl::proxy {

Worker::Worker(int index, const WorkerOptions& options)
    : options_(options),
      loop_(std::make_unique<net::Loop>(fmt::format("worker-{}", index))),
      pool_(*loop_, options.upstream_tls, options.overrides, options.log) {
  read_clock();
  loop_->spawn(tick(this));
}

Worker::~Worker() {
  loop_->stop();
  loop_->join();
  pool_.close_idle();
  loop_.reset();
}

// SO_REUSEPORT would let another process share the port unseen: the first worker makes sure that nobody has it.
static Result<void> check_free(net::asio::io_context& io, const net::tcp::endpoint& endpoint) {
  net::tcp::acceptor probe(io);
  boost::system::error_code ec;
  probe.open(endpoint.protocol(), ec);
  if (!ec) probe.set_option(net::tcp::acceptor::reuse_address(true), ec);
  if (!ec) probe.bind(endpoint, ec);
  if (ec) return fail(Code::Io, fmt::format("cannot listen on {}: {}", net::format_endpoint(endpoint), ec.message()));
  return {};
}

Result<std::shared_ptr<Worker::Acceptor>> Worker::open(const std::string& bind, uint16_t port) {
  SL_TRY(endpoint, net::parse_endpoint(bind));
  if (port)
    endpoint.port(port);
  else
    SL_CHECK(check_free(loop_->io(), endpoint));
  auto out = std::make_shared<Acceptor>(loop_->io());
  boost::system::error_code ec;
  out->socket.open(endpoint.protocol(), ec);
  if (!ec) out->socket.set_option(net::tcp::acceptor::reuse_address(true), ec);
  int one = 1;
  if (!ec && setsockopt(out->socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0)
    ec = boost::system::error_code(errno, boost::system::system_category());
  if (!ec) out->socket.bind(endpoint, ec);
  if (!ec) out->socket.listen(4096, ec);
  if (!ec) out->socket.non_blocking(true, ec);
  if (ec) return fail(Code::Io, fmt::format("cannot listen on {}: {}", bind, ec.message()));
  return out;
}

void Worker::apply(std::shared_ptr<const route::Snapshot> snapshot, std::map<std::string, uint16_t>& ports,
                   std::map<std::string, std::string>& failed) {
  auto wanted = snapshot->binds();
  // Every request takes and gives back a reference: counted apart for each worker, or their cores would fight over it.
  const route::Snapshot* of_all = snapshot.get();
  snapshot_ = std::shared_ptr<const route::Snapshot>(of_all, [kept = std::move(snapshot)](const route::Snapshot*) {});
  for (auto& bind : wanted) {
    if (acceptors_.contains(bind) || draining_) continue;
    auto opened = open(bind, ports[bind]);
    if (!opened) {
      failed[bind] = opened.error().message;
      continue;
    }
    boost::system::error_code ec;
    ports[bind] = (*opened)->socket.local_endpoint(ec).port();
    acceptors_[bind] = *opened;
    loop_->spawn(accept_loop(this, *opened, bind));
  }
  for (auto it = acceptors_.begin(); it != acceptors_.end();) {
    if (std::find(wanted.begin(), wanted.end(), it->first) != wanted.end()) {
      ++it;
      continue;
    }
    boost::system::error_code ec;
    it->second->closed = true;
    it->second->socket.close(ec);
    ports.erase(it->first);
    it = acceptors_.erase(it);
  }
}

void Worker::note_connected(const std::string& pool_key, net::tcp::socket& socket) {
  boost::system::error_code ec;
  auto remote = socket.remote_endpoint(ec), local = socket.local_endpoint(ec);
  for (auto& [bind, acceptor] : acceptors_) {
    auto at = acceptor->socket.local_endpoint(ec);
    if (ec || at.port() != remote.port()) continue;
    bool here = at.address().is_unspecified() ? remote.address().is_loopback() || remote.address() == local.address()
                                              : remote.address() == at.address();
    if (here && led_back_.size() < kLedBackMax) led_back_.insert(pool_key);
  }
}

net::Task<void> Worker::accept_loop(Worker* self, std::shared_ptr<Acceptor> acceptor, std::string bind) {
  while (!acceptor->closed) {
    net::tcp::socket socket(self->loop_->io());
    auto [ec] = co_await acceptor->socket.async_accept(socket, net::use_task);
    if (ec && acceptor->closed) co_return;
    if (ec) {  // out of descriptors: give others time to close
      net::Timer timer(self->loop_->io(), std::chrono::milliseconds(20));
      co_await timer.async_wait(net::use_task);
      continue;
    }
    if (self->connections_.size() >= self->options_.connections_max) continue;
    self->loop_->spawn(serve_connection(self, std::move(socket), bind));
  }
}

void Worker::stop_accepting() {
  draining_ = true;
  for (auto& [bind, acceptor] : acceptors_) {
    // Connections that the kernel has already completed are served, not reset.
    for (;;) {
      net::tcp::socket socket(loop_->io());
      boost::system::error_code ec;
      acceptor->socket.accept(socket, ec);
      if (ec) break;
      loop_->spawn(serve_connection(this, std::move(socket), bind));
    }
    acceptor->closed = true;
    boost::system::error_code ec;
    acceptor->socket.close(ec);
  }
  acceptors_.clear();
  end_idle();
}

void Worker::end_idle() {
  for (Connection* c : connections_) c->end_wait();
}

void Worker::close_connections() {
  for (Connection* c : connections_) c->client_left();
}

Worker::ConnectionList::iterator Worker::add(Connection* c) {
  return connections_.insert(connections_.end(), c);
}
void Worker::remove(ConnectionList::iterator c) {
  connections_.erase(c);
}

observe::RecordPtr Worker::new_record() {
  if (spare_records_.empty()) return std::make_unique<observe::Record>();
  auto out = std::move(spare_records_.back());
  spare_records_.pop_back();
  return out;
}

void Worker::read_clock() {
  // Both clocks at one moment: when the thread was held up between them, again.
  for (int tries = 0; tries < 5; ++tries) {
    int64_t before = monotonic_us(), now = unix_us(), after = monotonic_us();
    unix_offset_us_ = now - before;
    if (after - before < 100) return;
  }
}

void Worker::finish(observe::RecordPtr record) {
  ++requests_;
  if (!options_.sink) return;
  records_.push_back(std::move(record));
  if (records_.size() >= 256) flush_records();
}

void Worker::flush_records() {
  if (records_.empty() || !options_.sink) return;
  std::vector<observe::RecordPtr> batch;
  batch.reserve(256);
  batch.swap(records_);
  options_.sink->take(std::move(batch));
  if (spare_records_.empty()) spare_records_ = options_.sink->spare();
}

// Clients that left while their request waits for an upstream: found with one poll() per tick, so that the
// data path pays nothing for it.
void Worker::cancel_abandoned() {
  std::vector<pollfd> fds;
  std::vector<Connection*> waiting;
  for (Connection* c : connections_) {
    if (!c->waiting_for_upstream()) continue;
    fds.push_back({c->fd(), POLLRDHUP, 0});
    waiting.push_back(c);
  }
  if (fds.empty() || ::poll(fds.data(), fds.size(), 0) <= 0) return;
  for (size_t i = 0; i < fds.size(); ++i)
    if (fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) waiting[i]->client_left();
}

net::Task<void> Worker::tick(Worker* self) {
  net::Timer timer(self->loop_->io());
  for (uint64_t ticks = 0;;) {
    timer.expires_after(std::chrono::milliseconds(50));
    auto [ec] = co_await timer.async_wait(net::use_task);
    if (ec) co_return;
    self->read_clock();
    self->cancel_abandoned();
    self->flush_records();
    if (++ticks % 40 == 0) self->pool_.sweep();
  }
}

}  // namespace sl::proxy

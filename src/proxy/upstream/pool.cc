#include "proxy/upstream/pool.h"

#include "base/ids.h"

namespace sl::proxy {
namespace {

constexpr int64_t kIdleMs = 60'000;
constexpr int64_t kLastChunkMs = 100;  // for the end of an answer that has said all
constexpr int64_t kAtOnceUs = 1'000'000;
constexpr size_t kIdlePerBackendMax = 256;

}  // namespace

void UpstreamConnection::take_read(const Result<size_t>& n) {
  read_us = monotonic_us();
  if (n) return buffer.commit(*n);
  if (n.error().code == Code::UpstreamClosed) broke_rules("reset the connection");
}

void UpstreamConnection::broke_rules(std::string_view how) {
  if (std::exchange(trust->lost, true)) return;
  trust->log.info("backend {} {}: from now on its kept connections are looked at before each use", stream.peer(), how);
}

UpstreamPool::UpstreamPool(net::Loop& loop, net::TlsContextPtr tls, std::vector<net::ResolveOverride> overrides,
                           Log log)
    : loop_(loop), tls_(std::move(tls)), resolver_(loop, std::move(overrides)), log_(std::move(log)) {}

UpstreamPool::Kept& UpstreamPool::kept_of(const std::string& key) {
  Kept& kept = idle_[key];
  if (!kept.trust) kept.trust = std::make_shared<Trust>(Trust{.log = log_});
  return kept;
}

UpstreamPtr UpstreamPool::take_kept(const route::CompiledBackend& backend, size_t endpoint, int64_t now_us) {
  auto it = idle_.find(backend.pool_keys[endpoint]);
  if (it == idle_.end()) return nullptr;
  Kept& kept = it->second;
  while (!kept.connections.empty()) {
    UpstreamPtr c = std::move(kept.connections.back());
    kept.connections.pop_back();
    int64_t idle_us = now_us - c->read_us;
    Trust& trust = *kept.trust;
    bool trusted = !trust.lost && trust.clean >= kTrustAfter && trust.unseen < kLookEach && idle_us >= 0 &&
                   idle_us < kTrustedUs && !c->stream.is_tls() && c->stream.is_open();
    trust.unseen = trusted ? trust.unseen + 1 : 0;
    if (!trusted && c->stream.stale()) {
      // Later it is what idle connections come to.
      if (idle_us < kAtOnceUs) c->broke_rules("spoke or closed right after an answer");
      continue;
    }
    if (!trusted && trust.clean < kTrustAfter) ++trust.clean;
    c->reused = true;
    return c;
  }
  return nullptr;
}

net::Task<Result<UpstreamPtr>> UpstreamPool::connect(const route::CompiledBackend* backend, size_t endpoint,
                                                     int64_t connect_ms, net::Cancel* cancel) {
  auto& e = backend->spec.endpoints[endpoint];
  std::string key = backend->pool_keys[endpoint];
  std::string server_name = backend->spec.server_name.empty() ? e.host : backend->spec.server_name;
  bool tls = backend->spec.tls;
  auto socket = co_await resolver_.connect(e.host, static_cast<uint16_t>(e.port), connect_ms, cancel);
  if (!socket) co_return fail(std::move(socket).error());
  auto c = std::make_unique<UpstreamConnection>(loop_, std::move(*socket));
  c->key = std::move(key);
  c->trust = kept_of(c->key).trust;
  if (tls) {
    auto ok = co_await start_tls(*c, std::move(server_name), connect_ms, cancel);
    if (!ok) co_return fail(std::move(ok).error());
  }
  co_return c;
}

net::Task<Result<void>> UpstreamPool::start_tls(UpstreamConnection& c, std::string server_name, int64_t connect_ms,
                                                net::Cancel* cancel) {
  c.stream.deadline().expires_in(connect_ms);
  auto session = sessions_.find(server_name);  // held: another handshake may replace it meanwhile
  net::Stream* stream = &c.stream;
  cancel->end = [stream] { stream->close(); };
  auto ok = co_await c.stream.connect_tls(*tls_, server_name, session.get());
  cancel->end = nullptr;
  if (!ok) {
    sessions_.forget(server_name, session);
    co_return ok;
  }
  c.stream.deadline().disarm();
  c.tls_version = c.stream.tls_version();
  c.tls_peer = c.stream.tls_peer_name();
  if (c.tls_peer.empty()) c.tls_peer = server_name;
  c.server_name = std::move(server_name);
  co_return Result<void>();
}

void UpstreamPool::note_session(UpstreamConnection& c) {
  if (c.server_name.empty() || c.session_noted || !c.stream.is_tls()) return;
  c.session_noted = true;  // the ticket came with the first answer
  sessions_.keep(c.server_name, c.stream);
}

void UpstreamPool::release(UpstreamPtr c) {
  if (!c->stream.is_open() || !c->buffer.empty()) return;
  c->buffer.shrink(kReadBytes);
  c->stream.deadline().expires_in(kIdleMs);
  auto& pool = kept_of(c->key).connections;
  if (pool.size() < kIdlePerBackendMax) pool.push_back(std::move(c));
}

void UpstreamPool::settle(UpstreamPtr c, http1::BodyDecoder body) {
  loop_.spawn(read_to_end(this, std::move(c), std::move(body)));
}

net::Task<void> UpstreamPool::read_to_end(UpstreamPool* self, UpstreamPtr c, http1::BodyDecoder body) {
  c->stream.deadline().expires_in(kLastChunkMs);
  c->buffer.clear();
  while (!body.done()) {
    char* space = c->buffer.space(kReadBytes);
    auto n = co_await c->stream.read_some(space, kReadBytes);
    c->take_read(n);
    if (!n || *n == 0) co_return;
    std::string_view input = c->buffer.view();
    while (!input.empty() && !body.done())
      if (auto piece = body.next(input); !piece || piece->empty()) break;
    if (!input.empty()) {  // broken, or more than was promised
      c->broke_rules("answered more than it promised");
      co_return;
    }
    c->buffer.clear();
  }
  self->release(std::move(c));
}

void UpstreamPool::sweep() {
  for (auto it = idle_.begin(); it != idle_.end();) {
    auto& connections = it->second.connections;
    std::erase_if(connections, [](auto& c) { return !c->stream.is_open(); });
    auto& trust = it->second.trust;  // those in use share it
    it = connections.empty() && trust.use_count() == 1 && !trust->lost ? idle_.erase(it) : std::next(it);
  }
}

void UpstreamPool::close_idle() {
  idle_.clear();
}

}  // namespace sl::proxy

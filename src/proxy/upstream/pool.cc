#include "proxy/upstream/pool.h"

namespace sl::proxy {
namespace {

constexpr int64_t kIdleMs = 60'000;
constexpr int64_t kLastChunkMs = 100;  // for the end of an answer that has said all
constexpr size_t kIdlePerBackendMax = 256;

std::string common_name(SSL* ssl) {
  X509* cert = SSL_get1_peer_certificate(ssl);
  if (!cert) return "";
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
  X509_free(cert);
  return name;
}

}  // namespace

UpstreamPool::UpstreamPool(net::Loop& loop, std::shared_ptr<net::asio::ssl::context> tls,
                           std::vector<net::ResolveOverride> overrides)
    : loop_(loop), tls_(std::move(tls)), resolver_(loop, std::move(overrides)) {}

UpstreamPool::~UpstreamPool() {
  for (auto& [name, session] : sessions_) SSL_SESSION_free(session);
}

UpstreamPtr UpstreamPool::take_kept(const route::CompiledBackend& backend, size_t endpoint) {
  auto it = idle_.find(backend.pool_keys[endpoint]);
  if (it == idle_.end()) return nullptr;
  auto& pool = it->second;
  while (!pool.empty()) {
    UpstreamPtr c = std::move(pool.back());
    pool.pop_back();
    if (c->stream.stale()) continue;
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
  if (tls) {
    auto ok = co_await start_tls(*c, std::move(server_name), connect_ms, cancel);
    if (!ok) co_return fail(std::move(ok).error());
  }
  co_return c;
}

net::Task<Result<void>> UpstreamPool::start_tls(UpstreamConnection& c, std::string server_name, int64_t connect_ms,
                                                net::Cancel* cancel) {
  c.stream.deadline().expires_in(connect_ms);
  auto it = sessions_.find(server_name);
  SSL_SESSION* session = it == sessions_.end() ? nullptr : it->second;
  if (session) SSL_SESSION_up_ref(session);  // another handshake may replace it meanwhile
  net::Stream* stream = &c.stream;
  cancel->end = [stream] { stream->close(); };
  auto ok = co_await c.stream.connect_tls(*tls_, server_name, session);
  cancel->end = nullptr;
  if (session) SSL_SESSION_free(session);
  if (!ok) {
    it = sessions_.find(server_name);
    if (it != sessions_.end() && it->second == session) {  // one that no longer serves
      SSL_SESSION_free(it->second);
      sessions_.erase(it);
    }
    co_return ok;
  }
  c.stream.deadline().disarm();
  c.tls_version = SSL_get_version(c.stream.ssl());
  c.tls_peer = common_name(c.stream.ssl());
  if (c.tls_peer.empty()) c.tls_peer = server_name;
  c.server_name = std::move(server_name);
  co_return Result<void>();
}

void UpstreamPool::remember_session(const std::string& server_name, SSL* ssl) {
  SSL_SESSION* session = SSL_get1_session(ssl);
  if (!session) return;
  if (!SSL_SESSION_is_resumable(session)) {
    SSL_SESSION_free(session);
    return;
  }
  auto& slot = sessions_[server_name];
  if (slot) SSL_SESSION_free(slot);
  slot = session;
}

void UpstreamPool::note_session(UpstreamConnection& c) {
  if (c.server_name.empty() || c.session_noted || !c.stream.ssl()) return;
  c.session_noted = true;  // the ticket came with the first answer
  remember_session(c.server_name, c.stream.ssl());
}

void UpstreamPool::release(UpstreamPtr c) {
  if (!c->stream.is_open() || !c->buffer.empty()) return;
  c->buffer.shrink(kReadBytes);
  c->stream.deadline().expires_in(kIdleMs);
  auto& pool = idle_[c->key];
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
    if (!n || *n == 0) co_return;
    std::string_view input(space, *n);
    while (!input.empty() && !body.done())
      if (auto piece = body.next(input); !piece || piece->empty()) break;
    if (!input.empty()) co_return;  // broken, or more than was promised
  }
  self->release(std::move(c));
}

void UpstreamPool::sweep() {
  for (auto it = idle_.begin(); it != idle_.end();) {
    std::erase_if(it->second, [](auto& c) { return !c->stream.is_open(); });
    it = it->second.empty() ? idle_.erase(it) : std::next(it);
  }
}

void UpstreamPool::close_idle() {
  idle_.clear();
}

}  // namespace sl::proxy

// UpstreamPool: kept-alive connections of one worker to backends.
//
// Who calls: proxy/pipeline. Thread: its worker's. Last used is used first; idle ones close after kIdleMs. TLS is
// verified always, and sessions are resumed. Errors: UpstreamRefused, UpstreamTls, Timeout, naming host and cause.
// Times are monotonic_us().
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/buffer.h"
#include "base/log.h"
#include "codec/http1/body.h"
#include "net/dns/resolver.h"
#include "net/tcp/stream.h"
#include "net/tls/context.h"
#include "net/tls/sessions.h"
#include "route/snapshot/snapshot.h"

namespace sl::proxy {

inline constexpr size_t kReadBytes = 16'384;  // asked of the kernel at once
inline constexpr int64_t kTrustedUs = 300;    // see take_kept()
inline constexpr int kTrustAfter = 1'000;
inline constexpr int kLookEach = 16;

// What the connections of one backend have earned: see UpstreamPool::take_kept().
struct Trust {
  int clean = 0;      // looked at and nothing found
  int unseen = 0;     // given out since the last look
  bool lost = false;  // for good
  Log log;            // tells of the loss
};

struct UpstreamConnection {
  UpstreamConnection(net::Loop& loop, net::tcp::socket socket) : stream(loop, std::move(socket)) {}
  // Takes what a read into buffer.space() brought; every read of an answer ends here.
  void take_read(const Result<size_t>& n);
  // It broke the rules: answered more than it promised, or closed without saying so. From now on the connections of
  // its backend are looked at before each reuse.
  void broke_rules(std::string_view how);

  net::Stream stream;
  Buffer buffer;  // bytes read and not yet consumed
  std::string key;
  std::shared_ptr<Trust> trust;  // shared with the pool and the backend's other connections
  std::string server_name;       // TLS only
  std::string tls_version, tls_peer;
  bool reused = false;
  bool session_noted = false;
  int64_t read_us = 0;  // when it was last read from
};
using UpstreamPtr = std::unique_ptr<UpstreamConnection>;

class UpstreamPool {
 public:
  UpstreamPool(net::Loop& loop, net::TlsContextPtr tls, std::vector<net::ResolveOverride> overrides, Log log = {});

  // `cancel` ends it early; it lives in the caller until the answer.
  net::Task<Result<UpstreamPtr>> connect(const route::CompiledBackend* backend, size_t endpoint, int64_t connect_ms,
                                         net::Cancel* cancel);
  // The kept connection used last, or null. One with bytes that nobody asked for is closed: they would be taken for the
  // next client's answer. Looking costs a system call: a backend whose connections were clean a thousand times is
  // trusted with one that was read less than kTrustedUs ago, but for every kLookEach-th.
  UpstreamPtr take_kept(const route::CompiledBackend& backend, size_t endpoint, int64_t now_us);
  // Keeps the TLS session of a connection for the next one to that server.
  void note_session(UpstreamConnection& connection);
  // Gives back one whose last answer ended cleanly.
  void release(UpstreamPtr connection);
  // Takes one whose answer has said all but not ended yet, and keeps it if the end comes at once.
  void settle(UpstreamPtr connection, http1::BodyDecoder body);
  void close_idle();
  void sweep();  // forgets connections that closed while idle; now and then

 private:
  net::Task<Result<void>> start_tls(UpstreamConnection& connection, std::string server_name, int64_t connect_ms,
                                    net::Cancel* cancel);
  static net::Task<void> read_to_end(UpstreamPool* self, UpstreamPtr connection, http1::BodyDecoder body);

  net::Loop& loop_;
  net::TlsContextPtr tls_;
  net::Resolver resolver_;
  struct Kept {
    std::vector<UpstreamPtr> connections;
    std::shared_ptr<Trust> trust;
  };
  Kept& kept_of(const std::string& key);

  std::unordered_map<std::string, Kept> idle_;  // by pool key
  net::TlsSessions sessions_;
  Log log_;
};

}  // namespace sl::proxy

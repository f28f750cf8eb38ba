// UpstreamPool: kept-alive connections of one worker to backends.
//
// Who calls: proxy/pipeline. Thread: its worker's. Last used is used first; idle ones close after kIdleMs. TLS is
// verified always, and sessions are resumed. Errors: UpstreamRefused, UpstreamTls, Timeout, naming host and cause.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/dns/resolver.h"
#include "net/tcp/stream.h"
#include "route/spec/spec.h"

namespace sl::proxy {

struct UpstreamConnection {
  UpstreamConnection(net::Loop& loop, net::tcp::socket socket) : stream(loop, std::move(socket)) {}
  net::Stream stream;
  std::string buffer;  // bytes read and not yet consumed
  std::string key;
  std::string server_name;  // TLS only
  std::string tls_version, tls_peer;
  bool reused = false;
  bool session_noted = false;
};
using UpstreamPtr = std::unique_ptr<UpstreamConnection>;

class UpstreamPool {
 public:
  UpstreamPool(net::Loop& loop, std::shared_ptr<net::asio::ssl::context> tls,
               std::vector<net::ResolveOverride> overrides);
  ~UpstreamPool();

  // A kept connection unless `fresh`, else a new one.
  net::Task<Result<UpstreamPtr>> acquire(const route::Backend* backend, size_t endpoint, bool fresh,
                                         int64_t connect_ms);
  // Keeps the TLS session of a connection for the next one to that server.
  void note_session(UpstreamConnection& connection);
  // Gives back one whose last answer ended cleanly.
  void release(UpstreamPtr connection);
  void close_idle();
  void sweep();  // forgets connections that closed while idle; now and then

 private:
  net::Task<Result<void>> start_tls(UpstreamConnection& connection, std::string server_name, int64_t connect_ms);
  void remember_session(const std::string& server_name, SSL* ssl);

  net::Loop& loop_;
  std::shared_ptr<net::asio::ssl::context> tls_;
  net::Resolver resolver_;
  std::unordered_map<std::string, std::vector<UpstreamPtr>> idle_;
  std::unordered_map<std::string, SSL_SESSION*> sessions_;  // by server name
};

}  // namespace sl::proxy

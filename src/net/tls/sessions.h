// TlsSessions: what lets the next connection to a server skip the full handshake (RFC 8446 2.2).
// Who calls: proxy/upstream. Thread: one owner. Limits: one session a server name; the names are the configuration's.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "net/tcp/stream.h"

namespace sl::net {

using TlsSessionPtr = std::shared_ptr<SSL_SESSION>;

class TlsSessions {
 public:
  TlsSessionPtr find(const std::string& server_name) const;  // null if there is none
  // Keeps what the server gave on this connection, if it can be resumed.
  void keep(const std::string& server_name, Stream& stream);
  // One that did not serve, unless another has taken its place.
  void forget(const std::string& server_name, const TlsSessionPtr& session);

 private:
  std::unordered_map<std::string, TlsSessionPtr> sessions_;
};

}  // namespace sl::net

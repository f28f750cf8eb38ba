#include "net/tls/sessions.h"

namespace sl::net {

TlsSessionPtr TlsSessions::find(const std::string& server_name) const {
  auto it = sessions_.find(server_name);
  return it == sessions_.end() ? nullptr : it->second;
}

void TlsSessions::keep(const std::string& server_name, Stream& stream) {
  TlsSessionPtr session(SSL_get1_session(stream.ssl()), [](SSL_SESSION* s) { SSL_SESSION_free(s); });
  if (session && SSL_SESSION_is_resumable(session.get())) sessions_[server_name] = std::move(session);
}

void TlsSessions::forget(const std::string& server_name, const TlsSessionPtr& session) {
  auto it = sessions_.find(server_name);
  if (it != sessions_.end() && it->second == session) sessions_.erase(it);
}

}  // namespace sl::net

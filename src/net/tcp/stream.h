// Stream: a connected byte stream, plain or TLS, with one deadline for whatever it is waiting for.
//
// Who calls: net servers and clients, proxy. Thread: its loop's. One read and one write may be under way at
// a time. A passed deadline closes the socket, and the waiting call fails with Code::Timeout.
#pragma once

#include <boost/asio/ssl.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/loop/loop.h"

namespace sl::net {

class Stream {
 public:
  Stream(Loop& loop, tcp::socket socket);
  ~Stream();

  // Bytes read; 0 at the end of the stream (TLS: also without close_notify, told apart by truncated()).
  Task<Result<size_t>> read_some(char* data, size_t size);
  // Sends what the kernel takes at once and takes it off the front; true when that was all. What is left, and any
  // error, is for write2(). TLS streams leave everything to write2().
  bool write_now(std::string_view& first, std::string_view& second);
  // Both are awaited in place: the bytes must live until they return. Two pieces go in one system call.
  Task<Result<void>> write(std::string_view data);
  Task<Result<void>> write2(std::string_view first, std::string_view second);

  // TLS handshakes. The context must outlive the stream.
  Task<Result<void>> accept_tls(asio::ssl::context& context);
  // `server_name` is sent as SNI and checked against the certificate. `session` may resume an earlier one.
  Task<Result<void>> connect_tls(asio::ssl::context& context, std::string server_name, SSL_SESSION* session);

  // The peer ended a TLS stream without saying so: what came may be only a part.
  bool truncated() const { return truncated_; }
  void close();
  bool is_open() const { return socket_.is_open(); }
  bool readable();  // are there bytes to read (not for TLS)?
  // Readable or closed although nothing is expected: an idle pooled connection that must not be reused. TLS: records
  // that hold no data (session tickets) are taken in on the way.
  bool stale();
  // Of whatever is waited for; write_deadline() is apart for a write beside a read under way.
  Deadline& deadline() { return deadline_; }
  Deadline& write_deadline() { return write_deadline_; }
  tcp::socket& socket() { return socket_; }
  SSL* ssl() { return tls_ ? tls_->native_handle() : nullptr; }
  bool is_tls() const { return tls_ != nullptr; }
  std::string tls_version() const;                   // "TLSv1.3"; "" without TLS
  std::string tls_peer_name() const;                 // the certificate's common name; "" without one
  const std::string& peer() const { return peer_; }  // "ip:port"
  Loop& loop() { return loop_; }

 private:
  using Tls = asio::ssl::stream<tcp::socket&>;
  Error error_of(const boost::system::error_code& ec, std::string_view step);

  Loop& loop_;
  tcp::socket socket_;
  std::unique_ptr<Tls> tls_;
  Deadline deadline_, write_deadline_;
  std::string peer_;
  bool truncated_ = false;
  bool wrote_ = false;  // and nothing was read since
};

}  // namespace sl::net

#include "net/tcp/stream.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

namespace sl::net {

Stream::Stream(Loop& loop, tcp::socket socket)
    : loop_(loop),
      socket_(std::move(socket)),
      deadline_(loop, [this] { close(); }),
      write_deadline_(loop, [this] { close(); }) {
  boost::system::error_code ec;
  socket_.set_option(tcp::no_delay(true), ec);
  if (auto remote = socket_.remote_endpoint(ec); !ec)
    peer_ = remote.address().is_v6() ? fmt::format("[{}]:{}", remote.address().to_string(), remote.port())
                                     : fmt::format("{}:{}", remote.address().to_string(), remote.port());
}

Stream::~Stream() {
  // Without this OpenSSL takes the session of a connection that was just closed for one that must not be resumed.
  if (tls_) SSL_set_shutdown(tls_->native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

Error Stream::error_of(const boost::system::error_code& ec, std::string_view step) {
  if (deadline_.expired() || write_deadline_.expired())
    return {Code::Timeout, fmt::format("{} {}: deadline passed", step, peer_), {}};
  if (tls_ && ec.category() == asio::error::get_ssl_category())
    return {Code::UpstreamTls, fmt::format("{} {}: {}", step, peer_, ec.message()), {}};
  return to_error(ec, fmt::format("{} {}", step, peer_));
}

Task<Result<size_t>> Stream::read_some(char* data, size_t size) {
  // Nobody answers at once: letting others run first saves a read that finds nothing (decision 0011 counts them).
  if (std::exchange(wrote_, false)) co_await loop_.yield<2>();
  boost::system::error_code ec;
  size_t n = 0;
  if (tls_)
    std::tie(ec, n) = co_await tls_->async_read_some(asio::buffer(data, size), use_task);
  else
    std::tie(ec, n) = co_await socket_.async_read_some(asio::buffer(data, size), use_task);
  if (n > 0) co_return n;
  truncated_ = ec == asio::ssl::error::stream_truncated;
  if (ec == asio::error::eof || truncated_) co_return size_t{0};
  co_return fail(error_of(ec, "reading from"));
}

// write and write2 are awaited in place (stream.h).
Task<Result<void>> Stream::write(std::string_view data) {
  boost::system::error_code ec;
  size_t n = 0;
  if (tls_)
    std::tie(ec, n) = co_await asio::async_write(*tls_, asio::buffer(data.data(), data.size()), use_task);
  else
    std::tie(ec, n) = co_await asio::async_write(socket_, asio::buffer(data.data(), data.size()), use_task);
  if (ec) co_return fail(error_of(ec, "writing to"));
  co_return Result<void>();
}

bool Stream::write_now(std::string_view& first, std::string_view& second) {
  if (tls_) return false;
  iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                     {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  ssize_t n = second.empty() ? ::send(socket_.native_handle(), first.data(), first.size(), kFlags)
                             : ::sendmsg(socket_.native_handle(), &message, kFlags);
  if (n <= 0) return false;
  wrote_ = true;
  size_t of_first = std::min(static_cast<size_t>(n), first.size());
  first.remove_prefix(of_first);
  second.remove_prefix(static_cast<size_t>(n) - of_first);
  return first.empty() && second.empty();
}

// awaited in place
Task<Result<void>> Stream::write2(std::string_view first, std::string_view second) {
  std::array<asio::const_buffer, 2> pieces = {asio::buffer(first.data(), first.size()),
                                              asio::buffer(second.data(), second.size())};
  boost::system::error_code ec;
  size_t n = 0;
  if (tls_)
    std::tie(ec, n) = co_await asio::async_write(*tls_, pieces, use_task);
  else
    std::tie(ec, n) = co_await asio::async_write(socket_, pieces, use_task);
  if (ec) co_return fail(error_of(ec, "writing to"));
  co_return Result<void>();
}

Task<Result<void>> Stream::accept_tls(asio::ssl::context& context) {
  tls_ = std::make_unique<Tls>(socket_, context);
  auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, use_task);
  if (ec) co_return fail(error_of(ec, "TLS handshake with"));
  co_return Result<void>();
}

Task<Result<void>> Stream::connect_tls(asio::ssl::context& context, std::string server_name, SSL_SESSION* session) {
  tls_ = std::make_unique<Tls>(socket_, context);
  SSL* ssl = tls_->native_handle();
  if (server_name.starts_with('[') && server_name.ends_with(']'))
    server_name = server_name.substr(1, server_name.size() - 2);
  boost::system::error_code ip_ec;
  asio::ip::make_address(server_name, ip_ec);
  if (ip_ec) {  // a name, not an address
    SSL_set_tlsext_host_name(ssl, server_name.c_str());
    SSL_set1_host(ssl, server_name.c_str());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name.c_str());
  }
  if (session) SSL_set_session(ssl, session);
  auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::client, use_task);
  if (!ec) co_return Result<void>();
  long verify = SSL_get_verify_result(ssl);
  if (verify != X509_V_OK && !deadline_.expired())
    co_return fail(Code::UpstreamTls, fmt::format("TLS to {} ({}): certificate not trusted: {}", server_name, peer_,
                                                  X509_verify_cert_error_string(verify)));
  co_return fail(error_of(ec, fmt::format("TLS handshake as {} with", server_name)));
}

std::string Stream::tls_version() const {
  return tls_ ? SSL_get_version(tls_->native_handle()) : "";
}

std::string Stream::tls_peer_name() const {
  std::unique_ptr<X509, void (*)(X509*)> cert(tls_ ? SSL_get1_peer_certificate(tls_->native_handle()) : nullptr,
                                              X509_free);
  char name[256] = "";
  if (cert) X509_NAME_get_text_by_NID(X509_get_subject_name(cert.get()), NID_commonName, name, sizeof name);
  return name;
}

void Stream::close() {
  boost::system::error_code ec;
  socket_.close(ec);
}

bool Stream::readable() {
  char byte;
  return socket_.is_open() && ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool Stream::stale() {
  if (!socket_.is_open()) return true;
  char byte;
  if (tls_) {  // data may already have left the socket
    boost::system::error_code ec;
    if (!socket_.non_blocking()) socket_.non_blocking(true, ec);
    if (!ec) tls_->read_some(asio::buffer(&byte, 1), ec);
    return ec != asio::error::would_block;
  }
  ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return !(n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

}  // namespace sl::net

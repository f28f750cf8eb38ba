// Plain blocking sockets on the loopback for tests: a peer that says exactly the bytes it is told to.
// Who calls: tests of net/ and proxy/ only. Thread: one owner each. No wait is longer than kPeerWaitMs.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace sl::net::testing {

inline constexpr int kPeerWaitMs = 20'000;

class RawSocket {
 public:
  RawSocket() = default;
  explicit RawSocket(int fd) : fd_(fd) {
    int on = 1;  // every piece is sent at once
    if (fd >= 0) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    unread_ = std::move(other.unread_);
    return *this;
  }
  ~RawSocket() { close(); }

  static RawSocket connect(uint16_t port) {
    RawSocket out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(out.fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) out.close();
    return out;
  }

  bool open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  // False when the other side no longer takes bytes.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd p{fd_, POLLOUT, 0};
      if (::poll(&p, 1, kPeerWaitMs) <= 0) return false;
      ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Everything up to and with `end`; what came so far if the connection ends first.
  std::string read_until(std::string_view end) {
    for (;;) {
      if (size_t at = unread_.find(end); at != std::string::npos) return take(at + end.size());
      if (!fill()) return take(unread_.size());
    }
  }
  std::string read(size_t size) {
    while (unread_.size() < size && fill()) {
    }
    return take(std::min(size, unread_.size()));
  }
  std::string read_to_end() {
    while (fill()) {
    }
    return take(unread_.size());
  }
  // A message with a Content-Length, or only its head if there is none.
  std::string read_message() {
    std::string head = read_until("\r\n\r\n");
    size_t at = head.find("Content-Length: ");
    return at == std::string::npos ? head : head + read(std::stoul(head.substr(at + 16)));
  }
  void end() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  std::string take(size_t size) {
    std::string out = unread_.substr(0, size);
    unread_.erase(0, size);
    return out;
  }
  bool fill() {
    pollfd p{fd_, POLLIN, 0};
    if (fd_ < 0 || ::poll(&p, 1, kPeerWaitMs) <= 0) return false;
    char bytes[65536];
    ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n > 0) unread_.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }

  int fd_ = -1;
  std::string unread_;
};

// Listens on a port of its own; `serve` runs on a thread for each connection, one after another.
class RawServer {
 public:
  explicit RawServer(std::function<void(RawSocket&)> serve) : serve_(std::move(serve)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::listen(fd_, 16);
    socklen_t size = sizeof at;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] {
      for (;;) {
        RawSocket client(::accept(fd_, nullptr, nullptr));
        if (!client.open() || !begin(client.fd())) return;
        ++accepted_;
        serve_(client);
        begin(-1);
      }
    });
  }
  // Ends the connection being served.
  ~RawServer() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      if (serving_ >= 0) ::shutdown(serving_, SHUT_RDWR);
    }
    ::shutdown(fd_, SHUT_RDWR);  // wakes accept
    thread_.join();
    ::close(fd_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  uint16_t port() const { return port_; }
  int accepted() const { return accepted_; }

 private:
  bool begin(int serving) {
    std::lock_guard lock(mutex_);
    serving_ = serving;
    return !ended_;
  }

  std::function<void(RawSocket&)> serve_;
  int fd_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::mutex mutex_;
  int serving_ = -1;
  bool ended_ = false;
  std::thread thread_;
};

// A port on which nobody listens.
inline uint16_t closed_port() {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at);
  socklen_t size = sizeof at;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(fd);
  return ntohs(at.sin_port);
}

}  // namespace sl::net::testing

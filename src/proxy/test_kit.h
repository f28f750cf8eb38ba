// The data plane in this process, between a client and a backend whose every byte the test decides. For tests alone.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "base/ids.h"
#include "codec/http1/body.h"
#include "net/tcp/raw_peer.h"
#include "proxy/data_plane.h"

namespace sl::proxy::test_kit {

using net::testing::RawServer;
using net::testing::RawSocket;

struct Sink : observe::RecordSink {
  void take(std::vector<observe::RecordPtr> records) override {
    std::lock_guard lock(mutex);
    for (auto& r : records) all.push_back(std::move(*r));
  }
  std::mutex mutex;
  std::vector<observe::Record> all;
};

// Answers every request of every connection with the same pieces; "<close>" ends the connection.
class Backend {
 public:
  explicit Backend(std::vector<std::string> pieces)
      : pieces_(std::move(pieces)), server_([this](RawSocket& s) { serve(s); }) {}
  uint16_t port() const { return server_.port(); }
  int accepted() const { return server_.accepted(); }
  std::string request() {  // the last one
    std::lock_guard lock(mutex_);
    return requests_.empty() ? "" : requests_.back();
  }
  size_t count() {
    std::lock_guard lock(mutex_);
    return requests_.size();
  }
  void answer_with(std::vector<std::string> pieces) {
    std::lock_guard lock(mutex_);
    pieces_ = std::move(pieces);
  }

 private:
  void serve(RawSocket& s) {
    for (;;) {
      std::string request = s.read_message();
      if (request.empty()) return;
      std::vector<std::string> pieces;
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
        pieces = pieces_;
      }
      for (auto& piece : pieces)
        if (piece == "<close>" || !s.send(piece)) return;
    }
  }
  std::mutex mutex_;
  std::vector<std::string> pieces_, requests_;
  RawServer server_;
};

inline std::string body_of(const std::string& message) {
  return message.substr(std::min(message.size(), message.find("\r\n\r\n") + 4));
}
inline std::string answer(std::string_view body, std::string_view fields = "") {
  return fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}", fields, body.size(), body);
}
// The payload of a whole chunked message; "cut: ..." if its end is missing.
inline std::string dechunked(const std::string& message) {
  std::string_view rest = message;
  rest.remove_prefix(std::min(rest.size(), rest.find("\r\n\r\n") + 4));
  http1::BodyDecoder body(http1::Framing::Chunked, 0);
  std::string out;
  while (!body.done()) {
    auto piece = body.next(rest);
    if (!piece || piece->empty()) break;
    out += *piece;
  }
  return (body.done() ? "" : "cut: ") + out;
}

inline size_t count_of(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

class Plane : public ::testing::Test {
 protected:
  // One listener whose "/" goes to this backend.
  static route::RouteSpec spec(uint16_t port) {
    route::RouteSpec s;
    s.listeners = {{.gateway = "ns/gw", .name = "http", .host = "127.0.0.1", .port = 0}};
    s.backends = {{.name = "ns/b", .endpoints = {{"127.0.0.1", port}}}};
    route::Rule rule;
    rule.backends = {{.backend = "ns/b"}};
    s.routes = {{.name = "ns/r", .listeners = {"ns/gw/http"}, .rules = {rule}}};
    return s;
  }
  static route::RouteSpec model_spec(uint16_t port, std::string provider) {
    auto s = spec(port);
    s.backends[0].ai = route::AiTarget{.provider = std::move(provider)};
    s.backends[0].ai->auth = {.kind = "key", .source = "secret", .credential = "sk-secret"};
    return s;
  }
  void start(route::RouteSpec s) {
    options_.sink = &sink_;
    options_.identity_token = "token";
    options_.llm_body_bytes_max = 10'000;
    plane_ = std::make_unique<DataPlane>(1, options_);
    plane_->start();
    auto ok = plane_->publish(std::move(s));
    ASSERT_TRUE(ok) << ok.error().message;
    std::string bound = plane_->bound("127.0.0.1:0");
    ASSERT_FALSE(bound.empty());
    port_ = net::parse_endpoint(bound)->port();
  }
  void TearDown() override {
    if (plane_) plane_->drain(0);
    plane_.reset();
  }
  RawSocket connect() { return RawSocket::connect(port_); }
  std::string get(std::string_view fields = "", std::string_view path = "/") {
    ++asked_;
    auto s = connect();
    s.send(fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n{}\r\n", path, fields));
    return s.read_message();
  }
  // A chat request; all that comes back until the gateway closes.
  std::string chat(std::string_view body, std::string_view fields = "") {
    ++asked_;
    auto s = connect();
    s.send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}Content-Length: "
                    "{}\r\n\r\n{}",
                    fields, body.size(), body));
    return s.read_to_end();
  }
  // The last record; it is finished a little after its answer.
  observe::Record record() {
    for (int64_t until = monotonic_ms() + 10'000; monotonic_ms() < until;) {
      plane_->flush_records();
      std::lock_guard lock(sink_.mutex);
      if (!sink_.all.empty() && sink_.all.size() >= asked_) return sink_.all.back();
    }
    ADD_FAILURE() << "no record";
    return {};
  }

  Sink sink_;
  WorkerOptions options_;
  std::unique_ptr<DataPlane> plane_;
  uint16_t port_ = 0;
  size_t asked_ = 0;  // requests of get() and chat()
};

}  // namespace sl::proxy::test_kit

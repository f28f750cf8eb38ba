// Connection: one client of the data plane, from accept to close; requests on it are served one after another.
//
// Who calls: proxy/worker. Thread: its worker's. Limits: 64 KiB head, 128 fields, deadlines in connection.cc.
#pragma once

#include "base/buffer.h"
#include "codec/http1/body.h"
#include "codec/http1/head.h"
#include "net/tcp/stream.h"
#include "proxy/worker/worker.h"

namespace sl::proxy {

class Connection {
 public:
  // Texts that every request needs: their memory is kept from one to the next.
  struct Scratch {
    std::string request;  // towards the upstream
    std::string answer;   // towards the client
    std::string fields;   // of the answer, before it is known whether it can be made
    std::string head;     // the upstream's head, as it came
    http1::ResponseHead parsed;
  };
  Connection(Worker* worker, net::tcp::socket socket, std::string bind);
  ~Connection();

  net::Task<void> serve();

  bool idle() const { return idle_; }
  bool waiting_for_upstream() const { return upstream_ || connecting_; }
  int fd() { return stream_.socket().native_handle(); }
  void client_left();  // cancels the upstream call under way
  void end_wait();     // for a next request; one that has come already is served
  void close() { stream_.close(); }

  // For the exchange under way (pipeline/exchange.cc).
  Worker& worker() { return *worker_; }
  net::Stream& stream() { return stream_; }
  const std::string& bind() const { return bind_; }
  const http1::RequestHead& head() const { return head_; }
  http1::BodyDecoder& body() { return body_; }
  // The next piece of the request body; empty at its end. The view lives until the next call.
  net::Task<Result<std::string_view>> read_body();
  // What of the body is already here; consumes it. For bodies that arrived with the head.
  // The view is into what was read, or into `store` if the body came in pieces; it lives until the next read.
  Result<std::string_view> buffered_body(std::string& store);
  Scratch& scratch() { return scratch_; }
  // What client_left() ends: the connection in use, or the attempt to make one. Null as soon as it is gone.
  void watch_upstream(net::Stream* upstream) { upstream_ = upstream; }
  void watch_connecting(net::Cancel* connecting) { connecting_ = connecting; }
  bool left() const { return left_; }

 private:
  // 0: nothing more to serve.
  net::Task<Result<size_t>> read_head();
  net::Task<Result<bool>> fill();
  net::Task<void> linger();
  void go_idle();

  Worker* worker_;
  Worker::ConnectionList::iterator self_;
  net::Stream stream_;
  std::string bind_;
  Buffer buffer_;
  Scratch scratch_;
  std::string head_text_;  // the head under way: views of head_ point here
  http1::RequestHead head_;
  http1::BodyDecoder body_;
  net::Stream* upstream_ = nullptr;
  net::Cancel* connecting_ = nullptr;
  bool idle_ = true;
  bool left_ = false;
};

net::Task<void> serve_connection(Worker* worker, net::tcp::socket socket, std::string bind);

}  // namespace sl::proxy

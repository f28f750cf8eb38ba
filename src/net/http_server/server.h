// HttpServer: the HTTP/1.1 server of the API, the web page, A2A, admin and metrics (not of the data path).
//
// A request arrives whole (body bounded); the answer is given at once or streamed, from any thread, through
// HttpResponder. No Asio in this header, so that handlers compile without it.
// Who calls: kube/apiserver, agent/server, app. Thread: handlers run on the server's loop.
// Limits: ServerLimits; a slow reader of a stream is cut off once queue_bytes_max wait for it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace boost::asio::ssl {
class context;
}

namespace sl::net {

class Loop;

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;
  std::string target;
  std::string path;  // percent-decoded
  std::string raw_path;
  std::string query;  // without "?"
  Headers headers;
  std::string body;
  std::string peer;  // "ip:port"

  std::string_view header(std::string_view name) const;  // "" if absent
  // Percent-decoded value of the first such query parameter; "" if absent.
  std::string query_value(std::string_view name) const;
  bool has_query(std::string_view name) const;
  std::vector<std::string> query_values(std::string_view name) const;
};

// Where a handler puts its answer. Thread-safe; calls after the client has gone are ignored.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  virtual void respond(int status, Headers headers, std::string body) = 0;
  // A streamed answer: start once, write any number of times, end once. A reader that leaves more than queue_bytes_max
  // waiting is cut off; a `burst` is what it asked for at once, and does not count.
  virtual void start(int status, Headers headers) = 0;
  virtual void write(std::string bytes, bool burst = false) = 0;
  virtual void end() = 0;
  // Resets the connection after what was written so far (for a server that plays broken).
  virtual void abort() = 0;
  virtual bool closed() const = 0;
  // Runs on the server's loop once when the client goes away before the end. Set it before or after start.
  virtual void on_close(std::function<void()> fn) = 0;
};
using HttpResponderPtr = std::shared_ptr<HttpResponder>;
using HttpHandler = std::function<void(HttpRequest, HttpResponderPtr)>;

struct ServerLimits {
  size_t body_bytes_max = 16u << 20;
  size_t queue_bytes_max = 16u << 20;
  int64_t idle_ms = 120'000;    // keep-alive wait
  int64_t request_ms = 30'000;  // from first byte to whole request
  size_t connections_max = 10'000;
};

// The body (and its content type) for a request that never reached the handler: malformed, or over a limit.
struct ErrorBody {
  std::string content_type, text;
};
using ErrorRenderer = std::function<ErrorBody(int status, const Error& error)>;

class HttpServer {
 public:
  // `tls` null: plain HTTP. The handler and the context outlive the server.
  HttpServer(Loop& loop, std::shared_ptr<boost::asio::ssl::context> tls, HttpHandler handler, ServerLimits limits = {});
  ~HttpServer();

  // "IP:PORT"; port 0 picks one. Returns the bound address as "IP:PORT".
  Result<std::string> listen(const std::string& address);
  // Plain text unless this is set; before listen().
  void render_errors(ErrorRenderer renderer);
  // Stops accepting and closes connections; call from outside the loop before it stops.
  void close();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

std::string_view reason_phrase(int status);

}  // namespace sl::net

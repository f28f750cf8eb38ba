// HttpClient: HTTP/1.1 requests with streamed answers, for the agent runtime, A2A and the command line
// (the data path has its own pools in proxy/upstream).
//
// Who calls: agent, app/cli. Thread: its loop's; fetch() from any other thread.
// One connection per request is kept for reuse when the answer ended cleanly; closing an exchange early
// closes the connection, which is what cancels the work on the other side.
#pragma once

#include <boost/asio/ssl.hpp>
#include <deque>
#include <memory>
#include <string>

#include "codec/http1/body.h"
#include "net/dns/resolver.h"
#include "net/http_server/server.h"
#include "net/tcp/stream.h"

namespace sl::net {

struct Url {
  bool tls = false;
  std::string host;
  uint16_t port = 0;
  std::string path;  // with query, starts with "/"
};
// http or https with a host. The error shows the mended form where one is likely ("http:host" -> "http://host").
Result<Url> parse_url(std::string_view text);

// Whom a request went to, for its record. TLS parts are empty without TLS.
struct Peer {
  std::string endpoint;  // "HOST:PORT" of the URL
  std::string address;   // "IP:PORT"
  std::string tls_version, tls_name;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::string connect_to;  // "IP:PORT" to connect to instead of the URL's; Host and TLS names stay the URL's
  Headers headers;
  std::string body;
  int64_t connect_ms = 10'000;
  int64_t idle_ms = 300'000;  // longest silence while waiting for bytes
  Peer* peer = nullptr;       // filled as soon as there is a connection, also when the request fails later
};

// What cancels a request, from before its connection is there until its answer is through.
struct AbortState {
  bool cancelled = false;
  std::weak_ptr<Stream> stream;
};

// One request under way: the head has arrived, the body is read piece by piece.
class Exchange {
 public:
  int status = 0;
  Headers headers;

  std::string_view header(std::string_view name) const;
  // The next piece of the body; empty at its proper end. A cut body is Code::UpstreamClosed.
  Task<Result<std::string>> read();
  // The rest of the body, at most bytes_max.
  Task<Result<std::string>> read_all(size_t bytes_max = 16u << 20);
  // Gives up: closes the connection; a read under way fails. Loop thread only.
  void abort();

 private:
  friend class HttpClient;
  std::shared_ptr<Stream> stream_;
  http1::BodyDecoder body_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t idle_ms_ = 0;
  bool keep_alive_ = false;
  std::string pool_key_;
  std::shared_ptr<AbortState> abort_;
  class HttpClient* client_ = nullptr;
};

struct ClientAnswer {
  int status = 0;
  Headers headers;
  std::string body;
};

class HttpClient {
 public:
  // `tls` may be null when only http: URLs are used.
  HttpClient(Loop& loop, std::shared_ptr<asio::ssl::context> tls, std::vector<ResolveOverride> overrides = {});

  Loop& loop() const { return loop_; }

  // Sends the request and waits for the head. *aborter, if given, is set to a function that cancels the
  // request until its answer is through; then it does nothing (loop thread only).
  Task<Result<std::unique_ptr<Exchange>>> send(ClientRequest request, std::function<void()>* aborter = nullptr);
  // Blocking form, from a thread that is not the loop's.
  Result<ClientAnswer> fetch(ClientRequest request);
  // Blocking and streamed: `piece` gets the body as it arrives, on the loop's thread.
  Result<ClientAnswer> stream(ClientRequest request, std::function<void(std::string_view)> piece);

 private:
  friend class Exchange;
  Task<Result<std::shared_ptr<Stream>>> open(const ClientRequest& request, Url url, bool& reused);
  Task<Result<std::unique_ptr<Exchange>>> try_once(ClientRequest& request, Url url, bool& reused,
                                                   std::shared_ptr<AbortState> abort);
  Task<Result<void>> read_head(Exchange& exchange, bool to_head);

  Loop& loop_;
  std::shared_ptr<asio::ssl::context> tls_;
  Resolver resolver_;
  std::map<std::string, std::deque<std::shared_ptr<Stream>>> idle_;
};

}  // namespace sl::net

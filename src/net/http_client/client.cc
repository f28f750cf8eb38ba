#include "net/http_client/client.h"

#include <future>

#include "base/strings.h"

namespace sl::net {

Result<Url> parse_url(std::string_view text) {
  Url out;
  std::string_view rest = text;
  if (rest.starts_with("https:")) {
    out.tls = true;
    rest.remove_prefix(6);
  } else if (rest.starts_with("http:")) {
    rest.remove_prefix(5);
  } else {
    return fail(Code::InvalidArgument, fmt::format("URL \"{}\" must start with http:// or https://", text));
  }
  if (!rest.starts_with("//")) {
    while (rest.starts_with("/")) rest.remove_prefix(1);
    return fail(Code::InvalidArgument,
                fmt::format("URL \"{}\" lacks \"//\" after the scheme; did you mean \"{}://{}\"?", text,
                            out.tls ? "https" : "http", rest));
  }
  rest.remove_prefix(2);
  size_t end = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, end);
  out.path = end == std::string_view::npos ? "/" : std::string(rest.substr(end));
  if (size_t hash = out.path.find('#'); hash != std::string::npos) out.path.resize(hash);
  if (out.path.empty() || out.path[0] != '/') out.path = "/" + out.path;
  if (authority.find('@') != std::string_view::npos)
    return fail(Code::InvalidArgument, "a URL with user information is refused: credentials belong in a Secret");
  size_t close = authority.rfind(']');
  size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (close == std::string_view::npos || colon > close)) {
    auto port = parse_uint(authority.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535)
      return fail(Code::InvalidArgument, fmt::format("URL \"{}\" has an invalid port", text));
    out.port = static_cast<uint16_t>(*port);
    authority = authority.substr(0, colon);
  } else {
    out.port = out.tls ? 443 : 80;
  }
  out.host = authority;
  bool bad = out.host.empty();
  for (unsigned char c : out.host) bad |= c <= 0x20 || c == 0x7f;
  for (unsigned char c : out.path) bad |= c <= 0x20 || c == 0x7f;
  if (bad) return fail(Code::InvalidArgument, fmt::format("URL \"{}\" has no valid host and path", text));
  return out;
}

std::string_view Exchange::header(std::string_view name) const {
  for (auto& [key, value] : headers)
    if (iequals(key, name)) return value;
  return {};
}

Task<Result<std::string>> Exchange::read() {
  for (;;) {
    std::string_view input = std::string_view(buffer_).substr(at_);
    size_t before = input.size();
    auto piece = body_.next(input);
    if (!piece) co_return fail(Code::UpstreamProtocol, piece.error().message);
    at_ += before - input.size();
    if (!piece->empty()) co_return std::string(*piece);
    if (body_.done()) {
      if (abort_) abort_->stream.reset();  // the connection serves others from here on
      if (stream_ && keep_alive_ && at_ == buffer_.size()) {
        stream_->deadline().disarm();
        auto& pool = client_->idle_[pool_key_];
        if (pool.size() < 8) pool.push_back(stream_);
      }
      stream_.reset();
      co_return std::string();
    }
    if (!stream_) co_return fail(Code::Cancelled, "request was aborted");
    buffer_.resize(16384);
    at_ = 0;
    stream_->deadline().expires_in(idle_ms_);
    auto stream = stream_;
    auto n = co_await stream->read_some(buffer_.data(), buffer_.size());
    buffer_.resize(n ? *n : 0);
    if (!n) {
      stream_.reset();  // nothing more can come of it
      co_return fail(std::move(n).error());
    }
    if (*n == 0) {
      bool proper = body_.end_of_input();
      stream_.reset();
      if (proper) {
        body_ = http1::BodyDecoder();
        co_return std::string();
      }
      co_return fail(Code::UpstreamClosed, "the connection was closed in the middle of the answer");
    }
  }
}

Task<Result<std::string>> Exchange::read_all(size_t bytes_max) {
  std::string all;
  for (;;) {
    auto piece = co_await read();
    if (!piece) co_return fail(std::move(piece).error());
    if (piece->empty()) co_return all;
    all += *piece;
    if (all.size() > bytes_max) co_return fail(Code::TooLarge, fmt::format("answer is over {} bytes", bytes_max));
  }
}

void Exchange::abort() {
  if (stream_) stream_->close();
  stream_.reset();
}

HttpClient::HttpClient(Loop& loop, std::shared_ptr<asio::ssl::context> tls, std::vector<ResolveOverride> overrides)
    : loop_(loop), tls_(std::move(tls)), resolver_(loop, std::move(overrides)) {}

// Which requests may share a kept connection.
static std::string pool_key(const ClientRequest& request, const Url& url) {
  return fmt::format("{}:{}:{}:{}", url.tls, url.host, url.port, request.connect_to);
}

Task<Result<std::shared_ptr<Stream>>> HttpClient::open(const ClientRequest& request, Url url, bool& reused) {
  auto& pool = idle_[pool_key(request, url)];
  while (!pool.empty()) {
    auto stream = pool.back();
    pool.pop_back();
    if (stream->stale()) continue;
    reused = true;
    co_return stream;
  }
  reused = false;
  std::string host = url.host;
  uint16_t port = url.port;
  if (!request.connect_to.empty()) {
    auto target = parse_endpoint(request.connect_to);
    if (!target) co_return fail(std::move(target).error());
    host = target->address().to_string();
    port = target->port();
  }
  auto socket = co_await resolver_.connect(host, port, request.connect_ms);
  if (!socket) co_return fail(std::move(socket).error());
  auto stream = std::make_shared<Stream>(loop_, std::move(*socket));
  if (url.tls) {
    if (!tls_) co_return fail(Code::Unsupported, "this client was made without TLS");
    stream->deadline().expires_in(request.connect_ms);
    auto ok = co_await stream->connect_tls(*tls_, url.host, nullptr);
    if (!ok) co_return fail(std::move(ok).error());
  }
  co_return stream;
}

Task<Result<void>> HttpClient::read_head(Exchange& exchange, bool to_head) {
  size_t seen = 0;
  for (;;) {
    size_t end = http1::find_head_end(exchange.buffer_, seen);
    if (end) {
      http1::ResponseHead head;
      auto parsed = http1::parse_response(std::string_view(exchange.buffer_).substr(0, end), head, to_head);
      if (!parsed) co_return fail(Code::UpstreamProtocol, parsed.error().message);
      if (head.status >= 200) {
        exchange.status = head.status;
        for (auto& f : head.fields) exchange.headers.emplace_back(f.name, f.value);
        exchange.body_ = http1::BodyDecoder(head.framing, head.content_length);
        exchange.keep_alive_ = head.keep_alive;
        exchange.at_ = end;
        co_return Result<void>();
      }
      exchange.buffer_.erase(0, end);  // 1xx
      seen = 0;
      continue;
    }
    seen = exchange.buffer_.size();
    if (seen > 65536) co_return fail(Code::UpstreamProtocol, "response head is too large");
    exchange.buffer_.resize(seen + 16384);
    auto n = co_await exchange.stream_->read_some(exchange.buffer_.data() + seen, 16384);
    exchange.buffer_.resize(seen + (n ? *n : 0));
    if (!n) co_return fail(std::move(n).error());
    if (*n == 0) co_return fail(Code::UpstreamClosed, "the connection was closed before the answer");
  }
}

// A header that cannot be sent as it is must not become two.
static Result<void> check_headers(const ClientRequest& r) {
  auto clean = [](std::string_view s) {
    for (unsigned char c : s)
      if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    return true;
  };
  for (auto& [name, value] : r.headers)
    if (!http1::is_token(name) || !clean(value))
      return fail(Code::InvalidArgument, fmt::format("header \"{}\" holds characters that cannot be sent", name));
  return {};
}

Task<Result<std::unique_ptr<Exchange>>> HttpClient::try_once(ClientRequest& request, Url url, bool& reused,
                                                             std::shared_ptr<AbortState> abort) {
  auto stream = co_await open(request, url, reused);
  if (!stream) co_return fail(std::move(stream).error());
  if (abort->cancelled) co_return fail(Code::Cancelled, "the request was cancelled");
  abort->stream = *stream;
  if (request.peer)
    *request.peer = {fmt::format("{}:{}", url.host, url.port), (*stream)->peer(), (*stream)->tls_version(),
                     (*stream)->tls_peer_name()};
  auto exchange = std::make_unique<Exchange>();
  exchange->client_ = this;
  exchange->stream_ = *stream;
  exchange->abort_ = abort;
  exchange->idle_ms_ = request.idle_ms;
  exchange->pool_key_ = pool_key(request, url);
  bool default_port = url.port == (url.tls ? 443 : 80);
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}{}\r\n", request.method, url.path, url.host,
                                 default_port ? "" : fmt::format(":{}", url.port));
  for (auto& [name, value] : request.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH")
    head += fmt::format("Content-Length: {}\r\n", request.body.size());
  head += "\r\n";
  exchange->stream_->deadline().expires_in(request.idle_ms);
  auto sent = co_await exchange->stream_->write2(head, request.body);
  if (!sent) co_return fail(std::move(sent).error());
  auto got = co_await read_head(*exchange, request.method == "HEAD");
  if (!got) co_return fail(std::move(got).error());
  co_return exchange;
}

Task<Result<std::unique_ptr<Exchange>>> HttpClient::send(ClientRequest request, std::function<void()>* aborter) {
  auto url = parse_url(request.url);
  if (!url) co_return fail(std::move(url).error());
  auto fine = check_headers(request);
  if (!fine) co_return fail(std::move(fine).error());
  auto abort = std::make_shared<AbortState>();
  if (aborter)
    *aborter = [abort] {
      abort->cancelled = true;
      if (auto s = abort->stream.lock()) s->close();
    };
  bool repeatable = request.method == "GET" || request.method == "HEAD";
  for (;;) {
    bool reused = false;
    auto exchange = co_await try_once(request, *url, reused, abort);
    if (abort->cancelled) co_return fail(Code::Cancelled, "the request was cancelled");
    // A kept connection may have been closed by the other side just now; nothing was answered on it.
    if (!exchange && reused && repeatable && exchange.error().code == Code::UpstreamClosed) continue;
    co_return exchange;
  }
}

Result<ClientAnswer> HttpClient::stream(ClientRequest request, std::function<void(std::string_view)> piece) {
  auto done = std::make_shared<std::promise<Result<ClientAnswer>>>();
  auto future = done->get_future();
  auto run = [](HttpClient* self, ClientRequest req, std::function<void(std::string_view)> on_piece,
                std::shared_ptr<std::promise<Result<ClientAnswer>>> out) -> Task<void> {
    auto exchange = co_await self->send(std::move(req));
    if (!exchange) {
      out->set_value(fail(std::move(exchange).error()));
      co_return;
    }
    ClientAnswer answer;
    answer.status = (*exchange)->status;
    answer.headers = (*exchange)->headers;
    for (;;) {
      auto got = co_await (*exchange)->read();
      if (!got) {
        out->set_value(fail(std::move(got).error()));
        co_return;
      }
      if (got->empty()) break;
      if (on_piece)
        on_piece(*got);
      else
        answer.body += *got;
    }
    out->set_value(std::move(answer));
  };
  loop_.spawn(run(this, std::move(request), std::move(piece), done));
  return future.get();
}

Result<ClientAnswer> HttpClient::fetch(ClientRequest request) {
  return stream(std::move(request), nullptr);
}

}  // namespace sl::net

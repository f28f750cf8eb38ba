#include "net/http_server/server.h"

#include <poll.h>

#include <deque>
#include <set>

#include "base/strings.h"
#include "codec/http1/body.h"
#include "codec/http1/head.h"
#include "net/dns/resolver.h"
#include "net/tcp/stream.h"

namespace sl::net {

std::string_view HttpRequest::header(std::string_view name) const {
  for (auto& [key, value] : headers)
    if (iequals(key, name)) return value;
  return {};
}

std::vector<std::string> HttpRequest::query_values(std::string_view name) const {
  std::vector<std::string> out;
  if (query.empty()) return out;
  for (auto part : split(query, '&')) {
    size_t eq = part.find('=');
    auto key = percent_decode(part.substr(0, eq), true);
    if (!key || *key != name) continue;
    auto value = percent_decode(eq == std::string_view::npos ? std::string_view() : part.substr(eq + 1), true);
    if (value) out.push_back(*value);
  }
  return out;
}
std::string HttpRequest::query_value(std::string_view name) const {
  auto all = query_values(name);
  return all.empty() ? std::string() : all[0];
}
bool HttpRequest::has_query(std::string_view name) const {
  return !query_values(name).empty();
}

struct HttpServer::State {
  Loop& loop;
  std::shared_ptr<asio::ssl::context> tls;
  HttpHandler handler;
  ServerLimits limits;
  ErrorRenderer render_error;
  std::unique_ptr<tcp::acceptor> acceptor;
  std::set<Stream*> streams;
  // Clients whose request waits for its handler, with what to call when they leave.
  std::map<Stream*, std::function<void()>> waiting;
  bool closing = false;
};

namespace {

using StatePtr = std::shared_ptr<HttpServer::State>;

// How the connection goes on after an answer, and in what form the client takes it.
struct Form {
  bool keep_alive = true;
  bool head_only = false;  // HEAD
  bool old = false;        // HTTP/1.0: no chunks, keep-alive is announced
};

std::string head_text(int status, const Headers& headers, Form form) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
  for (auto& [name, value] : headers) {
    out += name;
    out += ": ";
    for (char c : value)  // a handler's value can never start a new line
      if (c != '\r' && c != '\n') out += c;
    out += "\r\n";
  }
  if (!form.keep_alive)
    out += "Connection: close\r\n";
  else if (form.old)
    out += "Connection: keep-alive\r\n";
  return out;
}

// Joins a handler's answer, given on any thread, to the connection's writing coroutine.
class Responder : public HttpResponder, public std::enable_shared_from_this<Responder> {
 public:
  Responder(Loop& loop, size_t queue_max, Form form)
      : loop_(loop), wake_(loop.io()), queue_max_(queue_max), form_(form) {}

  void respond(int status, Headers headers, std::string body) override {
    bool bodiless = status == 204 || status == 304;
    if (!bodiless) headers.emplace_back("Content-Length", std::to_string(body.size()));
    std::string text = head_text(status, headers, form_) + "\r\n";
    if (!bodiless && !form_.head_only) text += body;
    push(std::move(text), true, false, false);
  }
  void start(int status, Headers headers) override {
    if (!form_.old) headers.emplace_back("Transfer-Encoding", "chunked");
    // The connection is watched for the client's leaving while a stream runs, so it ends with the stream.
    Form last = form_;
    last.keep_alive = false;
    push(head_text(status, headers, last) + "\r\n", form_.head_only, true, false);
  }
  void write(std::string bytes, bool burst) override {
    if (bytes.empty()) return;
    if (form_.old) return push(std::move(bytes), false, true, burst);
    std::string chunk;
    http1::append_chunk_head(bytes.size(), chunk);
    chunk += bytes;
    chunk += "\r\n";
    push(std::move(chunk), false, true, burst);
  }
  void end() override { push(form_.old ? std::string() : std::string(http1::kLastChunk), true, true, false); }
  void abort() override {
    asio::post(loop_.io(), [self = shared_from_this()] {
      self->aborted_ = true;
      self->wake_.cancel();
    });
  }
  bool closed() const override { return closed_; }
  void on_close(std::function<void()> fn) override {
    asio::post(loop_.io(), [self = shared_from_this(), fn = std::move(fn)]() mutable {
      if (self->finished_) return;
      if (self->closed_)
        fn();
      else
        self->on_close_ = std::move(fn);
    });
  }

  // Below: the connection's side, on the loop.
  void client_gone() {
    if (closed_.exchange(true)) return;
    if (auto fn = std::move(on_close_)) fn();
    queue_.clear();  // whoever still holds the responder must not hold what nobody will read
    wake_.cancel();
  }
  void finish() {
    finished_ = true;
    queue_.clear();
    closed_ = true;
    on_close_ = nullptr;
  }
  Task<std::string> next() {  // "" when the client is gone
    while (queue_.empty() && !closed_ && !aborted_) {
      wake_.expires_at(Timer::time_point::max());
      co_await wake_.async_wait(use_task);
    }
    std::string all;
    while (!queue_.empty()) {
      all += queue_.front();
      queue_.pop_front();
    }
    queued_ = 0;
    co_return closed_ ? std::string() : all;
  }
  bool ended() const { return ended_ && queue_.empty(); }
  bool streaming() const { return streaming_; }
  bool aborted() const { return aborted_; }

 private:
  void push(std::string text, bool last, bool streamed, bool burst) {
    if (closed_) return;
    asio::post(loop_.io(), [self = shared_from_this(), text = std::move(text), last, streamed, burst]() mutable {
      if (self->ended_ || self->closed_) return;
      self->streaming_ |= streamed;
      if (!burst) self->queued_ += text.size();
      self->queue_.push_back(std::move(text));
      self->ended_ = last;
      if (streamed && self->queued_ > self->queue_max_) self->client_gone();  // too slow a reader
      self->wake_.cancel();
    });
  }

  Loop& loop_;
  Timer wake_;
  size_t queue_max_;
  size_t queued_ = 0;
  Form form_;
  bool ended_ = false;
  bool streaming_ = false;
  bool finished_ = false;
  bool aborted_ = false;
  std::atomic<bool> closed_ = false;
  std::deque<std::string> queue_;
  std::function<void()> on_close_;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(StatePtr state, tcp::socket socket) : state_(std::move(state)), stream_(state_->loop, std::move(socket)) {
    state_->streams.insert(&stream_);
  }
  ~Connection() {
    state_->streams.erase(&stream_);
    state_->waiting.erase(&stream_);
  }

  static Task<void> run(std::shared_ptr<Connection> self) { co_await self->serve(); }

 private:
  enum class Step { Serve, Close };

  Task<void> serve() {
    if (state_->tls) {
      stream_.deadline().expires_in(state_->limits.request_ms);
      auto ok = co_await stream_.accept_tls(*state_->tls);
      if (!ok) co_return;
    }
    for (;;) {
      HttpRequest request;
      Form form;
      auto got = co_await read_request(request, form);
      if (!got) {
        co_await refuse(got.error());
        co_return;
      }
      if (!*got) co_return;
      bool keep = co_await answer(std::move(request), form);
      if (!keep || state_->closing) co_return;
    }
  }

  // False: the client closed between requests.
  Task<Result<bool>> fill() {
    if (buffer_.size() - used_ < 16384) buffer_.resize(buffer_.size() + 65536);
    auto n = co_await stream_.read_some(buffer_.data() + used_, buffer_.size() - used_);
    if (!n) co_return fail(std::move(n).error());
    used_ += *n;
    co_return *n > 0;
  }
  std::string_view unread() const { return std::string_view(buffer_).substr(start_, used_ - start_); }
  void consume(size_t n) {
    start_ += n;
    if (start_ == used_) {
      start_ = used_ = 0;
      if (buffer_.size() > 262144) std::string().swap(buffer_);
    }
  }

  Task<Result<bool>> read_request(HttpRequest& request, Form& form) {
    stream_.deadline().expires_in(state_->limits.idle_ms);
    if (start_ > 0) {
      buffer_.erase(0, start_);
      used_ -= start_;
      start_ = 0;
    }
    size_t end = 0, seen = 0;
    http1::HeadLimits limits;
    while (!(end = http1::find_head_end(unread(), seen))) {
      seen = used_ - start_;
      if (seen > limits.bytes_max)
        co_return fail(Error{Code::TooLarge, "request head is larger than 64 KiB", {{"head", "", ""}}});
      auto more = co_await fill();
      if (!more) co_return fail(std::move(more).error());
      if (!*more) co_return false;
      if (seen == 0) stream_.deadline().expires_in(state_->limits.request_ms);
    }
    http1::RequestHead head;
    auto parsed = http1::parse_request(unread().substr(0, end), head, limits);
    if (!parsed) {
      if (parsed.error().code == Code::TooLarge) parsed.error().causes.push_back({"head", "", ""});
      co_return fail(std::move(parsed).error());
    }
    form = {head.keep_alive, head.method == "HEAD", head.minor_version == 0};
    copy_head(head, request);
    http1::BodyDecoder body(head.framing, head.content_length);
    if (head.framing == http1::Framing::Length && head.content_length > state_->limits.body_bytes_max)
      co_return fail(too_large());
    bool expects = head.expect_continue;
    consume(end);
    if (expects) {
      auto sent = co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return fail(std::move(sent).error());
    }
    auto read = co_await read_body(body, request.body);
    if (!read) co_return fail(std::move(read).error());
    stream_.deadline().disarm();
    co_return true;
  }

  Task<Result<void>> read_body(http1::BodyDecoder& body, std::string& out) {
    while (!body.done()) {
      std::string_view input = unread();
      size_t before = input.size();
      auto piece = body.next(input);
      if (!piece) co_return fail(std::move(piece).error());
      out.append(*piece);
      consume(before - input.size());
      if (out.size() > state_->limits.body_bytes_max) co_return fail(too_large());
      if (body.done() || !piece->empty()) continue;
      auto more = co_await fill();
      if (!more) co_return fail(std::move(more).error());
      if (!*more) co_return fail(Code::UpstreamClosed, "client closed in the middle of a request body");
    }
    co_return Result<void>();
  }

  Error too_large() const {
    return {
        Code::TooLarge, fmt::format("request body is over the limit of {} bytes", state_->limits.body_bytes_max), {}};
  }

  void copy_head(const http1::RequestHead& head, HttpRequest& out) {
    out.method = head.method;
    out.target = head.target;
    size_t question = head.target.find('?');
    out.raw_path = head.target.substr(0, question);
    auto decoded = percent_decode(out.raw_path);
    out.path = decoded ? *decoded : out.raw_path;
    if (question != std::string_view::npos) out.query = head.target.substr(question + 1);
    for (auto& f : head.fields) out.headers.emplace_back(f.name, f.value);
    out.peer = stream_.peer();
  }

  Task<void> refuse(const Error& error) {
    if (error.code != Code::InvalidArgument && error.code != Code::TooLarge) co_return;
    int status = error.causes.empty() ? http_status(error.code) : 431;
    ErrorBody body{"text/plain; charset=utf-8", error.message + "\n"};
    if (state_->render_error) body = state_->render_error(status, error);
    Headers headers;
    headers.emplace_back("Content-Type", body.content_type);
    headers.emplace_back("Content-Length", std::to_string(body.text.size()));
    std::string text = head_text(status, headers, Form{.keep_alive = false}) + "\r\n" + body.text;
    stream_.deadline().expires_in(5000);
    co_await stream_.write(text);
    // Give the client the answer before the reset that unread bytes would cause.
    boost::system::error_code ec;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ec);
    size_t drained = 0;
    while (drained < (64u << 20)) {
      start_ = used_ = 0;
      auto more = co_await fill();
      if (!more || !*more) co_return;
      drained += used_;
    }
  }

  // Writes the handler's answer; false when the connection is to close.
  Task<bool> answer(HttpRequest request, Form form) {
    auto responder = std::make_shared<Responder>(state_->loop, state_->limits.queue_bytes_max, form);
    state_->waiting[&stream_] = [responder] { responder->client_gone(); };
    state_->handler(std::move(request), responder);
    bool watching = false;
    while (!responder->ended()) {
      std::string text = co_await responder->next();
      state_->waiting.erase(&stream_);  // from the first bytes on, writing and reading tell
      if (responder->closed() || (responder->aborted() && text.empty())) {
        if (responder->aborted()) reset();
        stream_.close();
        responder->finish();
        co_return false;
      }
      stream_.deadline().expires_in(60'000);
      auto ok = co_await stream_.write(text);
      stream_.deadline().disarm();
      if (!ok) {
        responder->client_gone();
        co_return false;
      }
      if (responder->streaming() && !watching && !responder->ended()) {
        watching = true;
        state_->loop.spawn(watch_for_close(shared_from_this(), responder));
      }
    }
    bool streamed = responder->streaming();
    responder->finish();
    if (streamed) {
      boost::system::error_code ec;
      stream_.socket().shutdown(tcp::socket::shutdown_both, ec);
      stream_.close();
    }
    co_return form.keep_alive && !streamed;
  }

  void reset() {
    boost::system::error_code ec;
    stream_.socket().set_option(asio::socket_base::linger(true, 0), ec);
  }

  static Task<void> watch_for_close(std::shared_ptr<Connection> self, std::shared_ptr<Responder> responder) {
    char scratch[512];
    for (;;) {
      auto n = co_await self->stream_.read_some(scratch, sizeof scratch);
      if (!n || *n == 0) break;
    }
    responder->client_gone();
  }

  StatePtr state_;
  Stream stream_;
  std::string buffer_;
  size_t start_ = 0;
  size_t used_ = 0;
};

// Clients that left while their request waits for an answer: found with one poll() now and then.
Task<void> watch_waiting(StatePtr state) {
  Timer timer(state->loop.io());
  while (!state->closing) {
    timer.expires_after(std::chrono::milliseconds(100));
    auto [ec] = co_await timer.async_wait(use_task);
    if (ec) co_return;
    std::vector<pollfd> fds;
    std::vector<std::function<void()>> gone;
    for (auto& [stream, fn] : state->waiting) {
      if (!stream->is_open()) continue;
      fds.push_back({stream->socket().native_handle(), POLLRDHUP, 0});
      gone.push_back(fn);
    }
    if (fds.empty() || ::poll(fds.data(), fds.size(), 0) <= 0) continue;
    for (size_t i = 0; i < fds.size(); ++i)
      if (fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) gone[i]();
  }
}

Task<void> accept_loop(StatePtr state) {
  while (!state->closing) {
    tcp::socket socket(state->loop.io());
    auto [ec] = co_await state->acceptor->async_accept(socket, use_task);
    if (state->closing || ec == asio::error::operation_aborted) co_return;
    if (ec) {  // out of descriptors: wait for some to close
      Timer timer(state->loop.io(), std::chrono::milliseconds(50));
      co_await timer.async_wait(use_task);
      continue;
    }
    if (state->streams.size() >= state->limits.connections_max) continue;
    auto connection = std::make_shared<Connection>(state, std::move(socket));
    state->loop.spawn(Connection::run(std::move(connection)));
  }
}

}  // namespace

HttpServer::HttpServer(Loop& loop, std::shared_ptr<asio::ssl::context> tls, HttpHandler handler, ServerLimits limits)
    : state_(new State{loop, std::move(tls), std::move(handler), limits, nullptr, nullptr, {}, {}, false}) {}

HttpServer::~HttpServer() = default;

Result<std::string> HttpServer::listen(const std::string& address) {
  SL_TRY(endpoint, parse_endpoint(address));
  boost::system::error_code ec;
  auto acceptor = std::make_unique<tcp::acceptor>(state_->loop.io());
  acceptor->open(endpoint.protocol(), ec);
  if (!ec) acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(1024, ec);
  if (ec)
    return fail(Code::Io,
                fmt::format("cannot listen on {}: {}; is another program using the port?", address, ec.message()));
  std::string bound = format_endpoint(acceptor->local_endpoint());
  state_->acceptor = std::move(acceptor);
  state_->loop.spawn(accept_loop(state_));
  state_->loop.spawn(watch_waiting(state_));
  return bound;
}

void HttpServer::render_errors(ErrorRenderer renderer) {
  state_->render_error = std::move(renderer);
}

void HttpServer::close() {
  state_->loop.call([state = state_] {
    state->closing = true;
    boost::system::error_code ec;
    if (state->acceptor) state->acceptor->close(ec);
    for (Stream* s : state->streams) s->close();
  });
}

}  // namespace sl::net

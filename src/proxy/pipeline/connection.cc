#include "proxy/pipeline/connection.h"

#include "net/http_server/server.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/reply/reply.h"

namespace sl::proxy {
namespace {

constexpr int64_t kIdleMs = 120'000;  // keep-alive wait between requests
constexpr int64_t kHeadMs = 30'000;   // from first byte to whole head
constexpr int64_t kLingerMs = 5'000;  // for the client to read an early answer
constexpr size_t kLingerBytes = 64u << 20;
constexpr size_t kIdleBytes = 4'096;  // what an idle connection may hold, and asks for

}  // namespace

Connection::Connection(Worker* worker, net::tcp::socket socket, std::string bind)
    : worker_(worker), stream_(worker->loop(), std::move(socket)), bind_(std::move(bind)) {
  self_ = worker_->add(this);
}
Connection::~Connection() {
  worker_->remove(self_);
}

void Connection::client_left() {
  left_ = true;
  if (upstream_) upstream_->close();
  if (connecting_) (*connecting_)();
  if (idle_) stream_.close();
}

void Connection::end_wait() {
  boost::system::error_code ec;
  if (idle_) stream_.socket().cancel(ec);  // not close(): bytes that were read this moment are a request
}

net::Task<Result<bool>> Connection::fill() {
  size_t wanted = buffer_.room() >= kIdleBytes / 2 ? buffer_.room() : idle_ ? kIdleBytes : kReadBytes;
  char* space = buffer_.space(wanted);
  auto n = co_await stream_.read_some(space, wanted);
  if (!n) co_return fail(std::move(n).error());
  buffer_.commit(*n);
  co_return *n > 0;
}

void Connection::go_idle() {
  buffer_.shrink(kIdleBytes);
  for (auto* text : {&scratch_.request, &scratch_.answer, &scratch_.fields, &scratch_.head, &head_text_})
    if (text->capacity() > kIdleBytes) std::string().swap(*text);
}

net::Task<Result<size_t>> Connection::read_head() {
  http1::HeadLimits limits;
  size_t seen = 0, end = 0;
  idle_ = buffer_.empty();
  if (idle_) go_idle();
  stream_.deadline().expires_in(idle_ ? kIdleMs : kHeadMs);
  for (;;) {
    if (buffer_.view().starts_with("\r\n")) {  // RFC 9112 2.2: empty lines before a request are passed over
      buffer_.consume(2);
      seen = 0;
      continue;
    }
    if ((end = http1::find_head_end(buffer_.view(), seen))) break;
    if (buffer_.view().find("\n\n") != std::string_view::npos)
      co_return fail(Code::InvalidArgument, "malformed HTTP message: lines end in a bare LF");
    seen = buffer_.size();
    if (seen > limits.bytes_max) co_return fail(Code::TooLarge, "request head is larger than 64 KiB");
    auto more = co_await fill();
    if (!more && idle_ && worker_->draining() && more.error().code == Code::Cancelled && stream_.is_open()) {
      if (stream_.readable()) continue;
      co_return size_t{0};
    }
    if (!more) co_return fail(std::move(more).error());
    if (!*more) co_return size_t{0};
    if (idle_) stream_.deadline().expires_in(kHeadMs);
    idle_ = false;
  }
  head_text_.assign(buffer_.view().substr(0, end));
  buffer_.consume(end);
  auto parsed = http1::parse_request(head_text_, head_, limits);
  if (!parsed) co_return fail(std::move(parsed).error());
  body_ = http1::BodyDecoder(head_.framing, head_.content_length);
  stream_.deadline().disarm();
  co_return end;
}

Result<std::string_view> Connection::buffered_body(std::string& store) {
  std::string_view first;
  for (store.clear();;) {
    std::string_view input = buffer_.view();
    size_t before = input.size();
    SL_TRY(piece, body_.next(input));
    buffer_.consume(before - input.size());
    if (piece.empty()) return store.empty() ? first : std::string_view(store);
    if (first.empty()) {
      first = piece;
      continue;
    }
    if (store.empty()) store = first;
    store += piece;
  }
}

net::Task<Result<std::string_view>> Connection::read_body() {
  for (;;) {
    std::string_view input = buffer_.view();
    size_t before = input.size();
    auto piece = body_.next(input);
    if (!piece) co_return fail(std::move(piece).error());
    buffer_.consume(before - input.size());
    if (!piece->empty() || body_.done()) co_return *piece;
    // Ends the wait, not the connection: the client can still be told.
    net::Deadline silent(worker_->loop(), [this] {
      boost::system::error_code ignored;
      stream_.socket().cancel(ignored);
    });
    int64_t silence_ms = worker_->options().silence_ms;
    silent.expires_in(silence_ms);
    auto more = co_await fill();
    if (!more && silent.expired())
      co_return fail(Code::RequestTimeout, fmt::format("nothing of the request body came for {} ms", silence_ms));
    if (!more) co_return fail(std::move(more).error());
    if (!*more) co_return fail(Code::Cancelled, "client closed in the middle of the request body");
  }
}

// A close with unread bytes resets the connection, and the client may lose the answer: let it read that first.
net::Task<void> Connection::linger() {
  stream_.deadline().expires_in(kLingerMs);
  boost::system::error_code ec;
  stream_.socket().shutdown(net::tcp::socket::shutdown_send, ec);
  size_t discarded = 0;
  while (!ec && discarded < kLingerBytes) {
    discarded += buffer_.size();
    buffer_.clear();
    auto more = co_await fill();
    if (!more || !*more) co_return;
  }
}

net::Task<void> Connection::serve() {
  for (;;) {
    auto got = co_await read_head();
    if (!got) {
      if (got.error().code != Code::InvalidArgument && got.error().code != Code::TooLarge) co_return;
      Reply r = error_reply(got.error(), nullptr);
      if (got.error().code == Code::TooLarge) r.status = 431;
      record_refused(*this, r.status, got.error().message);
      std::string text =
          fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                      r.status, net::reason_phrase(r.status), r.content_type, r.body.size(), r.body);
      stream_.deadline().expires_in(kLingerMs);
      co_await stream_.write(text);
      co_await linger();
      co_return;
    }
    if (*got == 0) co_return;
    bool keep = co_await serve_request(*this);
    if (keep && !worker_->draining()) continue;
    if (stream_.is_open() && !left_ && !body_.done()) co_await linger();
    co_return;
  }
}

net::Task<void> serve_connection(Worker* worker, net::tcp::socket socket, std::string bind) {
  Connection connection(worker, std::move(socket), std::move(bind));
  co_await connection.serve();
}

}  // namespace sl::proxy

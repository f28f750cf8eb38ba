#include "proxy/pipeline/connection.h"

#include "net/http_server/server.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/reply/reply.h"

namespace sl::proxy {
namespace {

constexpr int64_t kIdleMs = 120'000;  // keep-alive wait between requests
constexpr int64_t kHeadMs = 30'000;   // from first byte to whole head
constexpr int64_t kBodyMs = 60'000;   // longest silence inside a body
constexpr size_t kReadBytes = 16'384;

}  // namespace

Connection::Connection(Worker* worker, net::tcp::socket socket, std::string bind)
    : worker_(worker), stream_(worker->loop(), std::move(socket)), bind_(std::move(bind)) {
  worker_->add(this);
}
Connection::~Connection() {
  worker_->remove(this);
}

void Connection::client_left() {
  left_ = true;
  if (upstream_) upstream_->close();
  if (idle_) stream_.close();
}

net::Task<Result<bool>> Connection::fill() {
  if (start_ == used_) start_ = used_ = 0;
  if (buffer_.size() - used_ < kReadBytes / 2) {
    if (start_ > 0) {
      buffer_.erase(0, start_);
      used_ -= start_;
      start_ = 0;
    }
    buffer_.resize(used_ + kReadBytes);
  }
  auto n = co_await stream_.read_some(buffer_.data() + used_, buffer_.size() - used_);
  if (!n) co_return fail(std::move(n).error());
  used_ += *n;
  co_return *n > 0;
}

net::Task<Result<size_t>> Connection::read_head() {
  http1::HeadLimits limits;
  size_t seen = 0, end = 0;
  idle_ = start_ == used_;
  stream_.deadline().expires_in(idle_ ? kIdleMs : kHeadMs);
  while (!(end = http1::find_head_end(unread(), seen))) {
    seen = used_ - start_;
    if (seen > limits.bytes_max) co_return fail(Code::TooLarge, "request head is larger than 64 KiB");
    if (idle_ && seen == 0) std::string().swap(buffer_);  // an idle connection holds no buffer
    if (seen == 0) start_ = used_ = 0;
    auto more = co_await fill();
    if (!more) co_return fail(std::move(more).error());
    if (!*more) co_return size_t{0};
    if (idle_) stream_.deadline().expires_in(kHeadMs);
    idle_ = false;
  }
  head_text_.assign(unread().substr(0, end));
  start_ += end;
  auto parsed = http1::parse_request(head_text_, head_, limits);
  if (!parsed) co_return fail(std::move(parsed).error());
  body_ = http1::BodyDecoder(head_.framing, head_.content_length);
  stream_.deadline().disarm();
  co_return end;
}

Result<std::string> Connection::buffered_body() {
  std::string out;
  for (;;) {
    std::string_view input = unread();
    size_t before = input.size();
    SL_TRY(piece, body_.next(input));
    start_ += before - input.size();
    if (piece.empty()) return out;
    out += piece;
  }
}

net::Task<Result<std::string_view>> Connection::read_body() {
  for (;;) {
    std::string_view input = unread();
    size_t before = input.size();
    auto piece = body_.next(input);
    if (!piece) co_return fail(std::move(piece).error());
    start_ += before - input.size();
    if (!piece->empty() || body_.done()) co_return *piece;
    stream_.deadline().expires_in(kBodyMs);
    auto more = co_await fill();
    stream_.deadline().disarm();
    if (!more) co_return fail(std::move(more).error());
    if (!*more) co_return fail(Code::Cancelled, "client closed in the middle of the request body");
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
      stream_.deadline().expires_in(5000);
      co_await stream_.write(text);
      boost::system::error_code ec;
      stream_.socket().shutdown(net::tcp::socket::shutdown_send, ec);
      while (co_await fill()) {  // let the client read the answer before the close resets it
        if (used_ == start_) break;
        start_ = used_ = 0;
      }
      co_return;
    }
    if (*got == 0) co_return;
    bool keep = co_await serve_request(*this);
    if (!keep || worker_->draining()) co_return;
  }
}

net::Task<void> serve_connection(Worker* worker, net::tcp::socket socket, std::string bind) {
  Connection connection(worker, std::move(socket), std::move(bind));
  co_await connection.serve();
}

}  // namespace sl::proxy

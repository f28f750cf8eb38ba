// An ordinary HTTP backend: bodies stream through with back-pressure (a side is read only when the other took its
// bytes).
#include "base/ids.h"
#include "base/strings.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/pipeline/fields.h"

namespace sl::proxy {
namespace {

constexpr int64_t kAnswerMs = 60'000;  // longest silence of a plain backend
constexpr int64_t kWriteMs = 60'000;   // longest time a peer may not take bytes

bool never_forwarded(std::string_view name) {
  return same_field(name, "host") || same_field(name, "content-length") || same_field(name, "x-sightline-identity") ||
         same_field(name, "traceparent") || same_field(name, "expect");
}

void append_field(const http1::Field& f, std::string& out) {
  out += f.name;
  out += ": ";
  out += f.value;
  out += "\r\n";
}

void request_head(Exchange& x, std::string& out) {
  auto& head = x.client.head();
  auto& change = x.share->request_headers;
  std::string_view host = host_set(change);
  out.reserve(1024);
  out += head.method;
  out += ' ';
  out += x.path;
  out += " HTTP/1.1\r\nHost: ";
  out += host.empty() ? std::string_view(x.host) : host;
  out += "\r\n";
  std::string forwarded;
  for (auto& f : head.fields) {
    if (same_field(f.name, "x-forwarded-for")) {
      forwarded.append(f.value).append(", ");
      continue;
    }
    if (!never_forwarded(f.name) && !connection_bound(head, f.name) && !replaced(change, f.name)) append_field(f, out);
  }
  if (!replaced(change, "x-forwarded-for")) {
    std::string_view peer = x.record.src_addr;
    out.append("X-Forwarded-For: ").append(forwarded).append(peer.substr(0, peer.rfind(':'))).append("\r\n");
  }
  out += "X-Forwarded-Proto: http\r\ntraceparent: ";
  out += x.traceparent;
  out += "\r\n";
  append_changes(change, out);
  if (head.framing == http1::Framing::Chunked)
    out += "Transfer-Encoding: chunked\r\n";
  else if (head.framing == http1::Framing::Length)
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", head.content_length);
  else if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH")
    out += "Content-Length: 0\r\n";
  out += "\r\n";
}

// What is left of the request body, sent while the answer may already be coming.
struct Pump {
  bool done = false;
  std::optional<Error> error;
};

net::Task<Result<void>> pump_body(Exchange& x, net::Stream& upstream) {
  bool chunked = x.client.head().framing == http1::Framing::Chunked;
  for (;;) {
    auto piece = co_await x.client.read_body();
    if (!piece) co_return fail(std::move(piece).error());
    if (piece->empty()) break;
    x.record.request_bytes += piece->size();
    upstream.write_deadline().expires_in(time_left(x, kWriteMs));
    Result<void> sent;
    if (chunked) {
      std::string framed;
      http1::append_chunk_head(piece->size(), framed);
      framed += *piece;
      framed += "\r\n";
      sent = co_await upstream.write(framed);
    } else {
      sent = co_await upstream.write(*piece);
    }
    upstream.write_deadline().disarm();
    if (!sent) co_return sent;
  }
  if (chunked) co_return co_await upstream.write(http1::kLastChunk);
  co_return Result<void>();
}

net::Task<void> run_pump(Exchange* x, net::Stream* upstream, std::shared_ptr<Pump> pump,
                         std::shared_ptr<net::asio::steady_timer> wake) {
  auto ok = co_await pump_body(*x, *upstream);
  if (!ok) {
    // The client's fault or the upstream's: either way nothing more comes of this upstream request.
    pump->error = ok.error();
    upstream->close();
  }
  pump->done = true;
  wake->cancel();
}

void answer_head(Exchange& x, const http1::ResponseHead& head, bool& chunked, std::string& out) {
  auto& change = x.share->response_headers;
  bool to_head = x.client.head().method == "HEAD";
  begin_answer(x, head.status, out);
  for (auto& f : head.fields)
    if (!connection_bound(head, f.name) && !same_field(f.name, "content-length") && !replaced(change, f.name))
      append_field(f, out);
  append_changes(change, out);
  chunked = false;
  auto length = head.field("content-length");
  if (head.framing == http1::Framing::Length || head.framing == http1::Framing::None) {
    bool bodiless = to_head || head.status == 204 || head.status == 304;
    if (length)
      out.append("Content-Length: ").append(*length).append("\r\n");
    else if (!bodiless)
      out += "Content-Length: 0\r\n";
  } else {
    chunked = x.client.head().minor_version == 1;
    if (chunked)
      out += "Transfer-Encoding: chunked\r\n";
    else
      x.keep_alive = false;
  }
  end_answer(x, out);
}

// Moves all payload in `input` into `out` in the client's framing.
Result<void> take_payload(Exchange& x, http1::BodyDecoder& body, std::string_view& input, bool chunked,
                          std::string& out) {
  while (!input.empty() && !body.done()) {
    auto piece = body.next(input);
    if (!piece) return fail(Code::UpstreamProtocol, piece.error().message);
    if (piece->empty()) break;
    x.record.response_bytes += piece->size();
    if (chunked) http1::append_chunk_head(piece->size(), out);
    out += *piece;
    if (chunked) out += "\r\n";
  }
  if (body.done() && chunked) out += http1::kLastChunk;
  return {};
}

// Head first; true when the answer ended properly.
net::Task<Result<bool>> stream_answer(Exchange& x, const http1::ResponseHead& head) {
  auto& up = *x.upstream;
  http1::BodyDecoder body(head.framing, head.content_length);
  std::string out;
  bool chunked = false;
  answer_head(x, head, chunked, out);
  x.record.status = head.status;
  x.head_sent = true;
  if (head.framing == http1::Framing::None) chunked = false;
  for (;;) {
    std::string_view input = up.buffer;
    auto ok = take_payload(x, body, input, chunked, out);
    bool rest = !input.empty();
    up.buffer.clear();
    if (!out.empty()) {  // what came before a broken part too: the client sees an answer that is cut

      if (!x.record.first_byte_us) x.record.first_byte_us = monotonic_us() - x.start_us;
      x.client.stream().deadline().expires_in(kWriteMs);
      auto sent = co_await x.client.stream().write(out);
      x.client.stream().deadline().disarm();
      if (!sent) co_return fail(Code::Cancelled, "the client stopped taking the answer");
      out.clear();
    }
    if (!ok) co_return fail(std::move(ok).error());
    if (body.done()) co_return !rest;
    up.buffer.resize(16'384);
    up.stream.deadline().expires_in(time_left(x, kAnswerMs));
    auto n = co_await up.stream.read_some(up.buffer.data(), up.buffer.size());
    up.stream.deadline().disarm();
    up.buffer.resize(n ? *n : 0);
    if (!n) co_return fail(std::move(n).error());
    if (*n > 0) continue;
    if (!body.end_of_input())
      co_return fail(Code::UpstreamClosed, fmt::format("{} closed in the middle of its answer", x.record.endpoint));
    if (chunked) co_await x.client.stream().write(http1::kLastChunk);
    co_return false;
  }
}

// Stops the pump and waits until it has let go of the exchange.
net::Task<void> end_pump(Exchange* x, std::shared_ptr<Pump> pump, std::shared_ptr<net::asio::steady_timer> wake) {
  if (pump->done) co_return;
  x->keep_alive = false;
  x->upstream->stream.close();
  boost::system::error_code ec;
  x->client.stream().socket().cancel(ec);
  while (!pump->done) co_await wake->async_wait(net::use_task);
}

// The bytes of the body that came with the head, in the upstream's framing.
std::string first_part(Exchange& x, const std::string& body, bool whole) {
  if (x.client.head().framing != http1::Framing::Chunked) return body;
  std::string framed;
  if (!body.empty()) {
    http1::append_chunk_head(body.size(), framed);
    framed.append(body).append("\r\n");
  }
  if (whole) framed += http1::kLastChunk;
  return framed;
}

// One try: sends what is here, leaves the rest to a pump, and reads the answer's head.
net::Task<Result<void>> send_and_wait(Exchange* x, std::string* head_text, std::string* body,
                                      std::shared_ptr<Pump> pump, std::shared_ptr<net::asio::steady_timer> wake,
                                      std::string* answer_text, http1::ResponseHead* answer) {
  int64_t wait_ms = x->match.match->rule->spec->backend_timeout_ms;
  x->upstream->stream.deadline().expires_in(time_left(*x, kWriteMs));
  auto sent = co_await x->upstream->stream.write2(*head_text, *body);
  if (!sent) co_return sent;
  if (!pump->done) x->client.worker().loop().spawn(run_pump(x, &x->upstream->stream, pump, wake));
  co_return co_await read_upstream_head(*x, *answer_text, *answer, time_left(*x, wait_ms ? wait_ms : kAnswerMs));
}

}  // namespace

net::Task<void> forward_plain(Exchange& x) {
  auto arrived = x.client.buffered_body();
  if (!arrived) {
    x.keep_alive = false;
    co_await send_error(x, arrived.error());
    co_return;
  }
  bool whole = x.client.body().done();
  x.record.request_bytes = arrived->size();
  if (x.client.head().expect_continue && !whole) {
    auto told = co_await x.client.stream().write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!told) co_return;
  }
  std::string head_text, body = first_part(x, *arrived, whole), answer_text;
  request_head(x, head_text);
  http1::ResponseHead answer;
  auto pump = std::make_shared<Pump>();
  pump->done = whole;
  std::shared_ptr<net::asio::steady_timer> wake;
  if (!whole)
    wake = std::make_shared<net::asio::steady_timer>(x.client.worker().loop().io(),
                                                     net::asio::steady_timer::time_point::max());
  for (bool fresh = false;; fresh = true) {
    auto opened = co_await open_upstream(x, fresh);
    if (!opened) {
      co_await send_error(x, opened.error());
      co_return;
    }
    auto got = co_await send_and_wait(&x, &head_text, &body, pump, wake, &answer_text, &answer);
    if (got) break;
    // A kept connection that the backend closed just now: nothing was answered, and sending again does no harm.
    bool again = x.upstream->reused && whole && may_repeat(x.client.head().method);
    if (again && got.error().code == Code::UpstreamClosed && !x.client.left()) continue;
    co_await end_pump(&x, pump, wake);
    bool clients_fault = pump->error && pump->error->code == Code::InvalidArgument;
    if (!whole) x.keep_alive = false;
    co_await send_error(x, clients_fault ? *pump->error : got.error());
    release_upstream(x, false);
    co_return;
  }
  auto done = co_await stream_answer(x, answer);
  if (!done) {
    x.record.error = done.error().message;
    x.keep_alive = false;
  }
  co_await end_pump(&x, pump, wake);  // still running: answered before the request was through
  release_upstream(x, done && *done && answer.keep_alive && !pump->error);
  if (!done) x.client.stream().close();
}

}  // namespace sl::proxy

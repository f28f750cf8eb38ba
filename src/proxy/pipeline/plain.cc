// An ordinary HTTP backend: bodies stream through with back-pressure (a side is read only when the other took its
// bytes).
#include "base/ids.h"
#include "base/strings.h"
#include "proxy/pipeline/exchange.h"

namespace sl::proxy {
namespace {

constexpr int64_t kAnswerMs = 60'000;  // longest silence of a plain backend
constexpr int64_t kWriteMs = 60'000;   // longest time a peer may not take bytes

bool never_forwarded(std::string_view name) {
  return http1::is_hop_by_hop(name) || same_field(name, "host") || same_field(name, "content-length") ||
         same_field(name, "x-sightline-identity") || same_field(name, "traceparent") || same_field(name, "expect");
}

void request_head(Exchange& x, std::string& out) {
  auto& head = x.client.head();
  auto& rule = x.match.match->rule->spec->filters.request_headers;
  auto& share = x.share->filters.request_headers;
  out.reserve(1024);
  out += head.method;
  out += ' ';
  out += x.path;
  out += " HTTP/1.1\r\nHost: ";
  out += x.host;
  out += "\r\n";
  std::string_view forwarded;
  for (auto& f : head.fields) {
    bool keep = !never_forwarded(f.name);
    if (same_field(f.name, "x-forwarded-for")) {
      forwarded = f.value;
      keep = false;
    }
    apply_header_changes(rule, f.name, keep);
    apply_header_changes(share, f.name, keep);
    if (!keep) continue;
    out += f.name;
    out += ": ";
    out += f.value;
    out += "\r\n";
  }
  out += "X-Forwarded-For: ";
  if (!forwarded.empty()) out.append(forwarded).append(", ");
  std::string_view peer = x.record.src_addr;
  out += peer.substr(0, peer.rfind(':'));
  out += "\r\nX-Forwarded-Proto: http\r\ntraceparent: ";
  out += x.traceparent;
  out += "\r\n";
  append_header_changes(rule, out);
  append_header_changes(share, out);
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
  bool failed = false;
};

net::Task<Result<void>> pump_body(Exchange& x, net::Stream& upstream) {
  bool chunked = x.client.head().framing == http1::Framing::Chunked;
  for (;;) {
    auto piece = co_await x.client.read_body();
    if (!piece) co_return fail(std::move(piece).error());
    if (piece->empty()) break;
    x.record.request_bytes += piece->size();
    upstream.deadline().expires_in(kWriteMs);
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
    if (!sent) co_return sent;
  }
  if (chunked) co_return co_await upstream.write(http1::kLastChunk);
  co_return Result<void>();
}

net::Task<void> run_pump(Exchange* x, net::Stream* upstream, std::shared_ptr<Pump> pump,
                         std::shared_ptr<net::asio::steady_timer> wake) {
  auto ok = co_await pump_body(*x, *upstream);
  pump->failed = !ok;
  if (!ok && x->record.error.empty()) x->record.error = ok.error().message;
  if (!ok && ok.error().code == Code::Cancelled) upstream->close();
  pump->done = true;
  wake->cancel();
}

void answer_head(Exchange& x, const http1::ResponseHead& head, bool& chunked, std::string& out) {
  auto& rule = x.match.match->rule->spec->filters.response_headers;
  auto& share = x.share->filters.response_headers;
  begin_answer(x, head.status, out);
  for (auto& f : head.fields) {
    bool keep = !http1::is_hop_by_hop(f.name) && !same_field(f.name, "content-length");
    apply_header_changes(rule, f.name, keep);
    apply_header_changes(share, f.name, keep);
    if (!keep) continue;
    out += f.name;
    out += ": ";
    out += f.value;
    out += "\r\n";
  }
  append_header_changes(rule, out);
  append_header_changes(share, out);
  chunked = false;
  if (head.framing == http1::Framing::Length ||
      (head.framing == http1::Framing::None && head.status >= 200 && head.status != 204 && head.status != 304)) {
    auto length = head.field("content-length");
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", length ? *length : std::string_view("0"));
  } else if (head.framing != http1::Framing::None) {
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
    if (!ok) co_return fail(std::move(ok).error());
    if (!out.empty()) {
      if (!x.record.first_byte_us) x.record.first_byte_us = monotonic_us() - x.start_us;
      x.client.stream().deadline().expires_in(kWriteMs);
      auto sent = co_await x.client.stream().write(out);
      x.client.stream().deadline().disarm();
      if (!sent) co_return fail(Code::Cancelled, "the client stopped taking the answer");
      out.clear();
    }
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

}  // namespace

net::Task<void> forward_plain(Exchange& x) {
  std::string head_text;
  request_head(x, head_text);
  int64_t wait_ms = x.match.match->rule->spec->backend_timeout_ms;
  std::string body(x.client.buffered_body());
  bool whole = x.client.body().done();
  x.record.request_bytes = body.size();
  if (x.client.head().expect_continue && !whole) {
    auto told = co_await x.client.stream().write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!told) co_return;
  }
  if (x.client.head().framing == http1::Framing::Chunked) {
    std::string framed;
    if (!body.empty()) {
      http1::append_chunk_head(body.size(), framed);
      framed.append(body).append("\r\n");
    }
    if (whole) framed += http1::kLastChunk;
    body = std::move(framed);
  }
  std::string answer_text;
  http1::ResponseHead answer;
  auto pump = std::make_shared<Pump>();
  pump->done = whole;
  std::shared_ptr<net::asio::steady_timer> wake;
  for (bool fresh = false;; fresh = true) {
    auto opened = co_await open_upstream(x, fresh);
    if (!opened) {
      co_await send_error(x, opened.error());
      co_return;
    }
    bool reused = x.upstream->reused;
    x.upstream->stream.deadline().expires_in(kWriteMs);
    auto sent = co_await x.upstream->stream.write2(head_text, body);
    Result<void> got = sent;
    if (sent) {
      if (!whole && !wake) {
        wake = std::make_shared<net::asio::steady_timer>(x.client.worker().loop().io(),
                                                         net::asio::steady_timer::time_point::max());
        x.client.worker().loop().spawn(run_pump(&x, &x.upstream->stream, pump, wake));
      }
      got = co_await read_upstream_head(x, answer_text, answer, time_left(x, wait_ms ? wait_ms : kAnswerMs));
    }
    if (got) break;
    // A kept connection that the backend closed just now: nothing was answered, and the whole request is here.
    if (reused && whole && got.error().code == Code::UpstreamClosed && !x.client.left()) continue;
    if (wake) {
      x.upstream->stream.close();
      x.client.stream().close();
      while (!pump->done) co_await wake->async_wait(net::use_task);
    }
    co_await send_error(x, got.error());
    release_upstream(x, false);
    co_return;
  }
  auto done = co_await stream_answer(x, answer);
  if (!done) {
    x.record.error = done.error().message;
    x.keep_alive = false;
  }
  if (!pump->done) {  // answered before the request was through
    x.keep_alive = false;
    x.upstream->stream.close();
    x.client.stream().close();
    while (!pump->done) co_await wake->async_wait(net::use_task);
  }
  release_upstream(x, done && *done && answer.keep_alive && !pump->failed);
  if (!done) x.client.stream().close();
}

}  // namespace sl::proxy

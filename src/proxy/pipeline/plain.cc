// An ordinary HTTP backend: bodies stream through with back-pressure (a side is read only when the other took its
// bytes).
#include "base/ids.h"
#include "base/strings.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/pipeline/fields.h"

namespace sl::proxy {
namespace {

constexpr int64_t kPieceMs = 300'000;  // longest silence inside its answer: it may be a stream of events
constexpr int64_t kWriteMs = 60'000;   // longest time a peer may not take bytes

bool never_forwarded(std::string_view name) {
  return same_field(name, "host") || same_field(name, "content-length") || same_field(name, "x-sightline-identity") ||
         same_field(name, "traceparent") || same_field(name, "expect") || same_field(name, kHopsField);
}

void request_head(Exchange& x, std::string& out) {
  auto& head = x.client.head();
  auto& change = x.share->request_headers;
  std::string_view host = host_set(change);
  out.clear();
  out += head.method;
  out += ' ';
  append_target(x.path, out);
  out += " HTTP/1.1\r\n";
  append_line("Host", host.empty() ? std::string_view(x.host) : host, out);
  std::string forwarded;
  for (auto& f : head.fields) {
    if (same_field(f.name, "x-forwarded-proto")) continue;  // ours says how the request came to us
    if (x.own_trace && same_field(f.name, "tracestate")) continue;
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
  append_own(change, "X-Forwarded-Proto", "http", out);
  append_own(change, "traceparent", x.traceparent, out);
  if (x.hops) append_line(kHopsField, std::to_string(x.hops), out);
  append_changes(change, out);
  if (head.framing == http1::Framing::Chunked)
    out += "Transfer-Encoding: chunked\r\n";
  else if (head.framing == http1::Framing::Length)
    append_length(head.content_length, out);
  else if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH")
    out += "Content-Length: 0\r\n";
  out += "\r\n";
}

// What is left of the request body, sent while the answer may already be coming.
struct Pump {
  bool done = false;
  bool clients = false;  // the error is the client's
  std::optional<Error> error;
};

net::Task<Result<void>> pump_body(Exchange& x, net::Stream& upstream, Pump& pump) {
  bool chunked = x.client.head().framing == http1::Framing::Chunked;
  for (;;) {
    auto piece = co_await x.client.read_body();
    if (!piece) pump.clients = true;
    if (!piece) co_return fail(std::move(piece).error());
    if (piece->empty()) break;
    x.record.request_bytes += piece->size();
    std::string framed;
    if (chunked) {
      http1::append_chunk_head(piece->size(), framed);
      framed += *piece;
      framed += "\r\n";
    }
    auto sent = co_await write_rest(upstream, chunked ? std::string_view(framed) : *piece, {}, time_left(x, kWriteMs));
    if (!sent) co_return sent;
  }
  if (chunked) co_return co_await write_rest(upstream, http1::kLastChunk, {}, time_left(x, kWriteMs));
  co_return Result<void>();
}

net::Task<void> run_pump(Exchange* x, net::Stream* upstream, std::shared_ptr<Pump> pump,
                         std::shared_ptr<net::Timer> wake) {
  auto ok = co_await pump_body(*x, *upstream, *pump);
  // Only now does the backend have what it is to answer.
  if (ok && !x->head_sent) upstream->deadline().expires_in(head_wait(*x, x->client.worker().options().answer_ms));
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
    if (length && head.status != 204)  // RFC 9110 8.6
      append_line("Content-Length", *length, out);
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

// What one read of the upstream gives the client: `out` holds framed bytes, `direct` payload that needs no framing.
struct Payload {
  std::string& out;
  std::string_view direct;
};

// Moves all payload in `input` into `p`.
Result<void> take_payload(Exchange& x, http1::BodyDecoder& body, std::string_view& input, bool chunked, Payload& p) {
  while (!input.empty() && !body.done()) {
    auto piece = body.next(input);
    if (!piece) return fail(Code::UpstreamProtocol, piece.error().message);
    if (piece->empty()) break;
    x.record.response_bytes += piece->size();
    if (!chunked && p.direct.empty()) {
      p.direct = *piece;
      continue;
    }
    p.out += std::exchange(p.direct, {});
    if (chunked) http1::append_chunk_head(piece->size(), p.out);
    p.out += *piece;
    if (chunked) p.out += "\r\n";
  }
  if (body.done() && chunked) p.out += http1::kLastChunk;
  return {};
}

// Head first; true when the answer ended properly.
net::Task<Result<bool>> stream_answer(Exchange& x, const http1::ResponseHead& head) {
  auto& up = *x.upstream;
  http1::BodyDecoder body(head.framing, head.content_length);
  std::string& out = x.client.scratch().answer;
  out.clear();
  bool chunked = false;
  answer_head(x, head, chunked, out);
  x.record.status = head.status;
  x.head_sent = true;
  if (head.framing == http1::Framing::None) chunked = false;
  for (;;) {
    std::string_view input = up.buffer.view();
    Payload payload{out, {}};
    auto ok = take_payload(x, body, input, chunked, payload);
    bool rest = !input.empty();
    if (!out.empty() || !payload.direct.empty()) {  // what came before a broken part too: the client sees a cut answer
      if (!x.record.first_byte_us) x.record.first_byte_us = up.read_us - x.start_us;  // sent on at once
      std::string_view first = out, second = payload.direct;
      if (!x.client.stream().write_now(first, second)) {
        auto sent = co_await write_rest(x.client.stream(), first, second, kWriteMs);
        if (!sent) co_return fail(write_failed(x, sent.error()));
      }
      out.clear();
    }
    up.buffer.clear();
    if (!ok) co_return fail(std::move(ok).error());
    if (rest) up.broke_rules("answered more than it promised");
    if (body.done()) co_return !rest;
    up.stream.deadline().expires_in(time_left(x, kPieceMs));
    char* space = up.buffer.space(kReadBytes);
    auto n = co_await up.stream.read_some(space, kReadBytes);
    up.stream.deadline().disarm();
    up.take_read(n);
    if (!n) co_return fail(std::move(n).error());
    if (*n > 0) continue;
    if (!body.end_of_input() || up.stream.truncated())
      co_return fail(Code::UpstreamClosed, fmt::format("{} closed in the middle of its answer", x.record.endpoint));
    if (chunked) co_await write_rest(x.client.stream(), http1::kLastChunk, {}, kWriteMs);
    co_return false;
  }
}

// The rest of the request body on its way, if there is any; shared with the coroutine that sends it.
struct Pumping {
  std::shared_ptr<Pump> pump;  // null: the request went out whole
  std::shared_ptr<net::Timer> wake;
  bool done() const { return !pump || pump->done; }
};

// Stops the pump and waits until it has let go of the exchange.
net::Task<void> end_pump(Exchange* x, Pumping p) {
  if (p.done()) co_return;
  x->keep_alive = false;
  x->upstream->stream.close();
  boost::system::error_code ec;
  x->client.stream().socket().cancel(ec);
  while (!p.pump->done) co_await p.wake->async_wait(net::use_task);
}

// The bytes of the body that came with the head, in the upstream's framing: as they are, or framed into `store`.
std::string_view first_part(Exchange& x, std::string_view body, bool whole, std::string& store) {
  if (x.client.head().framing != http1::Framing::Chunked) return body;
  std::string framed;
  if (!body.empty()) {
    http1::append_chunk_head(body.size(), framed);
    framed.append(body).append("\r\n");
  }
  if (whole) framed += http1::kLastChunk;
  store = std::move(framed);
  return store;
}

Pumping make_pump(Exchange& x) {
  auto never = net::Timer::time_point::max();
  return {std::make_shared<Pump>(), std::make_shared<net::Timer>(x.client.worker().loop().io(), never)};
}

}  // namespace

net::Task<void> forward_plain(Exchange& x) {
  std::string store;
  auto arrived = x.client.buffered_body(store);
  if (!arrived) {
    x.keep_alive = false;
    co_await send_error(x, arrived.error());
    co_return;
  }
  bool whole = x.client.body().done();
  x.record.request_bytes = arrived->size();
  if (x.client.head().expect_continue && !whole) {
    auto told = co_await write_rest(x.client.stream(), kContinue, {}, kWriteMs);
    if (!told) {
      x.record.failed(write_failed(x, told.error()));
      co_return;
    }
  }
  std::string& head_text = x.client.scratch().request;
  std::string_view body = first_part(x, *arrived, whole, store);
  request_head(x, head_text);
  Pumping pumping;
  if (!whole) pumping = make_pump(x);
  for (bool fresh = false;; fresh = true) {
    if (fresh || !reuse_upstream(x)) {
      auto opened = co_await connect_upstream(x);
      if (!opened) {
        co_await send_error(x, opened.error());
        co_return;
      }
    }
    // What is here goes out at once, the rest is left to a pump.
    auto& stream = x.upstream->stream;
    std::string_view unsent_head = head_text, unsent_body = body;
    Result<void> got;
    if (!stream.write_now(unsent_head, unsent_body))
      got = co_await write_rest(stream, unsent_head, unsent_body, time_left(x, kWriteMs));
    if (!got && got.error().code == Code::UpstreamClosed) x.upstream->broke_rules("closed while a request was sent");
    if (got) {
      if (!pumping.done()) x.client.worker().loop().spawn(run_pump(&x, &stream, pumping.pump, pumping.wake));
      int64_t wait_ms =
          pumping.done() ? head_wait(x, x.client.worker().options().answer_ms) : time_left(x, INT64_MAX / 4);
      got = co_await read_upstream_head(x, x.client.scratch().parsed, wait_ms);
    }
    if (got) break;
    // A kept connection that the backend closed just now: nothing was answered, and sending again does no harm.
    bool again = x.upstream->reused && whole && may_repeat(x.client.head().method);
    if (again && got.error().code == Code::UpstreamClosed && !x.client.left()) continue;
    co_await end_pump(&x, pumping);
    bool clients_fault = !whole && pumping.pump->error && pumping.pump->clients;
    if (!whole) x.keep_alive = false;
    co_await send_error(x, clients_fault ? *pumping.pump->error : got.error());
    release_upstream(x, false);
    co_return;
  }
  auto done = co_await stream_answer(x, x.client.scratch().parsed);
  if (!done) {
    bool clients_fault = !whole && pumping.pump->error && pumping.pump->clients;
    if (!clients_fault && (done.error().code == Code::UpstreamClosed || done.error().code == Code::UpstreamProtocol))
      x.upstream->broke_rules("broke off its answer");
    x.record.failed(clients_fault ? *pumping.pump->error : done.error());
    x.keep_alive = false;
  }
  co_await end_pump(&x, pumping);  // still running: answered before the request was through
  bool sound = whole || !pumping.pump->error;
  release_upstream(x, done && *done && x.client.scratch().parsed.keep_alive && sound);
  if (!done) x.client.stream().close();
}

}  // namespace sl::proxy

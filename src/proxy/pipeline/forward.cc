// Steps shared by plain and model backends.
#include "base/ids.h"
#include "base/strings.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/pipeline/fields.h"

namespace sl::proxy {

int64_t time_left(const Exchange& x, int64_t wanted) {
  if (!x.deadline_ms && !x.backend_deadline_ms) return wanted;
  for (int64_t at : {x.deadline_ms, x.backend_deadline_ms})
    if (at) wanted = std::min(wanted, at - x.client.worker().loop().now_ms());
  return wanted;  // not above 0: over already; the next tick of the clock ends it
}

int64_t head_wait(const Exchange& x, int64_t usual_ms) {
  return time_left(x, x.backend_deadline_ms || x.deadline_ms ? INT64_MAX / 4 : usual_ms);
}

// awaited in place
net::Task<Result<void>> write_rest(net::Stream& stream, std::string_view first, std::string_view second, int64_t ms) {
  stream.write_deadline().expires_in(ms);  // a read may be under way beside it
  auto sent = co_await stream.write2(first, second);
  stream.write_deadline().disarm();
  co_return sent;
}

Error write_failed(Exchange& x, const Error& why) {
  x.keep_alive = false;
  bool ended_here = why.code == Code::Cancelled && x.client.stream().is_open();  // the wait, not the connection
  if (why.code == Code::Timeout || ended_here) return {Code::Cancelled, "the client stopped taking the answer", {}};
  x.client.client_left();  // seen here before the worker has looked
  return {Code::Cancelled, "the client went away", {}};
}

void begin_answer(const Exchange&, int status, std::string& out) {
  char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                   static_cast<char>('0' + status % 10), ' '};
  out.append("HTTP/1.1 ").append(digits, 4).append(net::reason_phrase(status)).append("\r\n");
}

void end_answer(Exchange& x, std::string& out) {
  if (x.client.worker().draining()) x.keep_alive = false;
  if (!x.keep_alive)
    out += "Connection: close\r\n";
  else if (x.client.head().minor_version == 0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

bool may_repeat(std::string_view m) {
  return m == "GET" || m == "HEAD" || m == "OPTIONS" || m == "TRACE" || m == "PUT" || m == "DELETE";
}

bool reply_now(Exchange& x, int status, std::string_view fields, Unsent& unsent) {
  if (x.head_sent) {
    x.keep_alive = false;
    return true;
  }
  // Unread body bytes would be taken for a request: small ones are drained, for more the connection closes.
  if (!x.client.body().done()) {
    std::string unread;
    auto drained = x.client.buffered_body(unread);
    if (!drained || !x.client.body().done()) x.keep_alive = false;
  }
  std::string& out = x.client.scratch().answer;
  out.clear();
  begin_answer(x, status, out);
  out += fields;
  append_length(unsent.body.size(), out);
  end_answer(x, out);
  x.record.status = status;
  x.record.response_bytes += unsent.body.size();
  if (x.client.head().method == "HEAD") unsent.body = {};
  x.head_sent = true;
  unsent.head = out;
  return x.client.stream().write_now(unsent.head, unsent.body);
}

// awaited in place
net::Task<void> finish_reply(Exchange& x, Unsent unsent) {
  auto ok = co_await write_rest(x.client.stream(), unsent.head, unsent.body, 30'000);
  if (!ok) x.record.failed(write_failed(x, ok.error()));
}

net::Task<void> send_reply(Exchange& x, Reply reply, std::string fields) {
  if (!reply.content_type.empty() && !reply.body.empty()) append_line("Content-Type", reply.content_type, fields);
  Unsent unsent{{}, reply.body};
  if (!reply_now(x, reply.status, fields, unsent)) co_await finish_reply(x, unsent);
}

net::Task<void> send_error(Exchange& x, Error error, std::string fields) {
  x.record.failed(error);
  if (x.client.left()) co_return;
  Reply reply = error_reply(error, x.dialect);
  append_line("x-sightline-trace", x.record.trace_id, fields);  // what went wrong is what one wants explained
  co_await send_reply(x, std::move(reply), std::move(fields));
}

static void note_upstream(Exchange& x) {
  int64_t limit_ms = x.match.match->rule->spec->backend_timeout_ms;
  x.backend_deadline_ms = limit_ms ? x.client.worker().loop().now_ms() + limit_ms : 0;
  x.record.upstream_addr = x.upstream->stream.peer();
  x.record.tls_version = x.upstream->tls_version;
  x.record.tls_peer = x.upstream->tls_peer;
  x.client.watch_upstream(&x.upstream->stream);
}

bool reuse_upstream(Exchange& x) {
  x.record.endpoint = x.compiled->authorities[x.endpoint];
  x.upstream = x.client.worker().pool().take_kept(*x.compiled, x.endpoint, monotonic_us());
  if (!x.upstream) return false;
  note_upstream(x);
  return true;
}

net::Task<Result<void>> connect_upstream(Exchange& x) {
  x.record.endpoint = x.compiled->authorities[x.endpoint];
  x.client.watch_upstream(nullptr);
  x.upstream.reset();
  x.backend_deadline_ms = 0;
  net::Cancel cancel;
  x.client.watch_connecting(&cancel);
  auto got = co_await x.client.worker().pool().connect(x.compiled, x.endpoint,
                                                       std::max<int64_t>(1, time_left(x, 10'000)), &cancel);
  x.client.watch_connecting(nullptr);
  if (x.client.left()) co_return fail(Code::Cancelled, "the client went away");
  if (!got) {
    if (x.record.upstream_addr.empty()) x.record.auth.clear();  // nothing was sent, so no credential
    co_return fail(std::move(got).error());
  }
  x.upstream = std::move(*got);
  x.client.worker().note_connected(x.upstream->key, x.upstream->stream.socket());
  note_upstream(x);
  co_return Result<void>();
}

void release_upstream(Exchange& x, bool reusable) {
  x.client.watch_upstream(nullptr);
  if (!x.upstream) return;
  x.client.worker().pool().note_session(*x.upstream);
  if (reusable && !x.client.left()) x.client.worker().pool().release(std::move(x.upstream));
  x.upstream.reset();
}

net::Task<Result<void>> read_upstream_head(Exchange& x, http1::ResponseHead& head, int64_t wait_ms) {
  auto& up = *x.upstream;
  std::string& text = x.client.scratch().head;
  size_t seen = 0;
  up.stream.deadline().expires_in(wait_ms);  // for the whole head, however it drips
  for (;;) {
    size_t end = http1::find_head_end(up.buffer.view(), seen);
    if (end) {
      text.assign(up.buffer.view().substr(0, end));
      up.buffer.consume(end);
      auto parsed = http1::parse_response(text, head, x.client.head().method == "HEAD");
      if (!parsed) {
        up.broke_rules("answered what is no HTTP");
        co_return fail(Code::UpstreamProtocol, fmt::format("{}: {}", x.record.endpoint, parsed.error().message));
      }
      if (head.status == 101)
        co_return fail(Code::UpstreamProtocol, fmt::format("{} switched protocols unasked", x.record.endpoint));
      if (head.status >= 200) {
        up.stream.deadline().disarm();
        co_return Result<void>();
      }
      // RFC 9110 15.2: what the backend says in between is the client's; "100 Continue" we answered ourselves.
      if (head.status != 100 && !x.dialect && x.client.head().minor_version == 1) {
        std::string told;
        begin_answer(x, head.status, told);
        for (auto& f : head.fields)
          if (!connection_bound(head, f.name)) append_line(f.name, f.value, told);
        told += "\r\n";
        auto ok = co_await write_rest(x.client.stream(), told, {}, time_left(x, 60'000));
        if (!ok) co_return fail(write_failed(x, ok.error()));
      }
      seen = 0;
      continue;
    }
    seen = up.buffer.size();
    if (seen > 65'536)
      co_return fail(Code::UpstreamProtocol, fmt::format("{}: response head is larger than 64 KiB", x.record.endpoint));
    char* space = up.buffer.space(kReadBytes);
    auto n = co_await up.stream.read_some(space, kReadBytes);
    up.take_read(n);
    if (!n) co_return fail(std::move(n).error());
    if (*n > 0) continue;
    up.broke_rules("closed before answering");
    co_return fail(Code::UpstreamClosed, fmt::format("{} closed the connection before answering", x.record.endpoint));
  }
}

}  // namespace sl::proxy

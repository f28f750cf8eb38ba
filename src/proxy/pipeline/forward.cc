// Steps shared by plain and model backends.
#include "base/ids.h"
#include "base/strings.h"
#include "proxy/pipeline/exchange.h"

namespace sl::proxy {

bool same_field(std::string_view a, std::string_view b) {
  return iequals(a, b);
}

int64_t time_left(const Exchange& x, int64_t wanted) {
  if (!x.deadline_ms) return wanted;
  return std::max<int64_t>(1, std::min(wanted, x.deadline_ms - x.client.worker().loop().now_ms()));
}

void begin_answer(const Exchange&, int status, std::string& out) {
  out += "HTTP/1.1 ";
  fmt::format_to(std::back_inserter(out), "{} {}\r\n", status, net::reason_phrase(status));
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

net::Task<void> send_reply(Exchange& x, Reply reply, net::Headers extra) {
  if (x.head_sent) {
    x.keep_alive = false;
    co_return;
  }
  // Unread body bytes would be taken for a request: small ones are drained, for more the connection closes.
  if (!x.client.body().done()) {
    auto drained = x.client.buffered_body();
    if (!drained || !x.client.body().done()) x.keep_alive = false;
  }
  std::string out;
  begin_answer(x, reply.status, out);
  if (!reply.content_type.empty() && !reply.body.empty())
    fmt::format_to(std::back_inserter(out), "Content-Type: {}\r\n", reply.content_type);
  for (auto& [name, value] : extra) fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
  fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", reply.body.size());
  end_answer(x, out);
  x.record.status = reply.status;
  x.record.response_bytes += reply.body.size();
  if (x.client.head().method == "HEAD") reply.body.clear();
  x.head_sent = true;
  x.client.stream().deadline().expires_in(30'000);
  auto ok = co_await x.client.stream().write2(out, reply.body);
  x.client.stream().deadline().disarm();
  if (!ok) x.keep_alive = false;
}

net::Task<void> send_error(Exchange& x, Error error) {
  if (x.record.error.empty()) x.record.error = error.message;
  if (x.client.left()) co_return;
  Reply reply = error_reply(error, x.dialect);
  co_await send_reply(x, std::move(reply));
}

net::Task<Result<void>> open_upstream(Exchange& x, bool fresh) {
  auto& e = x.backend->endpoints[x.endpoint];
  x.record.endpoint = fmt::format("{}:{}", e.host, e.port);
  auto got = co_await x.client.worker().pool().acquire(x.backend, x.endpoint, fresh, time_left(x, 10'000));
  if (!got) co_return fail(std::move(got).error());
  x.upstream = std::move(*got);
  x.record.upstream_addr = x.upstream->stream.peer();
  x.record.tls_version = x.upstream->tls_version;
  x.record.tls_peer = x.upstream->tls_peer;
  x.client.watch_upstream(&x.upstream->stream);
  co_return Result<void>();
}

void release_upstream(Exchange& x, bool reusable) {
  x.client.watch_upstream(nullptr);
  if (!x.upstream) return;
  x.client.worker().pool().note_session(*x.upstream);
  if (reusable && !x.client.left()) x.client.worker().pool().release(std::move(x.upstream));
  x.upstream.reset();
}

net::Task<Result<void>> read_upstream_head(Exchange& x, std::string& text, http1::ResponseHead& head, int64_t wait_ms) {
  auto& up = *x.upstream;
  size_t seen = 0;
  up.stream.deadline().expires_in(wait_ms);  // for the whole head, however it drips
  for (;;) {
    size_t end = http1::find_head_end(up.buffer, seen);
    if (end) {
      text.assign(up.buffer, 0, end);
      up.buffer.erase(0, end);
      auto parsed = http1::parse_response(text, head, x.client.head().method == "HEAD");
      if (!parsed)
        co_return fail(Code::UpstreamProtocol, fmt::format("{}: {}", x.record.endpoint, parsed.error().message));
      if (head.status == 101)
        co_return fail(Code::UpstreamProtocol, fmt::format("{} switched protocols unasked", x.record.endpoint));
      if (head.status >= 200) {
        up.stream.deadline().disarm();
        co_return Result<void>();
      }
      seen = 0;
      continue;
    }
    seen = up.buffer.size();
    if (seen > 65'536)
      co_return fail(Code::UpstreamProtocol, fmt::format("{}: response head is larger than 64 KiB", x.record.endpoint));
    up.buffer.resize(seen + 16'384);
    auto n = co_await up.stream.read_some(up.buffer.data() + seen, 16'384);
    up.buffer.resize(seen + (n ? *n : 0));
    if (!n) co_return fail(std::move(n).error());
    if (*n == 0)
      co_return fail(Code::UpstreamClosed, fmt::format("{} closed the connection before answering", x.record.endpoint));
  }
}

}  // namespace sl::proxy

// Steps shared by plain and model backends.
#include "base/ids.h"
#include "base/strings.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/pipeline/fields.h"

namespace sl::proxy {

bool same_field(std::string_view a, std::string_view b) {
  return iequals(a, b);
}

int64_t time_left(const Exchange& x, int64_t wanted) {
  if (!x.deadline_ms) return wanted;
  return std::max<int64_t>(1, std::min(wanted, x.deadline_ms - x.client.worker().loop().now_ms()));
}

// awaited in place
net::Task<Result<void>> write_rest(net::Stream& stream, std::string_view first, std::string_view second, int64_t ms) {
  stream.deadline().expires_in(ms);
  auto sent = co_await stream.write2(first, second);
  stream.deadline().disarm();
  co_return sent;
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

net::Task<void> send_reply(Exchange& x, Reply reply, net::Headers extra) {
  if (x.head_sent) {
    x.keep_alive = false;
    co_return;
  }
  // Unread body bytes would be taken for a request: small ones are drained, for more the connection closes.
  if (!x.client.body().done()) {
    std::string unread;
    auto drained = x.client.buffered_body(unread);
    if (!drained || !x.client.body().done()) x.keep_alive = false;
  }
  std::string& out = x.client.scratch().answer;
  out.clear();
  begin_answer(x, reply.status, out);
  bool typed = std::any_of(extra.begin(), extra.end(), [](auto& h) { return same_field(h.first, "content-type"); });
  if (!typed && !reply.content_type.empty() && !reply.body.empty())
    append_line("Content-Type", reply.content_type, out);
  for (auto& [name, value] : extra) append_line(name, value, out);
  append_length(reply.body.size(), out);
  end_answer(x, out);
  x.record.status = reply.status;
  x.record.response_bytes += reply.body.size();
  if (x.client.head().method == "HEAD") reply.body.clear();
  x.head_sent = true;
  std::string_view head = out, body = reply.body;
  if (x.client.stream().write_now(head, body)) co_return;
  auto ok = co_await write_rest(x.client.stream(), head, body, 30'000);
  if (!ok) x.keep_alive = false;
}

net::Task<void> send_error(Exchange& x, Error error) {
  if (x.record.error.empty()) x.record.error = error.message;
  if (x.client.left()) co_return;
  Reply reply = error_reply(error, x.dialect);
  co_await send_reply(x, std::move(reply));
}

net::Task<Result<void>> open_upstream(Exchange& x, bool fresh) {
  x.record.endpoint = x.compiled->authorities[x.endpoint];
  auto& pool = x.client.worker().pool();
  x.upstream.reset();
  if (!fresh) x.upstream = pool.take_kept(*x.compiled, x.endpoint, may_repeat(x.client.head().method));
  if (!x.upstream) {
    auto got = co_await pool.connect(x.compiled, x.endpoint, time_left(x, 10'000));
    if (!got) co_return fail(std::move(got).error());
    x.upstream = std::move(*got);
  }
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
    char* space = up.buffer.space(kReadBytes);
    auto n = co_await up.stream.read_some(space, kReadBytes);
    if (!n) co_return fail(std::move(n).error());
    up.buffer.commit(*n);
    if (*n == 0)
      co_return fail(Code::UpstreamClosed, fmt::format("{} closed the connection before answering", x.record.endpoint));
  }
}

}  // namespace sl::proxy

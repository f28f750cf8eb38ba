// A language-model backend: the request is read whole (bounded), put into the provider's form and sent with the right
// credential; the answer comes back event by event in the client's form.
#include "base/ids.h"
#include "base/strings.h"
#include "llm/dialect/dialect.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/pipeline/fields.h"

namespace sl::proxy {
namespace {

constexpr int64_t kFirstByteMs = 600'000;  // a model may think long
constexpr int64_t kEventMs = 300'000;      // longest silence inside an answer
constexpr int64_t kWriteMs = 60'000;
constexpr size_t kAnswerMax = 16u << 20;

// The whole request body: a view of what was read with the head, or of `store`.
net::Task<Result<std::string_view>> read_request(Exchange& x, std::string& store) {
  size_t limit = x.client.worker().options().llm_body_bytes_max;
  auto& head = x.client.head();
  if (head.framing == http1::Framing::Length && head.content_length > limit)
    co_return fail(Code::TooLarge, fmt::format("the request body is over the limit of {} bytes", limit));
  if (head.expect_continue) {
    auto told = co_await x.client.stream().write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!told) co_return fail(std::move(told).error());
  }
  std::string pieces;
  auto here = x.client.buffered_body(pieces);
  if (!here || x.client.body().done()) {
    if (here && here->size() > limit)
      co_return fail(Code::TooLarge, fmt::format("the request body is over the limit of {} bytes", limit));
    if (here && !pieces.empty()) here = store = std::move(pieces);
    co_return here;
  }
  store = *here;
  while (!x.client.body().done()) {
    auto piece = co_await x.client.read_body();
    if (!piece) co_return fail(std::move(piece).error());
    store += *piece;
    if (store.size() > limit)
      co_return fail(Code::TooLarge, fmt::format("the request body is over the limit of {} bytes", limit));
  }
  co_return store;
}

std::string caller_key(const http1::RequestHead& head) {
  if (auto bearer = head.field("authorization");
      bearer && bearer->size() > 7 && iequals(bearer->substr(0, 7), "bearer "))
    return std::string(trim(bearer->substr(7)));
  if (auto key = head.field("x-api-key")) return std::string(*key);
  return "";
}

// The credential header to send. Notes in the record whose it is.
Result<std::optional<llm::CredentialHeader>> choose_credential(Exchange& x, const llm::Provider& provider) {
  auto& auth = x.backend->ai->auth;
  std::string key;
  if (auth.kind == "key" && !auth.credential.empty()) {
    key = auth.credential;
    x.record.auth = auth.source.empty() ? "key" : auth.source;
  } else if (auth.kind == "key" || auth.kind == "passthrough") {
    key = caller_key(x.client.head());
    x.record.auth = "caller";
    if (key.empty()) {
      x.record.auth = "none";
      return fail(
          Code::Unauthenticated,
          auth.missing.empty()
              ? "this backend passes the caller's credential on, and the request has none: send Authorization: Bearer"
              : auth.missing);
    }
  } else {
    x.record.auth = "none";
    return std::optional<llm::CredentialHeader>();
  }
  for (unsigned char c : key)
    if (c < 0x20 || c == 0x7f)
      return fail(Code::Unauthenticated,
                  "the credential holds a control character; check the Secret for a stray line end");
  if (!auth.header.empty()) return std::optional(llm::CredentialHeader{auth.header, auth.prefix + key});
  return std::optional(provider.credential(key));
}

// In pass-through the client's own headers mean something to the provider; translated, only these do.
bool forwarded(std::string_view name, bool pass_through) {
  for (auto never : {"host", "content-length", "authorization", "x-api-key", "api-key", "accept-encoding", "cookie",
                     "expect", "traceparent", "x-sightline-identity", "content-type", "accept"})
    if (same_field(name, never)) return false;
  if (pass_through) return true;
  return same_field(name, "user-agent") || same_field(name, "anthropic-beta") || same_field(name, "tracestate") ||
         same_field(name, "x-request-id");
}

std::string_view request_head(Exchange& x, const llm::Provider& provider, const llm::Exchange& call,
                              const std::optional<llm::CredentialHeader>& credential, size_t body_size) {
  auto& ai = *x.backend->ai;
  auto& e = x.backend->endpoints[x.endpoint];
  std::string path = ai.path.empty() ? provider.endpoint().path : ai.path;
  std::string& out = x.client.scratch().request;
  out.clear();
  bool usual_port = e.port == (x.backend->tls ? 443 : 80);
  auto& change = x.share->request_headers;
  out += "POST ";
  append_target(path, out);
  out += " HTTP/1.1\r\n";
  append_line("Host", usual_port ? e.host : x.compiled->authorities[x.endpoint], out);
  append_own(change, "Content-Type", "application/json", out);
  append_own(change, "Accept", call.streamed() ? "text/event-stream" : "application/json", out);
  for (auto& f : x.client.head().fields)
    if (forwarded(f.name, call.pass_through()) && !connection_bound(x.client.head(), f.name) &&
        !replaced(change, f.name))
      append_line(f.name, f.value, out);
  if (credential) append_own(change, credential->name, credential->value, out);
  for (auto& h : provider.headers(ai.api_version)) append_own(change, h.name, h.value, out);
  append_changes(change, out);
  append_own(change, "traceparent", x.traceparent, out);
  append_length(body_size, out);
  out += "\r\n";
  return out;
}

// The texts live in the caller's frame; awaited in place.
net::Task<Result<void>> send_upstream(Exchange& x, std::string_view head, std::string_view body) {
  int64_t wait_ms = x.match.match->rule->spec->backend_timeout_ms;
  auto opened = co_await open_upstream(x, false);
  if (!opened) co_return opened;
  auto& stream = x.upstream->stream;
  if (!stream.write_now(head, body)) {
    auto sent = co_await write_rest(stream, head, body, time_left(x, kWriteMs));
    if (!sent) co_return sent;
  }
  // Never a second time: a model call costs money, and the first may have been taken.
  co_return co_await read_upstream_head(x, x.client.scratch().parsed, time_left(x, wait_ms ? wait_ms : kFirstByteMs));
}

// More bytes of the answer into upstream->buffer; false at the end of the connection.
net::Task<Result<bool>> read_more(Exchange& x) {
  auto& up = *x.upstream;
  up.stream.deadline().expires_in(time_left(x, kEventMs));
  char* space = up.buffer.space(kReadBytes);
  auto n = co_await up.stream.read_some(space, kReadBytes);
  up.stream.deadline().disarm();
  if (!n) co_return fail(std::move(n).error());
  up.buffer.commit(*n);
  co_return *n > 0;
}

// The whole answer: a view of what the upstream's buffer holds, or of `store`.
net::Task<Result<std::string_view>> read_answer(Exchange& x, http1::BodyDecoder& body, std::string& store) {
  for (;;) {
    std::string_view input = x.upstream->buffer.view(), only;
    while (!input.empty() && !body.done()) {
      auto piece = body.next(input);
      if (!piece) co_return fail(Code::UpstreamProtocol, piece.error().message);
      if (store.empty() && only.empty() && body.done()) only = *piece;
      if (only.empty()) store += *piece;
    }
    x.upstream->buffer.clear();
    if (body.done()) co_return store.empty() ? only : std::string_view(store);
    if (store.size() > kAnswerMax) co_return fail(Code::UpstreamProtocol, "the provider's answer is over 16 MiB");
    auto more = co_await read_more(x);
    if (!more) co_return fail(std::move(more).error());
    if (*more) continue;
    if (body.end_of_input() && !x.upstream->stream.truncated()) co_return store;
    co_return fail(Code::UpstreamClosed, fmt::format("{} closed in the middle of its answer", x.record.endpoint));
  }
}

void note_facts(Exchange& x, const llm::Exchange& call) {
  auto& f = call.facts();
  x.record.response_model = f.model;
  x.record.finish_reason = f.finish;
  x.record.has_usage = f.has_usage;
  x.record.input_tokens = f.usage.input;
  x.record.output_tokens = f.usage.output;
  x.record.cached_tokens = f.usage.cached;
  x.record.dropped = call.dropped();
}

bool icontains(std::string_view text, std::string_view piece) {
  for (size_t i = 0; i + piece.size() <= text.size(); ++i)
    if (iequals(text.substr(i, piece.size()), piece)) return true;
  return false;
}

net::Headers answer_headers(Exchange& x, const llm::Exchange& call, const http1::ResponseHead& answer) {
  net::Headers out;
  if (!call.dropped().empty()) {
    std::string names;
    for (auto& d : call.dropped())
      for (char c : (names.empty() ? "" : ", ") + d) names += c >= 0x20 && c < 0x7f ? c : '?';
    out.emplace_back("x-sightline-dropped", std::move(names));
  }
  auto& change = x.share->response_headers;
  if (!replaced(change, "x-sightline-trace")) out.emplace_back("x-sightline-trace", x.record.trace_id);
  if (change)
    for (auto* list : {&change->set, &change->add})
      for (auto& h : *list)
        if (!frames_message(h.name)) out.emplace_back(h.name, h.value);
  for (auto& f : answer.fields) {
    if (replaced(change, f.name)) continue;
    bool useful = same_field(f.name, "retry-after") || same_field(f.name, "request-id") ||
                  same_field(f.name, "x-request-id") || icontains(f.name, "ratelimit");
    if (useful) out.emplace_back(f.name, f.value);
  }
  return out;
}

void append_headers(const net::Headers& headers, std::string& out) {
  for (auto& [name, value] : headers) append_line(name, value, out);
}

// awaited in place
net::Task<bool> write_client(Exchange& x, std::string_view text) {
  if (!x.record.first_byte_us) x.record.first_byte_us = monotonic_us() - x.start_us;
  std::string_view none;
  if (x.client.stream().write_now(text, none)) co_return true;
  auto sent = co_await write_rest(x.client.stream(), text, none, kWriteMs);
  if (!sent) {
    if (x.record.error.empty()) x.record.error = "the client stopped taking the answer";
    x.keep_alive = false;
  }
  co_return sent.has_value();
}

struct StreamState {
  std::string out;     // in the client's framing, ready to write
  std::string events;  // translated bytes of one read
  bool chunked = true;
};

void frame_events(Exchange& x, StreamState& s) {
  if (s.events.empty()) return;
  x.record.response_bytes += s.events.size();
  if (s.chunked) http1::append_chunk_head(s.events.size(), s.out);
  s.out += s.events;
  if (s.chunked) s.out += "\r\n";
  s.events.clear();
}

// Streams until the provider's end. True when the connection may be kept.
net::Task<bool> stream_events(Exchange& x, llm::Exchange& call, http1::BodyDecoder& body, StreamState& s) {
  for (;;) {
    std::string_view input = x.upstream->buffer.view();
    std::string broken;
    while (!input.empty() && !body.done()) {
      auto piece = body.next(input);
      if (!piece) {
        broken = piece.error().message;
        break;
      }
      call.feed(*piece, s.events);
    }
    x.upstream->buffer.clear();
    bool ended = body.done() || !broken.empty() || call.stream_ended();
    if (!ended) {
      frame_events(x, s);
      if (!s.out.empty() && !co_await write_client(x, s.out)) co_return false;
      s.out.clear();
      auto more = co_await read_more(x);
      if (more && *more) continue;
      if (!more)
        broken = more.error().message;
      else if (!body.end_of_input())
        broken = fmt::format("{} closed the stream before its end", x.record.endpoint);
    }
    bool whole = broken.empty() ? call.finish(s.events) : call.finish(s.events, broken);
    if (!whole) x.record.error = broken.empty() ? "the provider's stream failed" : broken;
    frame_events(x, s);
    // A failed stream must not look finished: no last chunk, the connection is cut.
    if (s.chunked && whole) s.out += http1::kLastChunk;
    bool sent = co_await write_client(x, s.out);
    if (!whole) x.keep_alive = false;
    if (sent && whole && !body.done() && x.client.scratch().parsed.keep_alive) {
      x.client.watch_upstream(nullptr);
      x.client.worker().pool().note_session(*x.upstream);
      x.client.worker().pool().settle(std::move(x.upstream), std::move(body));
      co_return false;
    }
    co_return sent&& whole&& body.done();
  }
}

net::Task<bool> answer_stream(Exchange& x, llm::Exchange& call, const http1::ResponseHead& answer) {
  http1::BodyDecoder body(answer.framing, answer.content_length);
  StreamState s;
  s.chunked = x.client.head().minor_version == 1;
  if (!s.chunked) x.keep_alive = false;
  begin_answer(x, 200, s.out);
  auto& change = x.share->response_headers;
  append_own(change, "Content-Type", "text/event-stream; charset=utf-8", s.out);
  append_own(change, "Cache-Control", "no-cache", s.out);
  append_headers(answer_headers(x, call, answer), s.out);
  if (s.chunked) s.out += "Transfer-Encoding: chunked\r\n";
  end_answer(x, s.out);
  x.record.status = 200;
  x.record.streamed = true;
  x.head_sent = true;
  bool reusable = co_await stream_events(x, call, body, s);
  note_facts(x, call);
  if (call.stream_failed()) x.client.stream().close();
  co_return reusable;
}

net::Task<bool> answer_whole(Exchange& x, llm::Exchange& call, const http1::ResponseHead& answer) {
  http1::BodyDecoder body(answer.framing, answer.content_length);
  std::string store;
  auto text = co_await read_answer(x, body, store);
  if (!text) {
    co_await send_error(x, text.error());
    co_return false;
  }
  Reply reply{answer.status, "application/json", ""};
  if (answer.status >= 400) {
    reply.body = call.error_response(&reply.status, *text);
    x.record.error = fmt::format("the provider answered {}", answer.status);
  } else {
    auto made = call.response(*text);
    if (!made) {
      co_await send_error(x, made.error());
      co_return body.done();
    }
    reply.body = std::move(*made);
  }
  note_facts(x, call);
  auto headers = answer_headers(x, call, answer);
  co_await send_reply(x, std::move(reply), std::move(headers));
  co_return body.done();
}

void begin_model_record(Exchange& x, const llm::Provider& provider) {
  x.record.protocol = "llm";
  x.record.genai_operation = "chat";
  x.record.genai_provider = provider.genai_name();
  x.record.endpoint = x.compiled->authorities[x.endpoint];
}

}  // namespace

net::Task<void> forward_model(Exchange& x) {
  x.dialect = &llm::openai_chat();
  auto* provider = llm::find_provider(x.backend->ai->provider);
  if (!provider) {
    co_await send_error(
        x, Error{Code::Unsupported, fmt::format("provider \"{}\" is not supported yet", x.backend->ai->provider), {}});
    co_return;
  }
  begin_model_record(x, *provider);
  if (x.client.head().method != "POST") {
    co_await send_error(x, Error{Code::MethodNotAllowed, "chat completions take POST", {}});
    co_return;
  }
  std::string store;
  auto body = co_await read_request(x, store);
  if (!body) {
    co_await send_error(x, body.error());
    co_return;
  }
  x.record.request_bytes = body->size();
  auto call = llm::Exchange::make(*x.dialect, *provider);
  auto encoded = call ? call->request(*body, x.backend->ai->model) : Result<std::string>(fail(call.error()));
  if (!encoded) {
    co_await send_error(x, encoded.error());
    co_return;
  }
  x.record.request_model = call->model();
  auto credential = choose_credential(x, *provider);
  if (!credential) {
    co_await send_error(x, credential.error());
    co_return;
  }
  std::string_view head = request_head(x, *provider, *call, *credential, encoded->size());
  const http1::ResponseHead& answer = x.client.scratch().parsed;
  auto sent = co_await send_upstream(x, head, *encoded);
  if (!sent) {
    co_await send_error(x, sent.error());
    release_upstream(x, false);
    co_return;
  }
  auto type = answer.field("content-type");
  bool stream = answer.status < 300 && call->streamed() && type && type->starts_with("text/event-stream");
  bool reusable = false;
  if (stream)
    reusable = co_await answer_stream(x, *call, answer);
  else
    reusable = co_await answer_whole(x, *call, answer);
  release_upstream(x, reusable && answer.keep_alive);
}

}  // namespace sl::proxy

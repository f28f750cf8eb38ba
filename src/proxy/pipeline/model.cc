// A language-model backend: the request is read whole (bounded), put into the provider's form and sent with the right
// credential; the answer comes back event by event in the client's form.
#include "base/ids.h"
#include "base/strings.h"
#include "llm/dialect/dialect.h"
#include "proxy/pipeline/exchange.h"
#include "proxy/pipeline/fields.h"
#include "proxy/pipeline/model_request.h"

namespace sl::proxy {
namespace {

constexpr int64_t kFirstByteMs = 600'000;  // a model may think long
constexpr int64_t kEventMs = 300'000;      // longest silence inside an answer
constexpr int64_t kWriteMs = 60'000;
constexpr size_t kAnswerMax = 16u << 20;
constexpr size_t kRecordedNameMax = 256;    // of what is recorded
constexpr size_t kDroppedNamesMax = 2'048;  // bytes of x-sightline-dropped: clients bound their header

// The texts live in the caller's frame; awaited in place.
net::Task<Result<void>> send_upstream(Exchange& x, std::string_view head, std::string_view body) {
  if (!reuse_upstream(x)) {
    auto opened = co_await connect_upstream(x);
    if (!opened) co_return opened;
  }
  auto& stream = x.upstream->stream;
  // After translating: the requests of one round go out together, and the peer is woken once instead of once for each.
  co_await x.client.worker().loop().yield<1>();
  if (!stream.write_now(head, body)) {
    auto sent = co_await write_rest(stream, head, body, time_left(x, kWriteMs));
    if (!sent && sent.error().code == Code::UpstreamClosed) x.upstream->broke_rules("closed while a request was sent");
    if (!sent) co_return sent;
  }
  // Never a second time: a model call costs money, and the first may have been taken.
  co_return co_await read_upstream_head(x, x.client.scratch().parsed, head_wait(x, kFirstByteMs));
}

// More bytes of the answer into upstream->buffer; false at the end of the connection.
net::Task<Result<bool>> read_more(Exchange& x) {
  auto& up = *x.upstream;
  up.stream.deadline().expires_in(time_left(x, kEventMs));
  char* space = up.buffer.space(kReadBytes);
  auto n = co_await up.stream.read_some(space, kReadBytes);
  up.stream.deadline().disarm();
  up.take_read(n);
  if (!n) co_return fail(std::move(n).error());
  co_return *n > 0;
}

// A whole answer as it arrives: a view of the upstream's buffer while one piece is all, a copy otherwise.
struct WholeAnswer {
  http1::BodyDecoder body;
  std::string_view only;
  std::string store;
  bool surplus = false;  // more came than was promised: it must not be taken for another answer

  std::string_view text() const { return store.empty() ? only : std::string_view(store); }
  // Takes what the buffer holds.
  Result<void> take(Buffer& buffer) {
    std::string_view input = buffer.view();
    while (!input.empty() && !body.done()) {
      auto piece = body.next(input);
      if (!piece) return fail(Code::UpstreamProtocol, piece.error().message);
      if (store.empty() && only.empty() && body.done())
        only = *piece;
      else
        store += *piece;
    }
    surplus |= !input.empty();
    buffer.clear();
    if (store.size() > kAnswerMax) return fail(Code::UpstreamProtocol, "the provider's answer is over 16 MiB");
    return {};
  }
};

void note_facts(Exchange& x, const llm::Exchange& call) {
  auto& f = call.facts();
  x.record.response_model = f.model;
  x.record.finish_reason = f.finish;
  x.record.has_usage = f.has_usage;
  x.record.input_tokens = f.usage.input;
  x.record.output_tokens = f.usage.output;
  x.record.cached_tokens = f.usage.cached;
  for (auto& d : call.dropped()) x.record.dropped.push_back(truncate_utf8(d, kRecordedNameMax));
}

// Rate limits ("ratelimit", "x-ratelimit-...", "anthropic-ratelimit-..."), when to try again, and ids that help when
// asking the provider.
bool useful_to_client(std::string_view name) {
  switch (name.size()) {
    case 10:
      return iequals(name, "request-id");
    case 11:
      return iequals(name, "retry-after");
    case 12:
      return iequals(name, "x-request-id");
    case 14:
      return iequals(name, "x-should-retry") || iequals(name, "retry-after-ms");
    default:
      break;
  }
  constexpr std::string_view kLimit = "ratelimit", kOpenAi = "openai-";
  if (iequals(name.substr(0, kOpenAi.size()), kOpenAi)) return true;
  if (iequals(name.substr(0, kLimit.size()), kLimit)) return true;
  size_t dash = name.find('-');
  return dash != std::string_view::npos && iequals(name.substr(dash + 1, kLimit.size()), kLimit);
}

// The fields of an answer, but for those that frame it, as lines.
void append_answer_fields(Exchange& x, const llm::Exchange& call, const http1::ResponseHead& answer,
                          std::string_view content_type, std::string& out) {
  auto& change = x.share->response_headers;
  append_own(change, "Content-Type", content_type, out);
  if (!call.dropped().empty()) {
    std::string names;
    for (auto& d : call.dropped()) {
      if (names.size() + d.size() > kDroppedNamesMax) {
        names += names.empty() ? "a field of a very long name" : ", and more";
        break;
      }
      for (char c : (names.empty() ? "" : ", ") + d) names += c >= 0x20 && c < 0x7f ? c : '?';
    }
    append_line("x-sightline-dropped", names, out);
  }
  append_own(change, "x-sightline-trace", x.record.trace_id, out);
  append_changes(change, out);
  for (auto& f : answer.fields)
    if (useful_to_client(f.name) && !replaced(change, f.name)) append_field(f, out);
}

// awaited in place
net::Task<bool> write_client(Exchange& x, std::string_view text) {
  if (!x.record.first_byte_us) x.record.first_byte_us = monotonic_us() - x.start_us;
  std::string_view none;
  if (x.client.stream().write_now(text, none)) co_return true;
  auto sent = co_await write_rest(x.client.stream(), text, none, kWriteMs);
  if (!sent) x.record.failed(write_failed(x, sent.error()));
  co_return sent.has_value();
}

constexpr std::string_view kEvents = "text/event-stream";

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

// From here on the answer is a stream, whatever becomes of it.
void begin(Exchange& x) {
  x.record.status = 200;
  x.record.streamed = true;
  x.head_sent = true;
}

// The provider failed where its stream should have begun: a client takes that for what it is by the status alone.
net::Task<void> answer_early_error(Exchange& x, llm::Exchange& call, const http1::ResponseHead& answer) {
  if (x.client.left()) co_return;
  std::string body = call.early_body();
  std::string& fields = x.client.scratch().fields;
  fields.clear();
  append_answer_fields(x, call, answer, "application/json", fields);
  Unsent unsent{{}, body};
  if (!reply_now(x, call.early_error()->status, fields, unsent)) co_await finish_reply(x, unsent);
}

// Streams until the provider's end. True when the connection may be kept.
net::Task<bool> stream_events(Exchange& x, llm::Exchange& call, const http1::ResponseHead& answer,
                              http1::BodyDecoder& body, StreamState& s) {
  for (;;) {
    std::string_view input = x.upstream->buffer.view();
    Error broken{Code::UpstreamProtocol, "", {}};
    while (!input.empty() && !body.done()) {
      auto piece = body.next(input);
      if (!piece) {
        broken.message = piece.error().message;
        x.upstream->broke_rules("broke off its answer");
        break;
      }
      call.feed(*piece, s.events);
    }
    bool surplus = !input.empty();
    if (surplus) x.upstream->broke_rules("answered more than it promised");
    x.upstream->buffer.clear();
    bool ended = body.done() || !broken.message.empty() || call.stream_ended();
    if (!ended) {
      // Translated, with the first event: until then a failure still has a status of its own.
      if (!s.events.empty() || (call.pass_through() && !x.head_sent)) {
        frame_events(x, s);
        begin(x);
        if (!co_await write_client(x, s.out)) co_return false;
        s.out.clear();
      }
      auto more = co_await read_more(x);
      if (more && *more) continue;
      if (!more)
        broken = std::move(more).error();
      else if (!body.end_of_input())
        broken = {Code::UpstreamClosed, fmt::format("{} closed the stream before its end", x.record.endpoint), {}};
      if (more && !broken.message.empty()) x.upstream->broke_rules("broke off its answer");
    }
    bool whole = broken.message.empty() ? call.finish(s.events)
                                        : call.finish(s.events, broken.message, http_status(broken.code));
    if (!whole)
      x.record.failed(broken.code, broken.message.empty()
                                       ? fmt::format("the provider's stream failed: {}", clean_utf8(call.failure()))
                                       : broken.message);
    if (call.early_error() && !x.head_sent) {
      co_await answer_early_error(x, call, answer);
      co_return false;
    }
    frame_events(x, s);
    // A failed stream must not look finished: no last chunk, the connection is cut.
    if (s.chunked && whole) s.out += http1::kLastChunk;
    begin(x);
    bool sent = co_await write_client(x, s.out);
    if (!whole) x.keep_alive = false;
    if (sent && whole && !body.done() && x.client.scratch().parsed.keep_alive) {
      x.client.watch_upstream(nullptr);
      x.client.worker().pool().note_session(*x.upstream);
      x.client.worker().pool().settle(std::move(x.upstream), std::move(body));
      co_return false;
    }
    co_return sent&& whole&& body.done() && !surplus;
  }
}

net::Task<bool> answer_stream(Exchange& x, llm::Exchange& call, const http1::ResponseHead& answer) {
  http1::BodyDecoder body(answer.framing, answer.content_length);
  StreamState s;
  s.chunked = x.client.head().minor_version == 1;
  if (!s.chunked) x.keep_alive = false;
  begin_answer(x, 200, s.out);
  append_own(x.share->response_headers, "Cache-Control", "no-cache", s.out);
  append_answer_fields(x, call, answer, "text/event-stream; charset=utf-8", s.out);
  if (s.chunked) s.out += "Transfer-Encoding: chunked\r\n";
  end_answer(x, s.out);
  bool reusable = co_await stream_events(x, call, answer, body, s);
  note_facts(x, call);
  if (call.stream_failed() && x.record.streamed) x.client.stream().close();
  co_return reusable;
}

// Why a successful answer cannot be one that was asked for, in words, or "".
std::string wrong_form(const http1::ResponseHead& answer, std::string_view text) {
  auto type = answer.field("content-type");
  if (answer.status >= 300)
    return fmt::format("redirected to {}, which is not followed: it may be another destination",
                       clean_utf8(answer.field("location").value_or("nowhere")));
  if (auto coding = answer.field("content-encoding"); coding && !iequals(*coding, "identity"))
    return fmt::format("came with Content-Encoding {}, which was not asked for", clean_utf8(*coding));
  if (text.empty()) return "was empty";
  if (type && iequals(type->substr(0, kEvents.size()), kEvents)) return "was a stream, and none was asked for";
  return "";
}

// The client's status and body for the provider's whole answer.
Result<std::string> translate_answer(Exchange& x, llm::Exchange& call, const http1::ResponseHead& answer,
                                     std::string_view text, int& status) {
  if (status < 400) {
    if (auto wrong = wrong_form(answer, text); !wrong.empty())
      return fail(Code::UpstreamProtocol, "the provider's answer " + wrong);
    auto made = call.response(text);  // which knows the provider's own words for a failure
    if (made && call.streamed() && !call.pass_through())
      return fail(Code::UpstreamProtocol,
                  fmt::format("the provider's answer was {}, where a stream was asked for",
                              clean_utf8(answer.field("content-type").value_or("of no stated type"))));
    if (made && !call.failure().empty())  // passed through as it is
      x.record.failed(Code::UpstreamProtocol,
                      fmt::format("the provider answered {} with an error: {}", status, clean_utf8(call.failure())));
    return made;
  }
  x.record.failed(Code::UpstreamProtocol, fmt::format("the provider answered {}", status));
  return call.error_response(&status, text);
}

// True when the connection may be kept.
net::Task<bool> answer_whole(Exchange& x, llm::Exchange& call, const http1::ResponseHead& answer) {
  WholeAnswer whole{http1::BodyDecoder(answer.framing, answer.content_length), {}, {}, false};
  Result<void> ok;
  for (;;) {
    ok = whole.take(x.upstream->buffer);
    if (!ok || whole.body.done()) break;
    auto more = co_await read_more(x);
    if (!more)
      ok = fail(std::move(more).error());
    else if (!*more && (!whole.body.end_of_input() || x.upstream->stream.truncated()))
      ok = fail(Code::UpstreamClosed, fmt::format("{} closed in the middle of its answer", x.record.endpoint));
    if (!ok || !*more) break;
  }
  if (whole.surplus) x.upstream->broke_rules("answered more than it promised");
  if (!ok && (ok.error().code == Code::UpstreamClosed || ok.error().code == Code::UpstreamProtocol))
    x.upstream->broke_rules("broke off its answer");
  int status = answer.status;
  auto made = ok ? translate_answer(x, call, answer, whole.text(), status) : Result<std::string>(fail(ok.error()));
  if (!made) {
    co_await send_error(x, made.error());
    co_return ok&& whole.body.done() && !whole.surplus;
  }
  note_facts(x, call);
  std::string& fields = x.client.scratch().fields;
  fields.clear();
  append_answer_fields(x, call, answer, "application/json", fields);
  Unsent unsent{{}, *made};
  if (!reply_now(x, status, fields, unsent)) co_await finish_reply(x, unsent);
  co_return whole.body.done() && !whole.surplus;
}

void begin_model_record(Exchange& x, const llm::Provider& provider) {
  x.record.protocol = "llm";
  x.record.genai_operation = "chat";
  x.record.genai_provider = provider.genai_name();
  x.record.endpoint = x.compiled->authorities[x.endpoint];  // known before anything is sent
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
  if (asks_another_api(x.record.path, x.match.match->path_value)) {
    Error error;
    error.code = Code::NotFound;
    error.message =
        fmt::format("{} is not served: this backend takes chat completions (POST .../chat/completions)", x.record.path);
    co_await send_error(x, error);
    co_return;
  }
  if (x.client.head().method != "POST") {
    co_await send_error(x, Error{Code::MethodNotAllowed, "chat completions take POST", {}}, "Allow: POST\r\n");
    co_return;
  }
  std::string store;
  auto body = arrived_request(x, store);
  if (body && !x.client.body().done()) {
    if (store.empty()) store = *body;
    body = co_await read_rest(x, store);
  }
  if (!body) {
    co_await send_error(x, body.error());
    co_return;
  }
  x.record.request_bytes = body->size();
  llm::Exchange call(*x.dialect, *provider);
  auto encoded = call.request(*body, x.backend->ai->model);
  x.record.request_model =
      call.model().size() <= kRecordedNameMax ? call.model() : truncate_utf8(call.model(), kRecordedNameMax);
  if (!encoded) {
    co_await send_error(x, encoded.error());
    co_return;
  }
  auto credential = choose_credential(x, *provider);
  if (!credential) {
    co_await send_error(x, credential.error());
    co_return;
  }
  std::string_view head = model_request_head(x, *provider, call, *credential, encoded->size());
  const http1::ResponseHead& answer = x.client.scratch().parsed;
  auto sent = co_await send_upstream(x, head, *encoded);
  if (!sent) {
    co_await send_error(x, sent.error());
    release_upstream(x, false);
    co_return;
  }
  auto type = answer.field("content-type");
  bool stream = answer.status < 300 && call.streamed() && type && iequals(type->substr(0, kEvents.size()), kEvents);
  bool reusable = false;
  if (stream)
    reusable = co_await answer_stream(x, call, answer);
  else
    reusable = co_await answer_whole(x, call, answer);
  release_upstream(x, reusable && answer.keep_alive);
}

}  // namespace sl::proxy

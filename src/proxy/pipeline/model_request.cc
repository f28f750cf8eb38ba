#include "proxy/pipeline/model_request.h"

#include <algorithm>

#include "base/strings.h"
#include "proxy/pipeline/fields.h"

namespace sl::proxy {

static constexpr int64_t kContinueMs = 60'000;  // for a client to take "100 Continue"
static constexpr int64_t kRequestMs = 600'000;  // for a whole request body to arrive

Result<std::string_view> arrived_request(Exchange& x, std::string& store) {
  size_t limit = x.client.worker().options().llm_body_bytes_max;
  auto& head = x.client.head();
  auto too_large = [limit] {
    return fail(Code::TooLarge, fmt::format("the request body is over the limit of {} bytes", limit));
  };
  if (head.framing == http1::Framing::Length && head.content_length > limit) return too_large();
  SL_TRY(here, x.client.buffered_body(store));
  if (here.size() > limit) return too_large();
  return here;
}

net::Task<Result<std::string_view>> read_rest(Exchange& x, std::string& store) {
  size_t limit = x.client.worker().options().llm_body_bytes_max;
  if (x.client.head().expect_continue) {
    auto told = co_await write_rest(x.client.stream(), kContinue, {}, kContinueMs);
    if (!told) co_return fail(std::move(told).error());
  }
  // Ends the wait, not the connection: the client can still be told.
  net::Deadline late(x.client.worker().loop(), [&x] {
    boost::system::error_code ignored;
    x.client.stream().socket().cancel(ignored);
  });
  int64_t left_ms = time_left(x, kRequestMs);  // less: the route's own limit
  late.expires_in(std::max<int64_t>(1, left_ms));
  while (!x.client.body().done()) {
    auto piece = co_await x.client.read_body();
    if (late.expired())
      co_return fail(left_ms < kRequestMs ? Code::Timeout : Code::RequestTimeout,
                     "the request body did not arrive in time");
    if (!piece) co_return fail(std::move(piece).error());
    store += *piece;
    if (store.size() > limit)
      co_return fail(Code::TooLarge, fmt::format("the request body is over the limit of {} bytes", limit));
  }
  co_return store;
}

static std::string_view caller_key(const http1::RequestHead& head) {
  if (auto bearer = head.field("authorization");
      bearer && bearer->size() > 7 && iequals(bearer->substr(0, 7), "bearer "))
    return trim(bearer->substr(7));
  return head.field("x-api-key").value_or("");
}

Result<Credential> choose_credential(Exchange& x, const llm::Provider& provider) {
  auto& auth = x.backend->ai->auth;
  std::string_view key;
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
    return Credential();
  }
  for (unsigned char c : key)
    if (c < 0x20 || c == 0x7f)
      return fail(Code::Unauthenticated,
                  "the credential holds a control character; check the Secret for a stray line end");
  if (!auth.header.empty()) return Credential{auth.header, auth.prefix, key};
  auto form = provider.credential(key);
  return Credential{form.name, form.prefix, key};
}

// In pass-through the client's own headers mean something to the provider; translated, only these do.
static bool forwarded(std::string_view name, bool pass_through) {
  constexpr std::string_view kNever[] = {
      "host",   "content-length", "authorization",        "x-api-key",    "api-key", "accept-encoding", "cookie",
      "expect", "traceparent",    "x-sightline-identity", "content-type", "accept",  kHopsField};
  constexpr std::string_view kTranslated[] = {"user-agent", "anthropic-beta", "tracestate", "x-request-id"};
  auto is = [name](std::string_view other) { return same_field(name, other); };
  if (pass_through) return std::none_of(std::begin(kNever), std::end(kNever), is);
  return std::any_of(std::begin(kTranslated), std::end(kTranslated), is);
}

std::string_view model_request_head(Exchange& x, const llm::Provider& provider, const llm::Exchange& call,
                                    const Credential& credential, size_t body_size) {
  auto& ai = *x.backend->ai;
  auto& e = x.backend->endpoints[x.endpoint];
  std::string_view path = ai.path.empty() ? provider.endpoint().path : ai.path;
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
    if (forwarded(f.name, call.pass_through()) && !(x.own_trace && same_field(f.name, "tracestate")) &&
        !connection_bound(x.client.head(), f.name) && !replaced(change, f.name) && !same_field(f.name, credential.name))
      append_field(f, out);
  // Whatever the route does to the client's: the backend's credential is sent, once.
  if (!credential.name.empty())
    out.append(credential.name).append(": ").append(credential.prefix).append(credential.key).append("\r\n");
  for (auto& h : provider.headers(ai.api_version))
    if (!h.name.empty()) append_own(change, h.name, h.value, out);
  append_changes(change, out, credential.name);
  append_own(change, "traceparent", x.traceparent, out);
  if (x.hops) append_line(kHopsField, std::to_string(x.hops), out);
  append_length(body_size, out);
  out += "\r\n";
  return out;
}

bool asks_another_api(std::string_view path, std::string_view prefix) {
  constexpr std::string_view kOthers[] = {"embeddings",  "models",  "responses", "messages", "completions",
                                          "moderations", "images",  "audio",     "rerank",   "files",
                                          "batches",     "uploads", "threads",   "videos",   "fine_tuning"};
  auto other = [&](std::string_view piece) {
    return std::find(std::begin(kOthers), std::end(kOthers), piece) != std::end(kOthers);
  };
  if (path.ends_with("/chat/completions")) return false;
  std::vector<std::string_view> pieces;
  for (auto piece : split(path.starts_with(prefix) ? path.substr(prefix.size()) : path, '/'))
    if (!piece.empty()) pieces.push_back(piece);
  if (pieces.empty()) return other(prefix.substr(prefix.rfind('/') + 1));
  if (pieces.size() >= 2 && pieces.end()[-2] == "chat" && pieces.back() == "completions") return false;
  return std::any_of(pieces.begin(), pieces.end(), other);  // /files, /files/ID, /responses/ID/cancel
}

}  // namespace sl::proxy

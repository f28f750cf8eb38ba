#include "agent/loop/model_call.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "codec/sse/sse.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

// Of one answer: its text, reasoning and arguments. More than any model gives, and what a session can hold.
constexpr size_t kAnswerMax = 4u << 20;

std::string body_of(const ModelRequest& r) {
  Object body{{"model", r.model.model}, {"messages", r.messages}};
  for (auto& [key, value] : r.model.parameters) body[key] = value;
  if (!r.tools.empty()) body["tools"] = r.tools;
  if (r.stream) {
    body["stream"] = true;
    body["stream_options"] = Object{{"include_usage", true}};
  }
  return json::dump(body);
}

Error model_error(int status, std::string_view body) {
  std::string message;
  if (auto parsed = json::parse(body)) message = json::str(*parsed, "error", "message");
  if (message.empty()) message = clean_utf8(truncate_utf8(trim(body), 300));
  Code code = status == 429   ? Code::RateLimited
              : status == 401 ? Code::Unauthenticated
              : status >= 500 ? Code::Unavailable
                              : Code::InvalidArgument;
  return {code, fmt::format("LLM error: {} {}", status, message), {}};
}

// Puts streamed deltas together into one message.
class Assembler {
 public:
  Result<void> take(std::string_view data, ModelAnswer& out, const std::function<void(std::string_view)>& on_text) {
    if (data == "[DONE]") {
      done_ = true;
      return {};
    }
    SL_TRY(chunk, json::parse(data));
    if (auto* e = json::find(chunk, "error"))
      return fail(Code::UpstreamClosed, fmt::format("LLM error: {}", json::str(*e, "message")));
    if (auto model = json::str(chunk, "model"); !model.empty()) out.model = model;
    if (auto* usage = json::find(chunk, "usage"); usage && usage->is_object()) out.usage = *usage;
    auto* choices = json::arr(chunk, "choices");
    if (!choices || choices->empty()) return {};
    if (auto reason = json::str((*choices)[0], "finish_reason"); !reason.empty()) out.finish_reason = reason;
    auto* delta = json::find((*choices)[0], "delta");
    if (!delta) return {};
    for (auto key : {"content", "refusal"})
      if (auto text = json::str(*delta, key); !text.empty()) {
        add(content_, text);
        if (on_text) on_text(text);
      }
    for (auto key : {"reasoning_content", "reasoning_signature"})
      if (auto text = json::str(*delta, key); !text.empty()) add(reasoning_[key], text);
    if (auto* blocks = json::arr(*delta, "thinking_blocks")) {
      size_ += data.size();
      for (auto& b : *blocks) blocks_.push_back(b);
    }
    if (auto* calls = json::arr(*delta, "tool_calls"))
      for (auto& c : *calls) take_call(c);
    if (size_ > kAnswerMax)
      return fail(Code::UpstreamProtocol,
                  fmt::format("LLM error: the answer is over the limit of {} MiB", kAnswerMax >> 20));
    return {};
  }
  bool done() const { return done_; }

  Value message() {
    Object m{{"role", "assistant"}, {"content", content_.empty() ? Value(nullptr) : Value(content_)}};
    for (auto& [key, text] : reasoning_) m[key] = text;
    if (!blocks_.empty()) m["thinking_blocks"] = blocks_;
    Array calls;
    for (auto& c : calls_)
      calls.push_back(Object{
          {"id", c.id}, {"type", "function"}, {"function", Object{{"name", c.name}, {"arguments", c.arguments}}}});
    if (!calls.empty()) m["tool_calls"] = std::move(calls);
    return m;
  }

 private:
  struct Call {
    std::string id, name, arguments;
  };
  void add(std::string& to, std::string_view text) {
    to += text;
    size_ += text.size();
  }
  void take_call(const Value& c) {
    size_t index = static_cast<size_t>(std::clamp<int64_t>(json::num(c, 0, "index"), 0, 127));
    if (calls_.size() <= index) calls_.resize(index + 1);
    if (auto id = json::str(c, "id"); !id.empty()) calls_[index].id = id;
    add(calls_[index].name, json::str(c, "function", "name"));
    add(calls_[index].arguments, json::str(c, "function", "arguments"));
  }
  bool done_ = false;
  size_t size_ = 0;
  std::string content_;
  std::map<std::string, std::string> reasoning_;
  Array blocks_;
  std::vector<Call> calls_;
};

Result<ModelAnswer> read_whole(std::string_view body) {
  ModelAnswer out;
  SL_TRY(parsed, json::parse(body));
  auto* choices = json::arr(parsed, "choices");
  auto* message = choices && !choices->empty() ? json::find((*choices)[0], "message") : nullptr;
  if (!message) return fail(Code::UpstreamProtocol, "LLM error: the answer has no choices");
  out.message = *message;
  out.model = json::str(parsed, "model");
  out.finish_reason = json::str((*choices)[0], "finish_reason");
  if (auto* usage = json::find(parsed, "usage")) out.usage = *usage;
  return out;
}

net::Task<Result<ModelAnswer>> read_stream(net::Exchange* exchange, std::function<void(std::string_view)> on_text) {
  ModelAnswer out;
  Assembler assembler;
  sse::Decoder decoder;
  for (;;) {
    auto piece = co_await exchange->read();
    if (!piece) co_return fail(std::move(piece).error());
    if (piece->empty()) break;
    auto fed = decoder.feed(*piece);
    if (!fed) co_return fail(std::move(fed).error());
    sse::Event event;
    while (decoder.next(event)) {
      auto ok = assembler.take(event.data, out, on_text);
      if (!ok) co_return fail(std::move(ok).error());
    }
  }
  if (!assembler.done()) co_return fail(Code::UpstreamClosed, "LLM error: the stream ended before its end");
  out.message = assembler.message();
  co_return out;
}

// An answer that says nothing is a failure, not a silent success.
Result<ModelAnswer> checked(Result<ModelAnswer> answer) {
  auto empty = [] {
    return fail(Code::UpstreamProtocol, "LLM error: the model's answer has neither text nor tool calls");
  };
  if (!answer) return answer;
  if (!answer->message.is_object()) return empty();
  Object& m = answer->message.get_object();
  if (auto* content = m.if_contains("content"); content && content->is_array()) {  // text parts
    std::string text;
    for (auto& p : content->get_array()) text += json::str(p, "text");
    *content = text;
  }
  if (auto refusal = std::string(json::str(answer->message, "refusal")); !refusal.empty()) {
    m.erase("refusal");
    m["content"] = std::string(json::str(answer->message, "content")) + refusal;
  }
  auto* content = m.if_contains("content");
  auto* calls = json::arr(answer->message, "tool_calls");
  bool text = content && content->is_string() && !content->get_string().empty();
  if (content && !content->is_string() && !content->is_null()) return empty();
  if (!text && (!calls || calls->empty())) return empty();
  m["role"] = "assistant";
  return answer;
}

net::Task<Result<ModelAnswer>> exchange_once(net::HttpClient* client, net::ClientRequest http,
                                             std::function<void(std::string_view)> on_text,
                                             std::function<void()>* abort, ModelWire* wire) {
  auto exchange = co_await client->send(std::move(http), abort);
  if (!exchange) co_return fail(std::move(exchange).error());
  wire->status = (*exchange)->status;
  if ((*exchange)->status >= 300) {
    auto body = co_await (*exchange)->read_all(1 << 20);
    co_return fail(model_error((*exchange)->status, body ? *body : ""));
  }
  if ((*exchange)->header("content-type").starts_with("text/event-stream")) {
    auto streamed = co_await read_stream(exchange->get(), std::move(on_text));
    co_return checked(std::move(streamed));
  }
  auto body = co_await (*exchange)->read_all(2 * kAnswerMax);
  if (!body) co_return fail(std::move(body).error());
  auto whole = checked(read_whole(*body));
  if (whole && on_text && !json::str(whole->message, "content").empty()) on_text(json::str(whole->message, "content"));
  co_return whole;
}

}  // namespace

net::Task<Result<ModelAnswer>> call_model(net::HttpClient* client, ModelRequest request,
                                          std::function<void(std::string_view)> on_text, std::function<void()>* abort,
                                          ModelWire* wire) {
  net::ClientRequest http;
  http.peer = &wire->peer;
  http.method = "POST";
  http.url = request.model.url;
  http.connect_to = request.model.connect_to;
  http.headers.emplace_back("Content-Type", "application/json");
  http.headers.emplace_back("User-Agent", "sightline-agent/" SIGHTLINE_VERSION);
  std::string key = request.model.caller_credential ? request.caller_credential : request.model.credential;
  if (!key.empty()) http.headers.emplace_back("Authorization", "Bearer " + key);
  // A default header of the model's stands instead of ours, but for trace and identity.
  auto named = [](const net::Headers& headers, std::string_view name) {
    return std::find_if(headers.begin(), headers.end(), [name](auto& h) { return iequals(h.first, name); });
  };
  net::Headers model_headers(request.model.headers.begin(), request.model.headers.end());
  for (auto& [name, value] : model_headers) {
    if (named(request.headers, name) != request.headers.end()) continue;
    if (auto own = named(http.headers, name); own != http.headers.end()) http.headers.erase(own);
    http.headers.emplace_back(name, value);
  }
  http.headers.insert(http.headers.end(), request.headers.begin(), request.headers.end());
  wire->auth = "none";
  if (named(model_headers, "authorization") != model_headers.end())
    wire->auth = "inline";
  else if (named(http.headers, "authorization") != http.headers.end())
    wire->auth = request.model.caller_credential ? "caller" : "secret";
  http.body = body_of(request);
  wire->request_bytes = http.body.size();
  int64_t timeout_ms = request.model.timeout_ms;
  http.idle_ms = timeout_ms;
  http.connect_ms = std::min(http.connect_ms, timeout_ms);
  net::Deadline deadline(client->loop(), [abort] {
    if (*abort) (*abort)();
  });
  deadline.expires_in(timeout_ms);
  auto answer = co_await exchange_once(client, std::move(http), std::move(on_text), abort, wire);
  if (!answer && deadline.expired())
    co_return fail(Code::Timeout, fmt::format("LLM error: timed out: no whole answer within {} ms", timeout_ms));
  if (!answer && !answer.error().message.starts_with("LLM error: "))
    co_return fail(with_context(answer.error(), "LLM error"));
  co_return answer;
}

}  // namespace sl::agent

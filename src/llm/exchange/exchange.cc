#include "llm/exchange/exchange.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "llm/dialect/openai_chat.h"

namespace sl::llm {

using json::Node;

// What a client of the old functions has no place for, by the provider's name.
constexpr std::string_view kSecondCall = "content.tool_use";

static bool has_error(const Node& body) {
  auto* error = json::find(body, "error");
  return error && !error->is_null();
}

Exchange::Exchange(const Dialect& dialect, const Provider& provider)
    : dialect_(&dialect), provider_(&provider), pass_through_(provider.dialect() == dialect.name()) {}

void Exchange::assume(std::string_view model, bool stream, bool include_usage) {
  model_ = model;
  stream_ = stream;
  include_usage_ = include_usage;
}

Result<std::string> Exchange::request(std::string_view body, std::string_view model) {
  if (pass_through_) return pass_request(body, model);
  json::Document document;
  SL_TRY(parsed, document.read(body));
  SL_TRY(request, dialect_->decode(*parsed));
  if (!model.empty()) request.model = model;
  assume(request.model, request.stream, request.include_usage);
  old_functions_ = request.old_functions;
  auto encoded = provider_->encode(request);
  dropped_ = std::move(request.dropped);
  value_by_tool_ = request.value_by_tool;
  return encoded;
}

// Same dialect: the bytes stay as they are but for the model and, in a stream, the wish for usage.
Result<std::string> Exchange::pass_request(std::string_view body, std::string_view model) {
  json::Document document;
  SL_TRY(root, document.read(body));
  const Node& parsed = *root;
  if (!parsed.is_object()) return fail(Code::InvalidArgument, "the request body must be a JSON object");
  model_ = json::str(parsed, "model");
  auto* stream = json::find(parsed, "stream");
  stream_ = stream && stream->is_true();
  std::string out(body);
  if (!model.empty() && model != model_) {
    model_ = model;
    std::string text;
    json::write_string(model, text);
    SL_TRY(changed, json::set_member(out, "model", text));
    out = std::move(changed);
  }
  if (model_.empty()) return fail(Code::InvalidArgument, "model: is required");
  if (!stream_ || dialect_->name() != "openai-chat") return out;
  auto* usage = json::find(parsed, "stream_options", "include_usage");
  include_usage_ = usage && usage->is_true();
  if (!include_usage_) {
    hide_usage_ = true;
    auto* options = json::find(parsed, "stream_options");
    std::string_view given = options && options->is_object() ? options->text() : "{}";
    SL_TRY(with_usage, json::set_member(given, "include_usage", "true"));
    SL_TRY(changed, json::set_member(out, "stream_options", with_usage));
    out = std::move(changed);
  }
  return out;
}

Result<std::string> Exchange::response(std::string_view body) {
  json::Document document;
  auto read = document.read(body);
  if (!read) return fail(Code::UpstreamProtocol, "the provider's answer is not JSON: " + read.error().message);
  const Node& parsed = **read;
  if (pass_through_) {
    provider_->tap(parsed, false, facts_);
    if (has_error(parsed)) {
      failure_ = provider_->decode_error(0, body).message;
      if (failure_.empty()) failure_ = "in a form of its own";
    }
    return std::string(body);
  }
  if (has_error(parsed) && json::str(parsed, "type") == "error")
    return fail(Code::UpstreamProtocol,
                fmt::format("the provider answered 200 with an error: {}", json::str(parsed, "error", "message")));
  SL_TRY(response, provider_->decode(parsed));
  facts_.model = response.model;
  facts_.finish = openai_finish(response.finish);
  auto* usage = json::find(parsed, "usage");
  facts_.has_usage = usage && usage->is_object();
  facts_.usage = response.usage;
  for (auto& d : response.dropped) dropped_.push_back(std::move(d));
  auto call = [](const Part& p) { return p.kind == PartKind::ToolCall; };
  if (old_functions_ && std::count_if(response.parts.begin(), response.parts.end(), call) > 1)
    dropped_.emplace_back(kSecondCall);
  return dialect_->encode(response, old_functions_);
}

std::string Exchange::error_response(int* status, std::string_view body) {
  ProviderError error = provider_->decode_error(*status, body);
  if (error.message.empty()) {
    error.message = fmt::format("the provider answered {}", error.status);
    if (!body.empty() && body.size() < 500 && body[0] != '<') error.message += ": " + clean_utf8(body);
  }
  *status = error.status;
  if (pass_through_) {
    json::Document document;
    if (auto read = document.read(body); read && !json::str(**read, "error", "message").empty())
      return std::string(body);
  }
  return dialect_->encode(error);
}

void Exchange::fail_stream(ProviderError error) {
  failed_ = true;
  failure_ = error.message;
  // Passed through, a stream is the provider's own from its first byte.
  if (!begun_ && !early_ && !pass_through_) early_ = std::move(error);
}

std::string Exchange::early_body() const {
  return early_ ? dialect_->encode(*early_) : "";
}

void Exchange::on_event(const StreamEvent& e, std::string& out) {
  using Kind = StreamEvent::Kind;
  if (e.kind == Kind::Start) facts_.model = e.name;
  if (e.kind == Kind::Finish) facts_.finish = openai_finish(e.finish);
  if (e.kind == Kind::Error)
    fail_stream({e.status, std::string(e.name), std::string(e.text)});
  else
    begun_ = true;
  bool second_call = old_functions_ && e.kind == Kind::ToolStart && e.tool_index > 0;
  std::string_view lost = second_call ? kSecondCall : e.kind == Kind::Dropped ? std::string_view(e.name) : "";
  if (!lost.empty() && std::find(dropped_.begin(), dropped_.end(), lost) == dropped_.end()) dropped_.emplace_back(lost);
  if (e.kind == Kind::Usage) {
    facts_.has_usage = e.usage.told;
    facts_.usage = e.usage;
  }
  encoder_->encode(e, out);
}

// An event goes out when it is whole: one that is cut must not run into the error that follows it. A blank line ends
// it, however lines end (CR, LF or both). Returns how many bytes were taken: to the end of an event, or all.
size_t Exchange::pass_whole_event(std::string_view bytes, std::string& out) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    char c = bytes[i];
    if (c != '\n' && c != '\r') {
      line_empty_ = last_cr_ = ended_ = false;
      continue;
    }
    bool rest_of_crlf = c == '\n' && last_cr_;
    last_cr_ = c == '\r';
    if (!rest_of_crlf) ended_ = std::exchange(line_empty_, true);
    if (!ended_) continue;
    out += held_;
    out += bytes.substr(0, i + 1);
    held_.clear();
    return i + 1;
  }
  held_ += bytes;
  return bytes.size();
}

bool Exchange::stream_ended() const {
  return failed_ || (pass_through_ ? done_ : decoder_ && decoder_->complete());
}

// Pass-through: bytes go out as they came, event by event, and what the record needs is read on the way. Stops behind
// an event that reports a failure.
void Exchange::tap_stream(std::string_view bytes, std::string& out) {
  while (!bytes.empty() && !failed_) {
    event_.clear();
    size_t n = pass_whole_event(bytes, hide_usage_ ? event_ : out);
    bool only_usage = false;
    bool fits = tap_events(bytes.substr(0, n), only_usage);
    if (!only_usage) out += event_;
    if (!fits) (void)finish(out, "the provider sent an event that is too large");
    bytes.remove_prefix(n);
  }
}

bool Exchange::tap_events(std::string_view bytes, bool& only_usage) {
  if (!sse_.feed(bytes)) return false;
  sse::Event event;
  while (!failed_ && sse_.next(event)) {
    json::Document document;
    if (event.data == "[DONE]") {
      done_ = true;
    } else if (auto read = document.read(event.data)) {
      const Node& parsed = **read;
      provider_->tap(parsed, true, facts_);
      if (has_error(parsed)) {
        done_ = true;
        fail_stream(provider_->decode_error(0, event.data));
      }
      auto* choices = json::arr(parsed, "choices");
      auto* usage = json::find(parsed, "usage");
      only_usage = choices && choices->empty() && usage && usage->is_object();
    }
  }
  return true;
}

void Exchange::feed(std::string_view bytes, std::string& out) {
  if (failed_) return;
  if (pass_through_) return tap_stream(bytes, out);
  if (!decoder_) {
    decoder_ = provider_->stream(value_by_tool_);
    encoder_ = dialect_->stream(include_usage_, old_functions_);
  }
  if (decoder_->complete()) return;
  if (!sse_.feed(bytes)) {
    StreamEvent e;
    e.kind = StreamEvent::Kind::Error;
    e.name = "api_error";
    e.text = "the provider sent an event that is too large";
    e.status = 502;
    on_event(e, out);
    return;
  }
  sse::Event event;
  while (sse_.next(event)) decoder_->decode(event.name, event.data, [&](const StreamEvent& e) { on_event(e, out); });
}

bool Exchange::finish(std::string& out, std::string_view why, int status) {
  if (failed_) return false;
  bool complete = pass_through_ ? done_ : decoder_ && decoder_->complete();
  if (complete) {
    out += held_;
    held_.clear();
    return true;
  }
  ProviderError error{status, status == 504 ? "timeout" : "upstream_closed", std::string(why)};
  fail_stream(error);
  if (pass_through_) {
    out += "data: ";
    out += dialect_->encode(error);
    out += "\n\n";
    return false;
  }
  if (!encoder_) encoder_ = dialect_->stream(include_usage_, old_functions_);
  StreamEvent e;
  e.kind = StreamEvent::Kind::Error;
  e.name = error.type;
  e.text = why;
  e.status = status;
  on_event(e, out);
  return false;
}

}  // namespace sl::llm

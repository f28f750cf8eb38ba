#include "app/fake_llm/fake_llm.h"

#include <deque>

#include "app/fake_llm/script.h"
#include "base/strings.h"
#include "json/yaml.h"
#include "net/loop/loop.h"

namespace sl::fake {

using json::Value;
using net::HttpRequest;
using net::HttpResponderPtr;

namespace {

constexpr size_t kRequestsKept = 1000;

struct Seen {
  json::Object entry;
  bool aborted = false;
  bool finished = false;
};

const Format& (*const kFormats[])() = {openai, anthropic, gemini};

const Format* format_of(std::string_view path) {
  for (auto format : kFormats)
    if (format().speaks(path)) return &format();
  return nullptr;
}

}  // namespace

struct FakeLlm::State : std::enable_shared_from_this<FakeLlm::State> {
  net::Loop& loop;
  std::vector<Rule> rules;
  std::deque<std::shared_ptr<Seen>> seen;
  explicit State(net::Loop& l) : loop(l) {}

  void handle(HttpRequest r, HttpResponderPtr out) {
    if (r.path == "/__requests" || r.path == "/__script") return control(r, out);
    for (auto format : kFormats)
      if (std::string list = format().models(r); !list.empty()) return reply(out, 200, std::move(list));
    auto entry = remember(r);
    auto* format = format_of(r.path);
    if (!format) return reply(out, 404, openai().error(404, "", "no such path"), entry);
    auto body = json::parse(r.body);
    if (!body) return reply(out, 400, format->error(400, "", body.error().message), entry);
    if (!body->is_object()) return reply(out, 400, format->error(400, "", "the body must be an object"), entry);
    if (auto refusal = format->refuse(r, *body))
      return reply(out, refusal->status, format->error(refusal->status, "", refusal->message), entry);
    Asked asked = format->read(r, *body);
    Rule rule;
    for (auto& candidate : rules) {
      if (!matches(candidate, r.path, asked)) continue;
      if (candidate.times > 0) --candidate.times;
      rule = candidate;
      break;
    }
    out->on_close([entry] { entry->aborted = !entry->finished; });
    loop.spawn(answer(shared_from_this(), format, std::move(rule), std::move(asked), out, entry));
  }

  std::shared_ptr<Seen> remember(const HttpRequest& r) {
    auto s = std::make_shared<Seen>();
    json::Object headers;
    for (auto& [name, value] : r.headers) headers[to_lower(name)] = value;
    auto body = json::parse(r.body);
    s->entry = json::Object{{"method", r.method},
                            {"path", r.path},
                            {"headers", std::move(headers)},
                            {"body", body ? *body : Value(r.body)}};
    seen.push_back(s);
    if (seen.size() > kRequestsKept) seen.pop_front();
    return s;
  }

  static void reply(const HttpResponderPtr& out, int status, std::string body,
                    const std::shared_ptr<Seen>& entry = nullptr, net::Headers headers = {}) {
    if (entry) entry->finished = true;
    headers.emplace_back("Content-Type", "application/json");
    out->respond(status, std::move(headers), std::move(body));
  }

  void control(const HttpRequest& r, const HttpResponderPtr& out) {
    if (r.path == "/__script") {
      auto documents = json::parse_yaml(r.body);
      auto ok = documents ? (documents->empty() ? set(Value(json::Array{})) : set((*documents)[0].value))
                          : Result<void>(fail(documents.error()));
      return reply(out, ok ? 200 : 400, ok ? "{}" : json::dump(json::Object{{"error", ok.error().message}}));
    }
    if (r.method == "DELETE") seen.clear();
    json::Array all;
    for (auto& s : seen) {
      json::Object o = s->entry;
      o["aborted"] = s->aborted;
      o["finished"] = s->finished;
      all.push_back(std::move(o));
    }
    reply(out, 200, json::dump(all));
  }

  Result<void> set(const Value& script) {
    SL_TRY(parsed, read_script(script));
    rules = std::move(parsed);
    return {};
  }

  static net::Task<void> pause(net::Loop* loop, int64_t ms) {
    if (ms <= 0) co_return;
    net::Timer timer(loop->io(), std::chrono::milliseconds(ms));
    co_await timer.async_wait(net::use_task);
  }

  static net::Task<void> answer(std::shared_ptr<State> self, const Format* format, Rule rule, Asked asked,
                                HttpResponderPtr out, std::shared_ptr<Seen> entry) {
    co_await pause(&self->loop, rule.delay_ms);
    if (out->closed() || rule.fault == "hang") co_return;
    if (rule.fault == "reset") {
      out->abort();
      co_return;
    }
    int status = static_cast<int>(rule.status);
    net::Headers headers;
    for (auto& [name, value] : rule.headers) headers.emplace_back(name, value);
    std::string type = "application/json";
    std::vector<std::string> parts;
    if (!rule.raw.empty()) {
      if (!rule.content_type.empty()) type = rule.content_type;
      parts.push_back(rule.raw);
    } else if (status >= 400) {
      parts.push_back(format->error(status, rule.error.type, rule.error.message));
    } else if (Answer made = make_answer(rule, asked); asked.stream) {
      if (asked.events) type = "text/event-stream";
      parts = format->events(made, asked);
    } else {
      parts.push_back(format->whole(made));
    }
    headers.emplace_back("Content-Type", type);
    if (rule.fault == "cut") co_return co_await cut(self, std::move(rule), status, std::move(headers), parts, out);
    if (parts.size() == 1) {
      entry->finished = true;
      out->respond(status, std::move(headers), std::move(parts[0]));
      co_return;
    }
    out->start(status, std::move(headers));
    for (auto& part : parts) {
      if (out->closed()) co_return;
      out->write(std::move(part));
      co_await pause(&self->loop, rule.chunk_delay_ms);
    }
    entry->finished = true;
    out->end();
  }

  // Breaks off within the answer, whatever its length: after so many events of a stream, in the middle of anything
  // else.
  static net::Task<void> cut(std::shared_ptr<State> self, Rule rule, int status, net::Headers headers,
                             std::vector<std::string> parts, HttpResponderPtr out) {
    if (parts.size() == 1) {
      parts.push_back(parts[0].substr(parts[0].size() / 2));
      parts[0].resize(parts[0].size() / 2);
      rule.after_events = 1;
    }
    size_t sent = std::min(static_cast<size_t>(rule.after_events), parts.size() - 1);
    parts.resize(sent);
    out->start(status, std::move(headers));
    for (auto& part : parts) {
      if (out->closed()) co_return;
      out->write(std::move(part));
      co_await pause(&self->loop, rule.chunk_delay_ms);
    }
    out->abort();
  }
};

std::vector<std::string> pieces(const std::string& text) {
  std::vector<std::string> out;
  for (size_t i = 0; i < text.size();) {
    size_t end = std::min(text.size(), i + 16);
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    out.push_back(text.substr(i, end - i));
    i = end;
  }
  return out;
}

FakeLlm::FakeLlm(net::Loop& loop) : state_(std::make_shared<State>(loop)) {}
Result<void> FakeLlm::set_script(const Value& rules) {
  return state_->set(rules);
}
net::HttpHandler FakeLlm::handler() {
  return [state = state_](HttpRequest r, HttpResponderPtr out) { state->handle(std::move(r), std::move(out)); };
}

}  // namespace sl::fake

#include "app/fake_llm/fake_llm.h"

#include <deque>

#include "app/fake_llm/formats.h"
#include "base/ids.h"
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

bool matches(const Rule& rule, const HttpRequest& r, const Asked& asked) {
  if (rule.times == 0) return false;
  if (!rule.match.path.empty() && rule.match.path != r.path) return false;
  if (!rule.match.model.empty() && rule.match.model != asked.model) return false;
  return rule.match.contains.empty() || asked.text.find(rule.match.contains) != std::string::npos;
}

}  // namespace

struct FakeLlm::State : std::enable_shared_from_this<FakeLlm::State> {
  net::Loop& loop;
  std::vector<Rule> rules;
  std::deque<std::shared_ptr<Seen>> seen;
  explicit State(net::Loop& l) : loop(l) {}

  void handle(HttpRequest r, HttpResponderPtr out) {
    if (r.path == "/__requests" || r.path == "/__script") return control(r, out);
    if (r.path == "/v1/models")
      return reply(
          out, 200,
          R"({"object":"list","data":[{"id":"fake-model","object":"model","created":0,"owned_by":"sightline"}]})");
    auto entry = remember(r);
    bool anthropic = r.path.ends_with("/v1/messages");
    if (!anthropic && !r.path.ends_with("/chat/completions"))
      return reply(out, 404, error_body(false, "not_found_error", "no such path"), entry);
    auto body = json::parse(r.body);
    if (!body) return reply(out, 400, error_body(anthropic, "invalid_request_error", body.error().message), entry);
    if (r.header("authorization").empty() && r.header("x-api-key").empty())
      return reply(out, 401, error_body(anthropic, "authentication_error", "missing API key"), entry);
    if (anthropic && r.header("anthropic-version").empty())
      return reply(out, 400, error_body(true, "invalid_request_error", "anthropic-version: header is required"), entry);
    if (std::string wrong = anthropic ? wrong_messages(*body) : ""; !wrong.empty())
      return reply(out, 400, error_body(true, "invalid_request_error", wrong), entry);
    Asked asked = read_asked(*body, anthropic);
    Rule rule;
    for (auto& candidate : rules) {
      if (!matches(candidate, r, asked)) continue;
      if (candidate.times > 0) --candidate.times;
      rule = candidate;
      break;
    }
    out->on_close([entry] { entry->aborted = !entry->finished; });
    loop.spawn(answer(shared_from_this(), std::move(rule), std::move(asked), out, entry));
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
    auto parsed = json::decode<std::vector<Rule>>(script, "script");
    if (!parsed) return fail(std::move(parsed).error());
    rules = std::move(*parsed);
    return {};
  }

  static net::Task<void> pause(net::Loop* loop, int64_t ms) {
    if (ms <= 0) co_return;
    net::Timer timer(loop->io(), std::chrono::milliseconds(ms));
    co_await timer.async_wait(net::use_task);
  }

  static net::Task<void> answer(std::shared_ptr<State> self, Rule rule, Asked asked, HttpResponderPtr out,
                                std::shared_ptr<Seen> entry) {
    co_await pause(&self->loop, rule.delay_ms);
    if (out->closed() || rule.fault == "hang") co_return;
    if (rule.fault == "reset") {
      out->abort();
      co_return;
    }
    net::Headers headers;
    for (auto& [name, value] : rule.headers) headers.emplace_back(name, value);
    if (!rule.raw.empty()) {
      headers.emplace_back("Content-Type", rule.content_type.empty() ? "application/json" : rule.content_type);
      entry->finished = true;
      out->respond(static_cast<int>(rule.status), std::move(headers), rule.raw);
      co_return;
    }
    if (rule.status >= 400) {
      std::string body = error_body(asked.anthropic, rule.error.type, rule.error.message);
      reply(out, static_cast<int>(rule.status), std::move(body), entry, std::move(headers));
      co_return;
    }
    Answer made = make_answer(rule, asked);
    if (!asked.stream) {
      reply(out, 200, whole_body(made, asked), entry, std::move(headers));
      co_return;
    }
    headers.emplace_back("Content-Type", "text/event-stream");
    out->start(200, std::move(headers));
    int64_t sent = 0;
    for (auto& event : stream_events(made, asked)) {
      if (rule.fault == "cut" && sent++ >= rule.after_events) {
        out->abort();
        co_return;
      }
      if (out->closed()) co_return;
      out->write(std::move(event));
      co_await pause(&self->loop, rule.chunk_delay_ms);
    }
    entry->finished = true;
    out->end();
  }
};

FakeLlm::FakeLlm(net::Loop& loop) : state_(std::make_shared<State>(loop)) {}
Result<void> FakeLlm::set_script(const Value& rules) {
  return state_->set(rules);
}
net::HttpHandler FakeLlm::handler() {
  return [state = state_](HttpRequest r, HttpResponderPtr out) { state->handle(std::move(r), std::move(out)); };
}

}  // namespace sl::fake

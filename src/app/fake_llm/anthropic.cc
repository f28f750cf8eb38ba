#include <fmt/format.h>

#include <set>

#include "app/fake_llm/format.h"
#include "base/ids.h"
#include "base/strings.h"
#include "codec/sse/sse.h"

namespace sl::fake {
namespace {

using json::Array;
using json::Object;
using json::Value;

// What is wrong with one message's content, and the ids of the blocks that are calls and results.
std::string wrong_content(const Value& content, std::set<std::string>& calls, std::set<std::string>& results) {
  if (content.is_string())
    return trim(json::view(content.get_string())).empty() ? "text content must be non-empty" : "";
  if (!content.is_array() || content.get_array().empty()) return "content must be a string or a list of blocks";
  for (auto& block : content.get_array()) {
    std::string_view type = json::str(block, "type");
    if (type == "text" && trim(json::str(block, "text")).empty())
      return "text content blocks must contain non-whitespace text";
    if (type == "tool_use") calls.emplace(json::str(block, "id"));
    if (type == "tool_result") results.emplace(json::str(block, "tool_use_id"));
  }
  return "";
}

// What Anthropic would refuse of a Messages request, in its manner; "" if nothing.
std::string wrong_request(const Value& body) {
  if (json::str(body, "model").empty()) return "model: Field required";
  auto* limit = json::find(body, "max_tokens");
  if (!limit) return "max_tokens: Field required";
  if (!limit->is_int64() || limit->get_int64() < 1) return "max_tokens: must be at least 1";
  if (json::num(body, 0, "thinking", "budget_tokens") >= limit->get_int64())
    return "`max_tokens` must be greater than `thinking.budget_tokens`";
  auto* messages = json::arr(body, "messages");
  if (!messages || messages->empty()) return "messages: at least one message is required";
  std::set<std::string> open;  // called in the message before
  for (size_t i = 0; i < messages->size(); ++i) {
    auto& m = (*messages)[i];
    std::string_view role = json::str(m, "role");
    if (role != "user" && role != "assistant") return fmt::format("messages.{}.role: must be user or assistant", i);
    std::set<std::string> calls, results;
    auto* content = json::find(m, "content");
    if (auto wrong = wrong_content(content ? *content : Value(), calls, results); !wrong.empty())
      return fmt::format("messages.{}: {}", i, wrong);
    if (results != open)
      return fmt::format(
          "messages.{}: each `tool_use` block must have a `tool_result` block in the next message, and each "
          "`tool_result` a `tool_use` in the message before",
          i);
    open = std::move(calls);
  }
  return "";
}

// The text of content, and of the results of tools in it.
void read_content(const Value& content, std::string& text, std::string& results) {
  if (content.is_string()) text += json::view(content.get_string());
  if (!content.is_array()) return;
  for (auto& block : content.get_array()) {
    if (json::str(block, "type") == "text") text += json::str(block, "text");
    auto* inner = json::str(block, "type") == "tool_result" ? json::find(block, "content") : nullptr;
    std::string ignored;
    if (inner) read_content(*inner, results, ignored);
  }
}

class Events {
 public:
  explicit Events(const Answer& a) : a_(a) {}
  std::vector<std::string> make() {
    Object message{
        {"id", "msg_" + a_.id},     {"type", "message"},
        {"role", "assistant"},      {"model", a_.reply.model},
        {"content", Array{}},       {"stop_reason", nullptr},
        {"stop_sequence", nullptr}, {"usage", Object{{"input_tokens", a_.input_tokens}, {"output_tokens", 1}}}};
    add("message_start", Object{{"message", std::move(message)}});
    add("ping", Object{});
    if (!a_.reply.reasoning.empty()) {
      block(Object{{"type", "thinking"}, {"thinking", ""}}, "thinking_delta", "thinking", a_.reply.reasoning, false);
      delta(Object{{"type", "signature_delta"}, {"signature", "sig_" + a_.id}});
      stop();
    }
    if (!a_.reply.text.empty())
      block(Object{{"type", "text"}, {"text", ""}}, "text_delta", "text", a_.reply.text, true);
    for (auto& c : a_.reply.tool_calls) {
      std::string arguments = c.arguments.get_object().empty() ? "" : json::dump(c.arguments);
      block(Object{{"type", "tool_use"}, {"id", c.id}, {"name", c.name}, {"input", Object{}}}, "input_json_delta",
            "partial_json", arguments, true);
    }
    add("message_delta", Object{{"delta", Object{{"stop_reason", a_.reply.stop_reason}, {"stop_sequence", nullptr}}},
                                {"usage", Object{{"output_tokens", a_.output_tokens}}}});
    add("message_stop", Object{});
    return std::move(out_);
  }

 private:
  void add(std::string_view type, Object rest) {
    Object o{{"type", type}};
    for (auto& [k, v] : rest) o[k] = v;
    std::string text;
    sse::append_event(type, json::dump(o), text);
    out_.push_back(std::move(text));
  }
  void delta(Object d) { add("content_block_delta", Object{{"index", index_}, {"delta", std::move(d)}}); }
  void stop() { add("content_block_stop", Object{{"index", index_++}}); }
  void block(Object start, std::string_view type, std::string_view key, const std::string& text, bool end) {
    add("content_block_start", Object{{"index", index_}, {"content_block", std::move(start)}});
    for (auto& p : pieces(text)) delta(Object{{"type", type}, {key, p}});
    if (end) stop();
  }
  const Answer& a_;
  int index_ = 0;
  std::vector<std::string> out_;
};

class Anthropic : public Format {
 public:
  bool speaks(std::string_view path) const override { return path.ends_with("/v1/messages"); }

  std::optional<Refusal> refuse(const net::HttpRequest& r, const Value& body) const override {
    if (r.header("x-api-key").empty() && !r.header("authorization").starts_with("Bearer sk-ant-oat"))  // of OAuth
      return Refusal{401, "missing API key: x-api-key header is required"};
    if (r.header("anthropic-version").empty()) return Refusal{400, "anthropic-version: header is required"};
    if (std::string wrong = wrong_request(body); !wrong.empty()) return Refusal{400, wrong};
    return std::nullopt;
  }

  Asked read(const net::HttpRequest&, const Value& body) const override {
    Asked out;
    out.model = json::str(body, "model");
    out.stream = json::flag(body, "stream");
    for (auto& m : *json::arr(body, "messages")) {
      std::string text;
      out.tool_result.clear();
      read_content(*json::find(m, "content"), text, out.tool_result);
      if (json::str(m, "role") == "user" && !text.empty()) out.text = text;
    }
    return out;
  }

  std::string whole(const Answer& a) const override {
    Array content;
    if (!a.reply.reasoning.empty())
      content.push_back(Object{{"type", "thinking"}, {"thinking", a.reply.reasoning}, {"signature", "sig_" + a.id}});
    if (!a.reply.text.empty()) content.push_back(Object{{"type", "text"}, {"text", a.reply.text}});
    for (auto& c : a.reply.tool_calls)
      content.push_back(Object{{"type", "tool_use"}, {"id", c.id}, {"name", c.name}, {"input", c.arguments}});
    return json::dump(Object{{"id", "msg_" + a.id},
                             {"type", "message"},
                             {"role", "assistant"},
                             {"model", a.reply.model},
                             {"content", std::move(content)},
                             {"stop_reason", a.reply.stop_reason},
                             {"stop_sequence", nullptr},
                             {"usage", Object{{"input_tokens", a.input_tokens}, {"output_tokens", a.output_tokens}}}});
  }

  std::vector<std::string> events(const Answer& answer, const Asked&) const override { return Events(answer).make(); }

  std::string error(int status, std::string_view type, std::string_view message) const override {
    if (type.empty())
      type = status == 401   ? "authentication_error"
             : status == 403 ? "permission_error"
             : status == 404 ? "not_found_error"
             : status == 413 ? "request_too_large"
             : status == 429 ? "rate_limit_error"
             : status == 504 ? "timeout_error"
             : status == 529 ? "overloaded_error"
             : status >= 500 ? "api_error"
                             : "invalid_request_error";
    return json::dump(Object{{"type", "error"},
                             {"error", Object{{"type", type}, {"message", message}}},
                             {"request_id", "req_" + random_hex(8)}});
  }

  std::string models(const net::HttpRequest& r) const override {
    if (r.path != "/v1/models" || r.header("anthropic-version").empty()) return "";
    return json::dump(Object{{"data", Array{Object{{"type", "model"},
                                                   {"id", "fake-model"},
                                                   {"display_name", "Fake model"},
                                                   {"created_at", "2024-01-01T00:00:00Z"}}}},
                             {"has_more", false},
                             {"first_id", "fake-model"},
                             {"last_id", "fake-model"}});
  }
};

}  // namespace

const Format& anthropic() {
  static const Anthropic format;
  return format;
}

}  // namespace sl::fake

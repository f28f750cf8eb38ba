#include <fmt/format.h>

#include <set>

#include "app/fake_llm/format.h"
#include "base/ids.h"

namespace sl::fake {
namespace {

using json::Array;
using json::Object;
using json::Value;

std::string_view finish(std::string_view stop) {
  if (stop == "tool_use") return "tool_calls";
  if (stop == "max_tokens") return "length";
  if (stop == "refusal") return "content_filter";
  return "stop";
}

Object usage(const Answer& a) {
  return Object{{"prompt_tokens", a.input_tokens},
                {"completion_tokens", a.output_tokens},
                {"total_tokens", a.input_tokens + a.output_tokens}};
}

std::string text_of(const Value& message) {
  auto* content = json::find(message, "content");
  if (!content) return "";
  if (content->is_string()) return std::string(json::view(content->get_string()));
  std::string out;
  if (content->is_array())
    for (auto& part : content->get_array())
      if (json::str(part, "type") == "text") out += json::str(part, "text");
  return out;
}

// What OpenAI would say of messages, "" if nothing: each has a role, and every call is answered by its id.
std::string wrong_messages(const Array& messages) {
  std::set<std::string> open;  // calls that wait for their results
  for (size_t i = 0; i < messages.size(); ++i) {
    auto& m = messages[i];
    std::string_view role = json::str(m, "role");
    constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool", "function"};
    if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles))
      return fmt::format("Invalid value: '{}' for messages[{}].role.", role, i);
    if (role == "tool") {
      if (!open.erase(std::string(json::str(m, "tool_call_id"))))
        return fmt::format(
            "Invalid parameter: messages[{}] with role 'tool' must be a response to a preceding message with "
            "'tool_calls'.",
            i);
      continue;
    }
    if (!open.empty()) break;
    if (auto* calls = json::arr(m, "tool_calls"))
      for (auto& call : *calls) {
        if (json::str(call, "id").empty())
          return fmt::format("Missing required parameter: 'messages[{}].tool_calls[].id'.", i);
        open.emplace(json::str(call, "id"));
      }
  }
  if (open.empty()) return "";
  return fmt::format(
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
      "'tool_call_id'. The following tool_call_ids did not have response messages: {}",
      *open.begin());
}

class OpenAi : public Format {
 public:
  bool speaks(std::string_view path) const override { return path.ends_with("/chat/completions"); }

  std::optional<Refusal> refuse(const net::HttpRequest& r, const Value& body) const override {
    std::string_view credential = r.header("authorization");
    if (!credential.starts_with("Bearer ") || credential.size() == 7)
      return Refusal{401, "You didn't provide an API key: missing API key in Authorization: Bearer"};
    if (json::str(body, "model").empty()) return Refusal{400, "you must provide a model parameter"};
    auto* messages = json::arr(body, "messages");
    if (!messages || messages->empty()) return Refusal{400, "Missing required parameter: 'messages'."};
    if (std::string wrong = wrong_messages(*messages); !wrong.empty()) return Refusal{400, wrong};
    return std::nullopt;
  }

  Asked read(const net::HttpRequest&, const Value& body) const override {
    Asked out;
    out.model = json::str(body, "model");
    out.stream = json::flag(body, "stream");
    out.include_usage = json::flag(body, "stream_options", "include_usage");
    for (auto& m : *json::arr(body, "messages")) {
      std::string_view role = json::str(m, "role");
      std::string text = text_of(m);
      if (role == "tool")
        out.tool_result += text;
      else
        out.tool_result.clear();
      if (role == "user" && !text.empty()) out.text = text;
    }
    return out;
  }

  std::string whole(const Answer& a) const override {
    Object message{{"role", "assistant"},
                   {"content", a.reply.text.empty() ? Value(nullptr) : Value(a.reply.text)},
                   {"refusal", nullptr}};
    // Not OpenAI's own, but what servers of its format that show their thinking call it.
    if (!a.reply.reasoning.empty()) message["reasoning_content"] = a.reply.reasoning;
    Array calls;
    for (auto& c : a.reply.tool_calls)
      calls.push_back(Object{{"id", c.id},
                             {"type", "function"},
                             {"function", Object{{"name", c.name}, {"arguments", json::dump(c.arguments)}}}});
    if (!calls.empty()) message["tool_calls"] = std::move(calls);
    Object choice{{"index", 0},
                  {"message", std::move(message)},
                  {"logprobs", nullptr},
                  {"finish_reason", finish(a.reply.stop_reason)}};
    return json::dump(Object{{"id", "chatcmpl-" + a.id},
                             {"object", "chat.completion"},
                             {"created", unix_ms() / 1000},
                             {"model", a.reply.model},
                             {"choices", Array{std::move(choice)}},
                             {"usage", usage(a)}});
  }

  std::vector<std::string> events(const Answer& a, const Asked& asked) const override {
    std::vector<std::string> out;
    int64_t created = unix_ms() / 1000;
    auto chunk = [&](Array choices, Value used = nullptr) {
      Object o{{"id", "chatcmpl-" + a.id},
               {"object", "chat.completion.chunk"},
               {"created", created},
               {"model", a.reply.model},
               {"choices", std::move(choices)}};
      if (!used.is_null()) o["usage"] = std::move(used);
      out.push_back("data: " + json::dump(o) + "\n\n");
    };
    auto delta = [&](Object d, Value why = nullptr) {
      chunk(Array{Object{{"index", 0}, {"delta", std::move(d)}, {"finish_reason", std::move(why)}}});
    };
    delta(Object{{"role", "assistant"}, {"content", ""}});
    for (auto& p : pieces(a.reply.reasoning)) delta(Object{{"reasoning_content", p}});
    for (auto& p : pieces(a.reply.text)) delta(Object{{"content", p}});
    for (size_t i = 0; i < a.reply.tool_calls.size(); ++i) {
      auto& c = a.reply.tool_calls[i];
      delta(Object{{"tool_calls", Array{Object{{"index", i},
                                               {"id", c.id},
                                               {"type", "function"},
                                               {"function", Object{{"name", c.name}, {"arguments", ""}}}}}}});
      for (auto& p : pieces(json::dump(c.arguments)))
        delta(Object{{"tool_calls", Array{Object{{"index", i}, {"function", Object{{"arguments", p}}}}}}});
    }
    delta(Object{}, Value(finish(a.reply.stop_reason)));
    if (asked.include_usage) chunk(Array{}, usage(a));
    out.emplace_back("data: [DONE]\n\n");
    return out;
  }

  std::string error(int status, std::string_view type, std::string_view message) const override {
    if (type.empty())
      type = status == 401   ? "authentication_error"
             : status == 404 ? "not_found_error"
             : status == 429 ? "rate_limit_error"
             : status >= 500 ? "server_error"
                             : "invalid_request_error";
    return json::dump(
        Object{{"error", Object{{"type", type}, {"message", message}, {"param", nullptr}, {"code", nullptr}}}});
  }

  std::string models(const net::HttpRequest& r) const override {
    if (r.path != "/v1/models" || !r.header("anthropic-version").empty()) return "";
    return json::dump(Object{
        {"object", "list"},
        {"data", Array{Object{{"id", "fake-model"}, {"object", "model"}, {"created", 0}, {"owned_by", "sightline"}}}}});
  }
};

}  // namespace

const Format& openai() {
  static const OpenAi format;
  return format;
}

}  // namespace sl::fake

#include "app/fake_llm/formats.h"

#include <fmt/format.h>

#include <set>

#include "base/ids.h"
#include "base/strings.h"
#include "codec/sse/sse.h"

namespace sl::fake {

using json::Array;
using json::Object;
using json::Value;

void describe(json::Fields<Match>& f) {
  f.add("path", &Match::path).doc("Request path.");
  f.add("contains", &Match::contains).doc("Text in the last user message.");
  f.add("model", &Match::model).doc("Model asked for.");
}
void describe(json::Fields<FakeToolCall>& f) {
  f.add("id", &FakeToolCall::id).doc("Call id.");
  f.add("name", &FakeToolCall::name).doc("Tool.").required();
  f.add("arguments", &FakeToolCall::arguments).doc("Arguments.");
}
void describe(json::Fields<FakeReply>& f) {
  f.add("text", &FakeReply::text).doc("Answer.");
  f.add("reasoning", &FakeReply::reasoning).doc("Thinking before it.");
  f.add("tool_calls", &FakeReply::tool_calls).doc("Tools called.");
  f.add("model", &FakeReply::model).doc("Model named in the answer.");
  f.add("stop_reason", &FakeReply::stop_reason).doc("In Anthropic's words.");
  f.add("input_tokens", &FakeReply::input_tokens).doc("Tokens.");
  f.add("output_tokens", &FakeReply::output_tokens).doc("Tokens.");
}
void describe(json::Fields<FakeError>& f) {
  f.add("type", &FakeError::type).doc("Error type.");
  f.add("message", &FakeError::message).doc("Words.");
}
void describe(json::Fields<Rule>& f) {
  f.doc("What to answer to which request.");
  f.add("match", &Rule::match).doc("All parts must hold.");
  f.add("times", &Rule::times).doc("Used this often at most.");
  f.add("delay_ms", &Rule::delay_ms).doc("Before the answer.");
  f.add("chunk_delay_ms", &Rule::chunk_delay_ms).doc("Between stream events.");
  f.add("status", &Rule::status).doc("HTTP status.");
  f.add("error", &Rule::error).doc("Error body, for status >= 400.");
  f.add("headers", &Rule::headers).doc("Response headers.");
  f.add("reply", &Rule::reply).doc("The answer.");
  f.add("fault", &Rule::fault).one_of({"reset", "cut", "hang"}).doc("What goes wrong.");
  f.add("after_events", &Rule::after_events).doc("Events before a cut.");
  f.add("raw", &Rule::raw).doc("Body as it is.");
  f.add("content_type", &Rule::content_type).doc("Of a raw body.");
}

// What is wrong with one message's content, and the ids of the blocks that are calls and results.
static std::string wrong_content(const Value& content, std::set<std::string>& calls, std::set<std::string>& results) {
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

std::string wrong_messages(const Value& body) {
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

Asked read_asked(const Value& body, bool anthropic) {
  Asked out;
  out.anthropic = anthropic;
  out.model = json::str(body, "model");
  auto* stream = json::find(body, "stream");
  out.stream = stream && stream->is_bool() && stream->get_bool();
  auto* usage = json::find(body, "stream_options", "include_usage");
  out.include_usage = usage && usage->is_bool() && usage->get_bool();
  auto* messages = json::arr(body, "messages");
  if (!messages) return out;
  for (auto& m : *messages) {
    out.after_tool = json::str(m, "role") == "tool";
    auto* content = json::find(m, "content");
    if (!content) continue;
    std::string text;
    if (content->is_string())
      text = json::view(content->get_string());
    else if (content->is_array())
      for (auto& p : content->get_array()) {
        if (json::str(p, "type") == "text") text += json::str(p, "text");
        out.after_tool |= json::str(p, "type") == "tool_result";
      }
    if (json::str(m, "role") == "user" && !text.empty()) out.text = text;
  }
  return out;
}

Answer make_answer(const Rule& rule, const Asked& asked) {
  Answer out;
  out.id = random_hex(12);
  if (rule.reply) out.reply = *rule.reply;
  if (out.reply.text.empty() && out.reply.tool_calls.empty()) {
    if (asked.text.find("What can you do") != std::string::npos)
      out.reply.text =
          "I can help you with your cluster:\n\n- look at **resources** and their state\n- read **logs** of pods\n- "
          "explain what I find and suggest what to do\n\nThis answer comes from `sightline fake-llm`, a scripted model "
          "that needs no key.";
    else
      out.reply.text = "You said: " + asked.text;
  }
  if (out.reply.model.empty()) out.reply.model = asked.model;
  for (size_t i = 0; i < out.reply.tool_calls.size(); ++i) {
    auto& call = out.reply.tool_calls[i];
    if (call.id.empty()) call.id = fmt::format("call_{}_{}", out.id, i);
    if (call.arguments.is_null()) call.arguments = Object{};
  }
  if (out.reply.stop_reason.empty()) out.reply.stop_reason = out.reply.tool_calls.empty() ? "end_turn" : "tool_use";
  out.input_tokens = out.reply.input_tokens.value_or(static_cast<int64_t>(asked.text.size() / 4 + 8));
  out.output_tokens = out.reply.output_tokens.value_or(static_cast<int64_t>(out.reply.text.size() / 4 + 4));
  return out;
}

namespace {

std::string_view openai_finish(std::string_view stop) {
  if (stop == "tool_use") return "tool_calls";
  if (stop == "max_tokens") return "length";
  if (stop == "refusal") return "content_filter";
  return "stop";
}

Object anthropic_usage(const Answer& a) {
  return Object{{"input_tokens", a.input_tokens}, {"output_tokens", a.output_tokens}};
}
Object openai_usage(const Answer& a) {
  return Object{{"prompt_tokens", a.input_tokens},
                {"completion_tokens", a.output_tokens},
                {"total_tokens", a.input_tokens + a.output_tokens}};
}

// Pieces of a few words each.
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

std::string anthropic_whole(const Answer& a) {
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
                           {"usage", anthropic_usage(a)}});
}

std::string openai_whole(const Answer& a) {
  Object message{{"role", "assistant"},
                 {"content", a.reply.text.empty() ? Value(nullptr) : Value(a.reply.text)},
                 {"refusal", nullptr}};
  Array calls;
  for (auto& c : a.reply.tool_calls)
    calls.push_back(Object{{"id", c.id},
                           {"type", "function"},
                           {"function", Object{{"name", c.name}, {"arguments", json::dump(c.arguments)}}}});
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  Object choice{{"index", 0},
                {"message", std::move(message)},
                {"logprobs", nullptr},
                {"finish_reason", openai_finish(a.reply.stop_reason)}};
  return json::dump(Object{{"id", "chatcmpl-" + a.id},
                           {"object", "chat.completion"},
                           {"created", unix_ms() / 1000},
                           {"model", a.reply.model},
                           {"choices", Array{std::move(choice)}},
                           {"usage", openai_usage(a)}});
}

class AnthropicEvents {
 public:
  explicit AnthropicEvents(const Answer& a) : a_(a) {}
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

std::vector<std::string> openai_events(const Answer& a, const Asked& asked) {
  std::vector<std::string> out;
  int64_t created = unix_ms() / 1000;
  auto chunk = [&](Array choices, Value usage = nullptr) {
    Object o{{"id", "chatcmpl-" + a.id},
             {"object", "chat.completion.chunk"},
             {"created", created},
             {"model", a.reply.model},
             {"choices", std::move(choices)}};
    if (!usage.is_null()) o["usage"] = std::move(usage);
    out.push_back("data: " + json::dump(o) + "\n\n");
  };
  auto delta = [&](Object d, Value finish = nullptr) {
    chunk(Array{Object{{"index", 0}, {"delta", std::move(d)}, {"finish_reason", std::move(finish)}}});
  };
  delta(Object{{"role", "assistant"}, {"content", ""}});
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
  delta(Object{}, Value(openai_finish(a.reply.stop_reason)));
  if (asked.include_usage) chunk(Array{}, openai_usage(a));
  out.push_back("data: [DONE]\n\n");
  return out;
}

}  // namespace

std::string whole_body(const Answer& answer, const Asked& asked) {
  return asked.anthropic ? anthropic_whole(answer) : openai_whole(answer);
}

std::vector<std::string> stream_events(const Answer& answer, const Asked& asked) {
  return asked.anthropic ? AnthropicEvents(answer).make() : openai_events(answer, asked);
}

std::string error_body(bool anthropic, std::string_view type, std::string_view message) {
  Object error{{"type", type}, {"message", message}};
  if (anthropic)
    return json::dump(Object{{"type", "error"}, {"error", std::move(error)}, {"request_id", "req_" + random_hex(8)}});
  error["param"] = nullptr;
  error["code"] = nullptr;
  return json::dump(Object{{"error", std::move(error)}});
}

}  // namespace sl::fake

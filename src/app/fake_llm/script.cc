#include "app/fake_llm/script.h"

#include <fmt/format.h>

#include "base/ids.h"

namespace sl::fake {

using json::Object;
using json::Value;

constexpr int64_t kDelayMaxMs = 3'600'000;

void describe(json::Fields<Match>& f) {
  f.add("path", &Match::path).doc("Request path.");
  f.add("contains", &Match::contains).doc("Text in the last user message.");
  f.add("tool_result", &Match::tool_result).doc("Text in the results of tools that were just given.");
  f.add("model", &Match::model).doc("Model asked for.");
}
void describe(json::Fields<FakeToolCall>& f) {
  f.add("id", &FakeToolCall::id).doc("Call id.");
  f.add("name", &FakeToolCall::name).doc("Tool.").required();
  f.add("arguments", &FakeToolCall::arguments).doc("Arguments, an object.");
}
void describe(json::Fields<FakeReply>& f) {
  f.add("text", &FakeReply::text).doc("Answer.");
  f.add("reasoning", &FakeReply::reasoning).doc("Thinking before it.");
  f.add("tool_calls", &FakeReply::tool_calls).doc("Tools called.");
  f.add("model", &FakeReply::model).doc("Model named in the answer.");
  f.add("stop_reason", &FakeReply::stop_reason).doc("In Anthropic's words.");
  f.add("input_tokens", &FakeReply::input_tokens).doc("Tokens.").min(0);
  f.add("output_tokens", &FakeReply::output_tokens).doc("Tokens.").min(0);
}
void describe(json::Fields<FakeError>& f) {
  f.add("type", &FakeError::type).doc("Error type; by default the provider's own for the status.");
  f.add("message", &FakeError::message).doc("Words.");
}
void describe(json::Fields<Rule>& f) {
  f.doc("What to answer to which request.");
  f.add("match", &Rule::match).doc("All parts must hold.");
  f.add("times", &Rule::times).doc("Used this often at most.");
  f.add("delay_ms", &Rule::delay_ms).doc("Before the answer.").min(0).max(kDelayMaxMs);
  f.add("chunk_delay_ms", &Rule::chunk_delay_ms).doc("Between stream events.").min(0).max(kDelayMaxMs);
  f.add("status", &Rule::status).doc("HTTP status.").min(200).max(599);
  f.add("error", &Rule::error).doc("Error body, for status >= 400.");
  f.add("headers", &Rule::headers).doc("Response headers.");
  f.add("reply", &Rule::reply).doc("The answer.");
  f.add("fault", &Rule::fault).one_of({"reset", "cut", "hang"}).doc("What goes wrong.");
  f.add("after_events", &Rule::after_events).doc("Events before a cut.").min(0);
  f.add("raw", &Rule::raw).doc("Body as it is.");
  f.add("content_type", &Rule::content_type).doc("Of a raw body.");
}

Result<std::vector<Rule>> read_script(const Value& script) {
  SL_TRY(rules, json::decode<std::vector<Rule>>(script, "script"));
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!rules[i].reply) continue;
    for (size_t k = 0; k < rules[i].reply->tool_calls.size(); ++k)
      if (auto& given = rules[i].reply->tool_calls[k].arguments; !given.is_null() && !given.is_object())
        return fail(Code::InvalidArgument, fmt::format("script[{}].reply.tool_calls[{}].arguments: must be an object, "
                                                       "found {}",
                                                       i, k, json::dump(given)));
  }
  return rules;
}

bool matches(const Rule& rule, std::string_view path, const Asked& asked) {
  auto& m = rule.match;
  if (rule.times == 0) return false;
  if (!m.path.empty() && m.path != path) return false;
  if (!m.model.empty() && m.model != asked.model) return false;
  if (!m.tool_result.empty() && asked.tool_result.find(m.tool_result) == std::string::npos) return false;
  return m.contains.empty() || asked.text.find(m.contains) != std::string::npos;
}

Answer make_answer(const Rule& rule, const Asked& asked) {
  Answer out;
  out.id = random_hex(12);
  if (rule.reply) out.reply = *rule.reply;
  auto& reply = out.reply;
  if (reply.text.empty() && reply.tool_calls.empty()) {
    if (asked.text.find("What can you do") != std::string::npos)
      reply.text =
          "I can help you with your cluster:\n\n- look at **resources** and their state\n- read **logs** of pods\n- "
          "explain what I find and suggest what to do\n\nThis answer comes from `sightline fake-llm`, a scripted model "
          "that needs no key.";
    else
      reply.text = "You said: " + asked.text;
  }
  if (reply.model.empty()) reply.model = asked.model;
  for (size_t i = 0; i < reply.tool_calls.size(); ++i) {
    auto& call = reply.tool_calls[i];
    if (call.id.empty()) call.id = fmt::format("call_{}_{}", out.id, i);
    if (call.arguments.is_null()) call.arguments = Object{};
  }
  if (reply.stop_reason.empty()) reply.stop_reason = reply.tool_calls.empty() ? "end_turn" : "tool_use";
  out.input_tokens = reply.input_tokens.value_or(static_cast<int64_t>(asked.text.size() / 4 + 8));
  out.output_tokens = reply.output_tokens.value_or(static_cast<int64_t>(reply.text.size() / 4 + 4));
  return out;
}

}  // namespace sl::fake

// OpenAI chat completions requests into the canonical chat. Source: OpenAI API, chat completions.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "llm/dialect/openai_chat.h"
#include "llm/dialect/reading.h"

namespace sl::llm {

using json::Node;

namespace {

// The members of a request that are read. The order is that of kFieldNames.
enum Field : size_t {
  kModel,
  kMessages,
  kMaxTokens,
  kMaxCompletionTokens,
  kTemperature,
  kTopP,
  kTopK,
  kStream,
  kStreamOptions,
  kTools,
  kToolChoice,
  kParallelToolCalls,
  kStop,
  kUser,
  kN,
  kReasoningEffort,
  kThinking,
  kResponseFormat,
  kServiceTier,
  kModalities,
  kFunctions,
  kFunctionCall,
  kFields
};
constexpr std::string_view kFieldNames[kFields] = {"model",
                                                   "messages",
                                                   "max_tokens",
                                                   "max_completion_tokens",
                                                   "temperature",
                                                   "top_p",
                                                   "top_k",
                                                   "stream",
                                                   "stream_options",
                                                   "tools",
                                                   "tool_choice",
                                                   "parallel_tool_calls",
                                                   "stop",
                                                   "user",
                                                   "n",
                                                   "reasoning_effort",
                                                   "thinking",
                                                   "response_format",
                                                   "service_tier",
                                                   "modalities",
                                                   "functions",
                                                   "function_call"};

class RequestReader {
 public:
  explicit RequestReader(const Node& body) : body_(body) {}

  Result<ChatRequest> read() {
    if (!body_.is_object()) return fail(Code::InvalidArgument, "the request body must be a JSON object");
    find_fields();
    SL_CHECK(read_scalars());
    SL_CHECK(read_tools());
    SL_CHECK(read_tool_choice());
    auto* messages = fields_[kMessages];
    if (!messages || !messages->is_array()) return bad("messages", "must be an array of messages");
    SL_CHECK(read_openai_messages(*messages, out_));
    SL_CHECK(read_response_format());
    for (auto name : unknown_) drop(std::string(name));
    return std::move(out_);
  }

 private:
  // One pass over the members. What nothing here reads is named, unless it says nothing (null, or its default).
  void find_fields() {
    for (auto& value : body_) {
      std::string_view name = value.key();
      auto at = std::find(std::begin(kFieldNames), std::end(kFieldNames), name);
      if (at != std::end(kFieldNames)) {
        fields_[static_cast<size_t>(at - std::begin(kFieldNames))] = value.is_null() ? nullptr : &value;
        continue;
      }
      bool neutral = value.is_null();
      neutral |=
          (name == "presence_penalty" || name == "frequency_penalty") && value.is_number() && value.number() == 0;
      neutral |= (name == "logprobs" || name == "store") && value.is_bool() && !value.is_true();
      neutral |= (name == "metadata" || name == "logit_bias") && value.is_object() && value.empty();
      if (!neutral) unknown_.push_back(name);
    }
  }

  static std::string_view name_of(Field field) { return kFieldNames[field]; }
  Result<void> take_text(Field field, std::string_view& out) {
    auto* v = fields_[field];
    if (!v) return {};
    if (!v->is_string()) return bad(name_of(field), fmt::format("must be a string, found {}", json::kind_name(*v)));
    out = v->string();
    return {};
  }
  Result<void> take_bool(Field field, std::optional<bool>& out) {
    auto* v = fields_[field];
    if (!v) return {};
    if (!v->is_bool()) return bad(name_of(field), fmt::format("must be true or false, found {}", json::kind_name(*v)));
    out = v->is_true();
    return {};
  }
  Result<void> take_number(Field field, std::optional<double>& out) {
    auto* v = fields_[field];
    if (!v) return {};
    if (!v->is_number()) return bad(name_of(field), fmt::format("must be a number, found {}", json::kind_name(*v)));
    out = v->number();
    return std::isfinite(*out) ? Result<void>() : bad(name_of(field), "is out of range");
  }
  Result<void> take_integer(Field field, std::optional<int64_t>& out) {
    std::optional<double> wide;
    SL_CHECK(take_number(field, wide));
    if (!wide) return {};
    if (!(std::abs(*wide) < 9e18)) return bad(name_of(field), "is out of range");
    if (*wide != std::trunc(*wide)) return bad(name_of(field), "must be an integer");
    out = fields_[field]->integer().value_or(static_cast<int64_t>(*wide));
    return {};
  }

  Result<void> read_max_tokens() {
    Field field = fields_[kMaxCompletionTokens] ? kMaxCompletionTokens : kMaxTokens;
    SL_CHECK(take_integer(field, out_.max_tokens));
    if (out_.max_tokens && *out_.max_tokens < 1) return bad(name_of(field), "must be at least 1");
    return {};
  }

  Result<void> read_scalars() {
    SL_CHECK(take_text(kModel, out_.model));
    SL_CHECK(read_max_tokens());
    SL_CHECK(take_number(kTemperature, out_.temperature));
    SL_CHECK(take_number(kTopP, out_.top_p));
    if (out_.temperature && !(*out_.temperature >= 0 && *out_.temperature <= 2))
      return bad("temperature", "must be between 0 and 2");
    if (out_.top_p && !(*out_.top_p >= 0 && *out_.top_p <= 1)) return bad("top_p", "must be between 0 and 1");
    SL_CHECK(take_integer(kTopK, out_.top_k));
    SL_CHECK(take_text(kUser, out_.user));
    SL_CHECK(take_text(kReasoningEffort, out_.reasoning_effort));
    static constexpr std::string_view kEfforts[] = {"", "none", "minimal", "low", "medium", "high", "xhigh", "max"};
    if (std::find(std::begin(kEfforts), std::end(kEfforts), out_.reasoning_effort) == std::end(kEfforts))
      return bad("reasoning_effort",
                 fmt::format("\"{}\" must be none, minimal, low, medium, high, xhigh or max", out_.reasoning_effort));
    SL_CHECK(take_text(kServiceTier, out_.service_tier));
    out_.thinking = fields_[kThinking];
    if (out_.thinking && !out_.thinking->is_object())
      return bad("thinking", fmt::format("must be an object, found {}", json::kind_name(*out_.thinking)));
    std::optional<bool> stream;
    SL_CHECK(take_bool(kStream, stream));
    out_.stream = stream.value_or(false);
    if (auto* o = fields_[kStreamOptions]) {
      if (!o->is_object())
        return bad("stream_options", fmt::format("must be an object, found {}", json::kind_name(*o)));
      note_unread(out_, *o, {"include_usage"}, At{nullptr, "stream_options"});
      auto* u = given(*o, "include_usage");
      if (u && !u->is_bool())
        return bad("stream_options.include_usage", fmt::format("must be true or false, found {}", json::kind_name(*u)));
      out_.include_usage = u && u->is_true();
    }
    SL_CHECK(take_bool(kParallelToolCalls, out_.parallel_tool_calls));
    std::optional<int64_t> n;
    SL_CHECK(take_integer(kN, n));
    if (n.value_or(1) != 1)
      return bad("n", "more than one choice cannot be asked of this provider; send one request for each");
    if (auto* m = fields_[kModalities]) {
      if (!m->is_array()) return bad("modalities", fmt::format("must be an array, found {}", json::kind_name(*m)));
      for (auto& v : *m)
        if (!v.is_string() || v.string() != "text") return bad("modalities", "only text can be asked of this provider");
    }
    return read_stop();
  }

  Result<void> read_stop() {
    auto* stop = fields_[kStop];
    if (!stop) return {};
    if (stop->is_string()) {
      out_.stop.push_back(stop->string());
      return {};
    }
    if (!stop->is_array()) return bad("stop", "must be a string or an array of strings");
    for (auto& s : *stop) {
      if (!s.is_string()) return bad("stop", "must be a string or an array of strings");
      out_.stop.push_back(s.string());
    }
    return {};
  }

  Result<void> read_function(const Node& f, const At& at, const Node* cache) {
    Tool tool;
    tool.name = json::str(f, "name");
    if (tool.name.empty()) return bad(at.member("name"), "is required");
    if (auto* words = given(f, "description"); words && !words->is_string())
      return bad(at.member("description"), fmt::format("must be a string, found {}", json::kind_name(*words)));
    tool.description = json::str(f, "description");
    tool.parameters = given(f, "parameters");
    if (tool.parameters && !tool.parameters->is_object())
      return bad(at.member("parameters"),
                 fmt::format("must be a JSON Schema object, found {}", json::kind_name(*tool.parameters)));
    tool.cache_control = cache;
    note_unread(out_, f, {"name", "description", "parameters", "strict", "cache_control"}, at);
    if (auto& strict = member(f, "strict"); strict.is_true()) out_.dropped.push_back(at.member("strict").text());
    out_.tools.push_back(std::move(tool));
    return {};
  }

  Result<void> read_tools() {
    if (auto* tools = fields_[kTools]) {
      if (!tools->is_array()) return bad("tools", "must be an array");
      int64_t index = 0;
      for (auto& t : *tools) {
        At at{nullptr, "tools", index++};
        if (json::str(t, "type") != "function")
          return bad(at.member("type"),
                     fmt::format("\"{}\" cannot be offered to this provider, only \"function\"", json::str(t, "type")));
        note_unread(out_, t, {"type", "function", "cache_control"}, at);
        const Node* cache = given(t, "cache_control");
        if (!cache) cache = given(member(t, "function"), "cache_control");
        SL_CHECK(read_function(member(t, "function"), at.member("function"), cache));
      }
    }
    if (auto* functions = fields_[kFunctions]) {  // the old form
      if (!functions->is_array()) return bad("functions", "must be an array");
      out_.old_functions = true;
      out_.parallel_tool_calls = false;  // its answer has place for one call
      int64_t index = 0;
      for (auto& f : *functions) SL_CHECK(read_function(f, At{nullptr, "functions", index++}, nullptr));
    }
    return {};
  }

  Result<void> choose(std::string_view mode, std::string_view field) {
    if (mode == "auto")
      out_.tool_choice = ToolChoice::Auto;
    else if (mode == "required" && out_.tools.empty())
      return bad(field, "asks for a tool call, and there are no tools in this request");
    else if (mode == "required")
      out_.tool_choice = ToolChoice::Required;
    else if (mode == "none")
      out_.tool_choice = ToolChoice::None;
    else
      return bad(field, fmt::format("\"{}\" must be auto, required or none", mode));
    return {};
  }

  bool offered(std::string_view name) const {
    return std::any_of(out_.tools.begin(), out_.tools.end(), [&](auto& t) { return t.name == name; });
  }

  Result<void> choose_named(const Node& v, std::string_view field) {
    std::string_view name = json::str(v, "function", "name");
    if (name.empty()) name = json::str(v, "name");
    if (name.empty()) return bad(field, "needs a function name");
    if (!offered(name)) return bad(field, fmt::format("\"{}\" is not among the tools of this request", name));
    out_.tool_choice = ToolChoice::Named;
    out_.tool_choice_name = name;
    return {};
  }

  Result<void> allow_only(const Node& allowed) {
    std::vector<std::string_view> names;
    if (auto* list = json::arr(allowed, "tools"))
      for (auto& t : *list) {
        std::string_view name = json::str(t, "function", "name");
        names.emplace_back(name.empty() ? json::str(t, "name") : name);
      }
    for (auto name : names)
      if (!offered(name))
        return bad("tool_choice.allowed_tools.tools",
                   fmt::format("\"{}\" is not among the tools of this request", name));
    std::erase_if(out_.tools, [&](auto& t) { return std::find(names.begin(), names.end(), t.name) == names.end(); });
    return choose(json::str(allowed, "mode"), "tool_choice.allowed_tools.mode");
  }

  Result<void> read_tool_choice() {
    auto* choice = fields_[kToolChoice];
    std::string_view field = "tool_choice";
    if (auto* old = fields_[kFunctionCall]; old && !choice) {
      choice = old;
      field = "function_call";
    }
    if (!choice) return {};
    if (choice->is_string()) return choose(choice->string(), field);
    if (json::str(*choice, "type") == "allowed_tools") {
      auto& nested = member(*choice, "allowed_tools");
      return allow_only(nested.is_object() ? nested : *choice);
    }
    return choose_named(*choice, field);
  }

  Result<void> read_response_format() {
    auto* format = fields_[kResponseFormat];
    if (!format) return {};
    std::string_view type = json::str(*format, "type");
    if (type == "json_schema") {
      auto& spec = member(*format, "json_schema");
      out_.schema_name = json::str(spec, "name");
      out_.schema = given(spec, "schema");
      At at{nullptr, "response_format"};
      note_unread(out_, *format, {"type", "json_schema"}, at);
      note_unread(out_, spec, {"name", "schema", "strict"}, at.member("json_schema"));
      out_.schema_strict = member(spec, "strict").is_true();
      if (!out_.schema || !out_.schema->is_object())
        return bad("response_format.json_schema.schema", "must be a JSON Schema object");
    } else if (type == "json_object") {
      drop("response_format");
    } else if (type != "text") {
      return bad("response_format.type", fmt::format("\"{}\" must be text, json_object or json_schema", type));
    }
    return {};
  }

  void drop(std::string field) { note_dropped(out_, std::move(field)); }

  const Node& body_;
  ChatRequest out_;
  const Node* fields_[kFields] = {};  // null where the client said nothing
  std::vector<std::string_view> unknown_;
};

}  // namespace

Result<ChatRequest> decode_openai_chat(const Node& body) {
  return RequestReader(body).read();
}

}  // namespace sl::llm

// OpenAI chat completions requests into the canonical chat. Source: OpenAI API, chat completions.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "llm/dialect/openai_chat.h"

namespace sl::llm {

using json::Value;

namespace {

std::unexpected<Error> bad(std::string_view field, std::string_view what) {
  return fail(Code::InvalidArgument, fmt::format("{}: {}", field, what));
}

// Where in the request something stands: "messages[2].content". In words only when somebody asks.
struct At {
  const At* up = nullptr;
  std::string_view name;
  int64_t index = -1;

  At member(std::string_view of) const { return {this, of}; }
  At item(size_t i) const { return {this, "", static_cast<int64_t>(i)}; }
  std::string text() const {
    std::string out = up ? up->text() : "";
    if (up && !name.empty()) out += '.';
    out += name;
    return index < 0 ? out : fmt::format("{}[{}]", out, index);
  }
};

std::unexpected<Error> bad(const At& at, std::string_view what) {
  return bad(at.text(), what);
}

const Value& member(const Value& v, std::string_view key) {
  static const Value kNothing;
  auto* m = json::find(v, key);
  return m ? *m : kNothing;
}

// nullptr for null too.
const Value* given(const Value& v, std::string_view key) {
  auto* m = json::find(v, key);
  return m && !m->is_null() ? m : nullptr;
}

Result<void> read_data_url(std::string_view url, const At& at, Part& out) {
  if (!url.starts_with("data:")) return bad(at, "must be a data: URL or an http(s) URL");
  size_t comma = url.find(',');
  std::string_view head = url.substr(5, comma == std::string_view::npos ? 0 : comma - 5);
  if (comma == std::string_view::npos || !head.ends_with(";base64"))
    return bad(at, "a data: URL must be base64 (data:TYPE;base64,...)");
  out.media_type = head.substr(0, head.find(';'));
  out.data = url.substr(comma + 1);
  if (out.media_type != "text/plain") return {};
  auto text = base64_decode(out.data);
  if (!text) return bad(at, "the data is not base64");
  if (!valid_utf8(*text)) return bad(at, "the text is not UTF-8");
  return {};
}

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
  explicit RequestReader(const Value& body) : body_(body) {}

  Result<ChatRequest> read() {
    if (!body_.is_object()) return fail(Code::InvalidArgument, "the request body must be a JSON object");
    find_fields();
    SL_CHECK(read_scalars());
    SL_CHECK(read_tools());
    SL_CHECK(read_tool_choice());
    SL_CHECK(read_messages());
    SL_CHECK(read_response_format());
    for (auto name : unknown_) drop(std::string(name));
    return std::move(out_);
  }

 private:
  // One pass over the members. What nothing here reads is named, unless it says nothing (null, or its default).
  void find_fields() {
    for (auto& [key, value] : body_.get_object()) {
      std::string_view name = key;
      if (value.is_null()) continue;
      auto at = std::find(std::begin(kFieldNames), std::end(kFieldNames), name);
      if (at != std::end(kFieldNames)) {
        fields_[static_cast<size_t>(at - std::begin(kFieldNames))] = &value;
        continue;
      }
      bool neutral = (name == "presence_penalty" || name == "frequency_penalty") && value.is_number() &&
                     value.to_number<double>() == 0;
      neutral |= (name == "logprobs" || name == "store") && value.is_bool() && !value.get_bool();
      neutral |= value.is_object() && value.get_object().empty();
      if (!neutral) unknown_.push_back(name);
    }
  }

  static std::string_view name_of(Field field) { return kFieldNames[field]; }
  Result<void> take_text(Field field, std::string_view& out) {
    auto* v = fields_[field];
    if (!v) return {};
    if (!v->is_string()) return bad(name_of(field), fmt::format("must be a string, found {}", json::kind_name(*v)));
    out = json::view(v->get_string());
    return {};
  }
  Result<void> take_bool(Field field, std::optional<bool>& out) {
    auto* v = fields_[field];
    if (!v) return {};
    if (!v->is_bool()) return bad(name_of(field), fmt::format("must be true or false, found {}", json::kind_name(*v)));
    out = v->get_bool();
    return {};
  }
  Result<void> take_number(Field field, std::optional<double>& out) {
    auto* v = fields_[field];
    if (!v) return {};
    if (!v->is_number()) return bad(name_of(field), fmt::format("must be a number, found {}", json::kind_name(*v)));
    out = v->to_number<double>();
    return {};
  }
  Result<void> take_integer(Field field, std::optional<int64_t>& out) {
    std::optional<double> wide;
    SL_CHECK(take_number(field, wide));
    if (!wide) return {};
    if (!(std::abs(*wide) < 9e18)) return bad(name_of(field), "is out of range");
    if (*wide != std::trunc(*wide)) return bad(name_of(field), "must be an integer");
    auto* exact = fields_[field]->if_int64();
    out = exact ? *exact : static_cast<int64_t>(*wide);
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
    std::optional<bool> stream;
    SL_CHECK(take_bool(kStream, stream));
    out_.stream = stream.value_or(false);
    if (auto* o = fields_[kStreamOptions]) {
      auto* u = json::find(*o, "include_usage");
      out_.include_usage = u && u->is_bool() && u->get_bool();
    }
    SL_CHECK(take_bool(kParallelToolCalls, out_.parallel_tool_calls));
    std::optional<int64_t> n;
    SL_CHECK(take_integer(kN, n));
    if (n.value_or(1) != 1)
      return bad("n", "more than one choice cannot be asked of this provider; send one request for each");
    if (auto* m = fields_[kModalities]; m && m->is_array())
      for (auto& v : m->get_array())
        if (v.is_string() && json::view(v.get_string()) != "text")
          return bad("modalities", "only text can be asked of this provider");
    return read_stop();
  }

  Result<void> read_stop() {
    auto* stop = fields_[kStop];
    if (!stop) return {};
    if (stop->is_string()) {
      out_.stop.emplace_back(json::view(stop->get_string()));
      return {};
    }
    if (!stop->is_array()) return bad("stop", "must be a string or an array of strings");
    for (auto& s : stop->get_array()) {
      if (!s.is_string()) return bad("stop", "must be a string or an array of strings");
      out_.stop.emplace_back(json::view(s.get_string()));
    }
    return {};
  }

  Result<void> read_function(const Value& f, const At& at, const Value* cache) {
    Tool tool;
    tool.name = json::str(f, "name");
    if (tool.name.empty()) return bad(at.member("name"), "is required");
    tool.description = json::str(f, "description");
    tool.parameters = given(f, "parameters");
    if (tool.parameters && !tool.parameters->is_object())
      return bad(at.member("parameters"),
                 fmt::format("must be a JSON Schema object, found {}", json::kind_name(*tool.parameters)));
    tool.cache_control = cache;
    if (auto& strict = member(f, "strict"); strict.is_bool() && strict.get_bool())
      out_.dropped.push_back(at.member("strict").text());
    out_.tools.push_back(std::move(tool));
    return {};
  }

  Result<void> read_tools() {
    if (auto* tools = fields_[kTools]) {
      if (!tools->is_array()) return bad("tools", "must be an array");
      for (size_t i = 0; i < tools->get_array().size(); ++i) {
        auto& t = tools->get_array()[i];
        At at{nullptr, "tools", static_cast<int64_t>(i)};
        if (json::str(t, "type") != "function")
          return bad(at.member("type"),
                     fmt::format("\"{}\" cannot be offered to this provider, only \"function\"", json::str(t, "type")));
        const Value* cache = given(t, "cache_control");
        if (!cache) cache = given(member(t, "function"), "cache_control");
        SL_CHECK(read_function(member(t, "function"), at.member("function"), cache));
      }
    }
    if (auto* functions = fields_[kFunctions]; functions && functions->is_array()) {  // the old form
      out_.old_functions = true;
      for (size_t i = 0; i < functions->get_array().size(); ++i)
        SL_CHECK(read_function(functions->get_array()[i], At{nullptr, "functions", static_cast<int64_t>(i)}, nullptr));
    }
    return {};
  }

  Result<void> choose(std::string_view mode, std::string_view field) {
    if (mode == "auto")
      out_.tool_choice = ToolChoice::Auto;
    else if (mode == "required")
      out_.tool_choice = ToolChoice::Required;
    else if (mode == "none")
      out_.tool_choice = ToolChoice::None;
    else
      return bad(field, fmt::format("\"{}\" must be auto, required or none", mode));
    return {};
  }

  Result<void> choose_named(const Value& v, std::string_view field) {
    std::string_view name = json::str(v, "function", "name");
    if (name.empty()) name = json::str(v, "name");
    if (name.empty()) return bad(field, "needs a function name");
    bool offered = std::any_of(out_.tools.begin(), out_.tools.end(), [&](auto& t) { return t.name == name; });
    if (!offered) return bad(field, fmt::format("\"{}\" is not among the tools of this request", name));
    out_.tool_choice = ToolChoice::Named;
    out_.tool_choice_name = name;
    return {};
  }

  Result<void> allow_only(const Value& allowed) {
    std::vector<std::string_view> names;
    if (auto* list = json::arr(allowed, "tools"))
      for (auto& t : *list) {
        std::string_view name = json::str(t, "function", "name");
        names.emplace_back(name.empty() ? json::str(t, "name") : name);
      }
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
    if (choice->is_string()) return choose(json::view(choice->get_string()), field);
    if (json::str(*choice, "type") == "allowed_tools") {
      auto& nested = member(*choice, "allowed_tools");
      return allow_only(nested.is_object() ? nested : *choice);
    }
    return choose_named(*choice, field);
  }

  Result<Part> read_part(const Value& p, const At& at) {
    Part out;
    std::string_view type = json::str(p, "type");
    out.cache_control = given(p, "cache_control");
    if (auto* o = p.if_object())
      for (auto& [key, value] : *o) {
        static constexpr std::string_view kRead[] = {"type", "text", "refusal", "image_url", "file", "cache_control"};
        std::string_view name = key;
        if (std::find(std::begin(kRead), std::end(kRead), name) == std::end(kRead) && !value.is_null())
          drop(at.member(name).text());
      }
    if (type == "text" || type == "input_text") {
      auto* text = json::find(p, "text");
      if (!text || !text->is_string()) return bad(at.member("text"), "must be a string");
      out.text = json::view(text->get_string());
    } else if (type == "refusal") {
      out.text = json::str(p, "refusal");
    } else if (type == "image_url") {
      out.kind = PartKind::Image;
      auto& image = member(p, "image_url");
      std::string_view url = image.is_string() ? json::view(image.get_string()) : json::str(image, "url");
      if (auto detail = json::str(image, "detail"); !detail.empty() && detail != "auto") drop("image_url.detail");
      if (url.starts_with("http://") || url.starts_with("https://"))
        out.url = url;
      else
        SL_CHECK(read_data_url(url, at.member("image_url").member("url"), out));
    } else if (type == "file") {
      out.kind = PartKind::Document;
      auto& file = member(p, "file");
      if (!json::str(file, "file_id").empty())
        return bad(at.member("file").member("file_id"),
                   "a file stored at OpenAI cannot be read by this provider; send file_data");
      SL_CHECK(read_data_url(json::str(file, "file_data"), at.member("file").member("file_data"), out));
      out.title = json::str(file, "filename");
    } else {
      return bad(at.member("type"), fmt::format("\"{}\" cannot be sent to this provider", type));
    }
    return out;
  }

  Result<void> read_content(const Value& content, const At& at, std::vector<Part>& out) {
    if (content.is_null()) return {};
    if (content.is_string()) {
      Part p;
      p.text = json::view(content.get_string());
      if (!p.text.empty()) out.push_back(std::move(p));
      return {};
    }
    if (!content.is_array()) return bad(at, "must be a string or an array of parts");
    for (size_t i = 0; i < content.get_array().size(); ++i) {
      SL_TRY(part, read_part(content.get_array()[i], at.item(i)));
      if (part.kind != PartKind::Text || !part.text.empty()) out.push_back(std::move(part));
    }
    return {};
  }

  Result<void> read_call(std::string_view id, const Value& function, const At& at, std::vector<Part>& out) {
    Part p;
    p.kind = PartKind::ToolCall;
    p.id = id;
    p.name = json::str(function, "name");
    p.arguments = "{}";
    At where = at.member("arguments");
    auto* arguments = given(function, "arguments");
    if (arguments && arguments->is_object()) {
      p.arguments = out_.kept.text(json::dump(*arguments));
    } else if (arguments && !arguments->is_string()) {
      return bad(where, fmt::format("must be a JSON object as a string, found {}", json::kind_name(*arguments)));
    } else if (arguments && !trim(json::view(arguments->get_string())).empty()) {
      p.arguments = trim(json::view(arguments->get_string()));
      json::Arena arena;
      auto parsed = json::parse(p.arguments, arena);
      if (!parsed) return bad(where, parsed.error().message);
      if (!parsed->is_object())
        return bad(where, fmt::format("must hold a JSON object, found {}", json::kind_name(*parsed)));
    }
    out.push_back(std::move(p));
    return {};
  }

  Result<void> read_tool_call(const Value& call, const At& at, std::vector<Part>& out) {
    std::string_view type = json::str(call, "type");
    if (!type.empty() && type != "function")
      return bad(at.member("type"), fmt::format("\"{}\" cannot be sent to this provider, only \"function\"", type));
    return read_call(json::str(call, "id"), member(call, "function"), at.member("function"), out);
  }

  // Reasoning goes first in an assistant turn: the provider checks its signature.
  void read_reasoning(const Value& m, const At& at, std::vector<Part>& out) {
    std::string_view text = json::str(m, "reasoning_content"), signature = json::str(m, "reasoning_signature");
    if (auto* blocks = json::arr(m, "thinking_blocks"); blocks && !blocks->empty()) {
      for (auto& b : *blocks) {
        Part p;
        bool redacted = json::str(b, "type") == "redacted_thinking";
        p.kind = redacted ? PartKind::RedactedThinking : PartKind::Thinking;
        p.text = json::str(b, redacted ? "data" : "thinking");
        p.signature = json::str(b, "signature");
        out.push_back(std::move(p));
      }
      return;  // the pair says again what they say
    }
    if (text.empty() && signature.empty()) return;
    if (signature.empty())
      return drop(at.member("reasoning_content").text());  // without its signature it would be refused
    Part p;
    p.kind = PartKind::Thinking;
    p.text = text;
    p.signature = signature;
    out.push_back(std::move(p));
  }

  Result<void> read_assistant(const Value& m, const At& at) {
    Message out;
    out.role = Role::Assistant;
    read_reasoning(m, at, out.parts);
    SL_CHECK(read_content(member(m, "content"), at.member("content"), out.parts));
    if (!out.parts.empty() && out.parts.back().kind == PartKind::Text) mark_cached(m, out.parts, 0);
    if (auto refusal = json::str(m, "refusal"); !refusal.empty()) {
      Part p;
      p.text = refusal;
      out.parts.push_back(std::move(p));
    }
    if (auto* calls = json::arr(m, "tool_calls"))
      for (size_t i = 0; i < calls->size(); ++i)
        SL_CHECK(read_tool_call((*calls)[i], at.member("tool_calls").item(i), out.parts));
    if (auto& old = member(m, "function_call"); old.is_object()) {
      std::string_view id = out_.kept.text(fmt::format("call_{}", out_.messages.size()));
      SL_CHECK(read_call(id, old, at.member("function_call"), out.parts));
    }
    if (!out.parts.empty()) append(std::move(out));
    return {};
  }

  Result<void> read_tool_result(const Value& m, const At& at) {
    Part result;
    result.kind = PartKind::ToolResult;
    result.id = json::str(m, "tool_call_id");
    if (result.id.empty() && json::str(m, "role") == "tool") return bad(at.member("tool_call_id"), "is required");
    if (result.id.empty()) result.id = last_call_id();
    SL_CHECK(read_content(member(m, "content"), at.member("content"), result.content));
    result.cache_control = given(m, "cache_control");
    Message out;
    out.parts.push_back(std::move(result));
    append(std::move(out));
    return {};
  }

  std::string_view last_call_id() const {
    for (auto m = out_.messages.rbegin(); m != out_.messages.rend(); ++m)
      for (auto p = m->parts.rbegin(); p != m->parts.rend(); ++p)
        if (p->kind == PartKind::ToolCall) return p->id;
    return "";
  }

  // Neighbours of one role become one message; tool results stand first in theirs.
  void append(Message m) {
    if (out_.messages.empty() || out_.messages.back().role != m.role) {
      out_.messages.push_back(std::move(m));
      return;
    }
    auto& parts = out_.messages.back().parts;
    for (auto& p : m.parts) {
      if (p.kind != PartKind::ToolResult) {
        parts.push_back(std::move(p));
        continue;
      }
      auto at = std::find_if(parts.begin(), parts.end(), [](auto& q) { return q.kind != PartKind::ToolResult; });
      parts.insert(at, std::move(p));
    }
  }

  // The cache mark of a whole message belongs to its last part.
  static void mark_cached(const Value& m, std::vector<Part>& parts, size_t from) {
    auto* cache = given(m, "cache_control");
    if (cache && parts.size() > from && !parts.back().cache_control) parts.back().cache_control = cache;
  }

  // Members of a message that nothing here reads.
  void name_rest(const Value& m, const At& at) {
    static constexpr std::string_view kRead[] = {
        "role",          "content",           "tool_calls",          "tool_call_id",    "refusal",
        "function_call", "reasoning_content", "reasoning_signature", "thinking_blocks", "cache_control"};
    for (auto& [key, value] : m.get_object()) {
      std::string_view name = key;
      if (std::find(std::begin(kRead), std::end(kRead), name) != std::end(kRead)) continue;
      bool says_nothing = value.is_null() || (value.is_string() && value.get_string().empty()) ||
                          (value.is_array() && value.get_array().empty());
      bool of_call = name == "name" && (json::str(m, "role") == "tool" || json::str(m, "role") == "function");
      if (!says_nothing && !of_call) drop(at.member(name).text());
    }
  }

  Result<void> read_messages() {
    auto* messages = fields_[kMessages];
    if (!messages || !messages->is_array()) return bad("messages", "must be an array of messages");
    out_.messages.reserve(messages->get_array().size());
    for (size_t i = 0; i < messages->get_array().size(); ++i) {
      auto& m = messages->get_array()[i];
      At at{nullptr, "messages", static_cast<int64_t>(i)};
      std::string_view role = json::str(m, "role");
      if (role == "system" || role == "developer") {
        size_t before = out_.system.size();
        SL_CHECK(read_content(member(m, "content"), at.member("content"), out_.system));
        mark_cached(m, out_.system, before);
      } else if (role == "user") {
        Message user;
        SL_CHECK(read_content(member(m, "content"), at.member("content"), user.parts));
        mark_cached(m, user.parts, 0);
        if (!user.parts.empty()) append(std::move(user));
      } else if (role == "assistant") {
        SL_CHECK(read_assistant(m, at));
      } else if (role == "tool" || role == "function") {
        SL_CHECK(read_tool_result(m, at));
      } else {
        return bad(at.member("role"), fmt::format("\"{}\" must be system, developer, user, assistant or tool", role));
      }
      name_rest(m, at);
    }
    return {};
  }

  Result<void> read_response_format() {
    auto* format = fields_[kResponseFormat];
    if (!format) return {};
    std::string_view type = json::str(*format, "type");
    if (type == "json_schema") {
      auto& spec = member(*format, "json_schema");
      out_.schema_name = json::str(spec, "name");
      out_.schema = given(spec, "schema");
      if (!json::str(spec, "description").empty()) drop("response_format.json_schema.description");
      if (!out_.schema || !out_.schema->is_object())
        return bad("response_format.json_schema.schema", "must be a JSON Schema object");
    } else if (type == "json_object") {
      drop("response_format");
    } else if (type != "text") {
      return bad("response_format.type", fmt::format("\"{}\" must be text, json_object or json_schema", type));
    }
    return {};
  }

  void drop(std::string field) {
    if (std::find(out_.dropped.begin(), out_.dropped.end(), field) == out_.dropped.end())
      out_.dropped.push_back(std::move(field));
  }

  const Value& body_;
  ChatRequest out_;
  const Value* fields_[kFields] = {};  // null where the client said nothing
  std::vector<std::string_view> unknown_;
};

}  // namespace

Result<ChatRequest> decode_openai_chat(const Value& body) {
  return RequestReader(body).read();
}

}  // namespace sl::llm

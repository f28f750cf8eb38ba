// The messages of an OpenAI chat completions request. Source: OpenAI API, chat completions.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "llm/dialect/openai_chat.h"
#include "llm/dialect/reading.h"

namespace sl::llm {

using json::Node;

namespace {

Result<void> read_data_url(std::string_view url, const At& at, Part& out) {
  if (!url.starts_with("data:")) return bad(at, "must be a data: URL or an http(s) URL");
  size_t comma = url.find(',');
  std::string_view head = url.substr(5, comma == std::string_view::npos ? 0 : comma - 5);
  if (comma == std::string_view::npos || !head.ends_with(";base64"))
    return bad(at, "a data: URL must be base64 (data:TYPE;base64,...)");
  out.media_type = head.substr(0, head.find(';'));
  out.data = url.substr(comma + 1);
  if (out.media_type == "image/jpg") out.media_type = "image/jpeg";  // as many write it
  if (out.media_type.starts_with("text/")) out.media_type = "text/plain";
  if (out.media_type != "text/plain") return {};
  auto text = base64_decode(out.data);
  if (!text) return bad(at, "the data is not base64");
  if (!valid_utf8(*text)) return bad(at, "the text is not UTF-8");
  return {};
}

class MessageReader {
 public:
  explicit MessageReader(ChatRequest& out) : out_(out) {}

  Result<void> read(const Node& list) {
    out_.messages.reserve(list.size());
    int64_t index = 0;
    for (auto& m : list) {
      At at{nullptr, "messages", index++};
      std::string_view role = json::str(m, "role");
      if (role == "system" || role == "developer") {
        size_t before = out_.system.size();
        SL_CHECK(read_content(member(m, "content"), at.member("content"), out_.system));
        mark_cached(m, out_.system, before, at);
      } else if (role == "user") {
        Message user;
        SL_CHECK(read_content(member(m, "content"), at.member("content"), user.parts));
        mark_cached(m, user.parts, 0, at);
        if (!user.parts.empty()) append(std::move(user));
      } else if (role == "assistant") {
        SL_CHECK(read_assistant(m, at));
      } else if (role == "tool" || role == "function") {
        SL_CHECK(read_tool_result(m, at));
      } else {
        return bad(at.member("role"), fmt::format("\"{}\" must be system, developer, user, assistant or tool", role));
      }
      name_rest(m, role, at);
    }
    return {};
  }

 private:
  Result<Part> read_part(const Node& p, const At& at) {
    Part out;
    std::string_view type = json::str(p, "type");
    out.cache_control = given(p, "cache_control");
    note_unread(out_, p, {"type", "text", "refusal", "image_url", "file", "cache_control"}, at);
    if (type == "text" || type == "input_text") {
      auto* text = json::find(p, "text");
      if (!text || !text->is_string()) return bad(at.member("text"), "must be a string");
      out.text = text->string();
    } else if (type == "refusal") {
      out.text = json::str(p, "refusal");
    } else if (type == "image_url") {
      out.kind = PartKind::Image;
      auto& image = member(p, "image_url");
      note_unread(out_, image, {"url", "detail"}, at.member("image_url"));
      std::string_view url = image.is_string() ? image.string() : json::str(image, "url");
      if (auto detail = json::str(image, "detail"); !detail.empty() && detail != "auto") drop("image_url.detail");
      if (url.starts_with("http://") || url.starts_with("https://"))
        out.url = url;
      else
        SL_CHECK(read_data_url(url, at.member("image_url").member("url"), out));
    } else if (type == "file") {
      out.kind = PartKind::Document;
      auto& file = member(p, "file");
      note_unread(out_, file, {"file_id", "file_data", "filename"}, at.member("file"));
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

  // Blank text is refused where it stands alone: it goes with the text beside it, or says nothing.
  void add_part(Part part, std::vector<Part>& out) {
    bool blank = part.kind == PartKind::Text && trim(part.text).empty();
    Part* before = !out.empty() && out.back().kind == PartKind::Text ? &out.back() : nullptr;
    if (blank && before && !part.text.empty() && !part.cache_control)
      before->text = out_.kept.text(std::string(before->text) + std::string(part.text));
    if (!blank) out.push_back(std::move(part));
  }

  Result<void> read_content(const Node& content, const At& at, std::vector<Part>& out) {
    if (content.is_null()) return {};
    if (content.is_string()) {
      Part p;
      p.text = content.string();
      add_part(std::move(p), out);
      return {};
    }
    if (!content.is_array()) return bad(at, "must be a string or an array of parts");
    size_t i = 0;
    for (auto& item : content) {
      SL_TRY(part, read_part(item, at.item(i++)));
      add_part(std::move(part), out);
    }
    return {};
  }

  Result<void> read_call(std::string_view id, const Node& function, const At& at, std::vector<Part>& out) {
    Part p;
    p.kind = PartKind::ToolCall;
    p.id = id;
    p.name = json::str(function, "name");
    if (p.name.empty()) return bad(at.member("name"), "is required");
    p.arguments = "{}";
    At where = at.member("arguments");
    auto* arguments = given(function, "arguments");
    if (arguments && arguments->is_object()) {
      p.arguments = arguments->text();
    } else if (arguments && !arguments->is_string()) {
      return bad(where, fmt::format("must be a JSON object as a string, found {}", json::kind_name(*arguments)));
    } else if (arguments && !trim(arguments->string()).empty()) {
      p.arguments = trim(arguments->string());
      json::Document document;
      auto parsed = document.read(p.arguments);
      if (!parsed) return bad(where, parsed.error().message);
      if (!(*parsed)->is_object())
        return bad(where, fmt::format("must hold a JSON object, found {}", json::kind_name(**parsed)));
    }
    out.push_back(std::move(p));
    return {};
  }

  Result<void> read_tool_call(const Node& call, const At& at, std::vector<Part>& out) {
    std::string_view type = json::str(call, "type");
    if (!type.empty() && type != "function")
      return bad(at.member("type"), fmt::format("\"{}\" cannot be sent to this provider, only \"function\"", type));
    if (json::str(call, "id").empty()) return bad(at.member("id"), "is required: the result refers to it");
    note_unread(out_, call, {"id", "type", "function", "index"}, at);  // streamed calls have an index
    note_unread(out_, member(call, "function"), {"name", "arguments"}, at.member("function"));
    return read_call(json::str(call, "id"), member(call, "function"), at.member("function"), out);
  }

  // Reasoning goes first in an assistant turn: the provider checks its signature.
  void read_reasoning(const Node& m, const At& at, std::vector<Part>& out) {
    std::string_view text = json::str(m, "reasoning_content"), signature = json::str(m, "reasoning_signature");
    if (auto* blocks = json::arr(m, "thinking_blocks"); blocks && !blocks->empty()) {
      size_t i = 0;
      for (auto& b : *blocks) {
        size_t n = i++;
        Part p;
        bool redacted = json::str(b, "type") == "redacted_thinking";
        if (json::str(b, redacted ? "data" : "signature").empty()) {  // the provider would refuse it
          drop(at.member("thinking_blocks").item(n).text());
          continue;
        }
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

  Result<void> read_assistant(const Node& m, const At& at) {
    Message out;
    out.role = Role::Assistant;
    read_reasoning(m, at, out.parts);
    SL_CHECK(read_content(member(m, "content"), at.member("content"), out.parts));
    if (auto refusal = json::str(m, "refusal"); !refusal.empty()) {
      Part p;
      p.text = refusal;
      out.parts.push_back(std::move(p));
    }
    if (auto* calls = given(m, "tool_calls")) {
      if (!calls->is_array())
        return bad(at.member("tool_calls"), fmt::format("must be an array, found {}", json::kind_name(*calls)));
      size_t i = 0;
      for (auto& call : *calls) SL_CHECK(read_tool_call(call, at.member("tool_calls").item(i++), out.parts));
    }
    if (auto& old = member(m, "function_call"); old.is_object()) {
      std::string_view id = out_.kept.text(fmt::format("call_{}", out_.messages.size()));
      SL_CHECK(read_call(id, old, at.member("function_call"), out.parts));
    }
    mark_cached(m, out.parts, 0, at);
    if (!out.parts.empty()) append(std::move(out));
    return {};
  }

  Result<void> read_tool_result(const Node& m, const At& at) {
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
  void mark_cached(const Node& m, std::vector<Part>& parts, size_t from, const At& at) {
    auto* cache = given(m, "cache_control");
    if (!cache) return;
    auto* last = parts.size() > from ? &parts.back() : nullptr;
    bool takes = last && last->kind != PartKind::Thinking && last->kind != PartKind::RedactedThinking;
    if (!takes) return drop(at.member("cache_control").text());
    if (!last->cache_control) last->cache_control = cache;
  }

  // Members of a message that nothing here reads.
  void name_rest(const Node& m, std::string_view role, const At& at) {
    static constexpr std::string_view kOfAll[] = {"role", "content", "cache_control"};
    static constexpr std::string_view kOfAssistant[] = {
        "tool_calls", "refusal", "function_call", "reasoning_content", "reasoning_signature", "thinking_blocks"};
    bool assistant = role == "assistant", result = role == "tool" || role == "function";
    for (auto& value : m) {
      std::string_view name = value.key();
      bool known =
          std::find(std::begin(kOfAll), std::end(kOfAll), name) != std::end(kOfAll) ||
          (result && name == "tool_call_id") ||
          (assistant && std::find(std::begin(kOfAssistant), std::end(kOfAssistant), name) != std::end(kOfAssistant));
      if (name == "thinking_blocks" && !value.is_array()) known = false;
      if (known) continue;
      bool says_nothing =
          value.is_null() || (value.is_string() && value.string().empty()) || (value.is_array() && value.empty());
      bool of_call = name == "name" && result;
      if (!says_nothing && !of_call) drop(at.member(name).text());
    }
  }

  void drop(std::string field) { note_dropped(out_, std::move(field)); }

  ChatRequest& out_;
};

}  // namespace

Result<void> read_openai_messages(const Node& list, ChatRequest& out) {
  return MessageReader(out).read(list);
}

}  // namespace sl::llm

#include <fmt/format.h>

#include "app/fake_llm/format.h"
#include "base/ids.h"

namespace sl::fake {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr std::string_view kWhole = ":generateContent", kStream = ":streamGenerateContent";

// Google takes both spellings of a name.
const Value* either(const Value& v, std::string_view camel, std::string_view snake) {
  auto* found = json::find(v, camel);
  return found ? found : json::find(v, snake);
}

size_t count(const Array& parts, std::string_view camel, std::string_view snake) {
  size_t out = 0;
  for (auto& part : parts) out += either(part, camel, snake) != nullptr;
  return out;
}

std::string wrong_contents(const Value& body) {
  auto* contents = json::arr(body, "contents");
  if (!contents || contents->empty()) return "* GenerateContentRequest.contents: contents is not specified";
  size_t open = 0;  // calls of the turn before
  for (size_t i = 0; i < contents->size(); ++i) {
    auto& content = (*contents)[i];
    std::string_view role = json::str(content, "role");
    if (!role.empty() && role != "user" && role != "model" && role != "function")
      return "Please use a valid role: user, model.";
    auto* parts = json::arr(content, "parts");
    if (!parts || parts->empty())
      return fmt::format("* GenerateContentRequest.contents[{}].parts: contents.parts must not be empty.", i);
    if (count(*parts, "functionResponse", "function_response") != open)
      return "Please ensure that the number of function response parts is equal to the number of function call parts "
             "of the function call turn.";
    open = count(*parts, "functionCall", "function_call");
  }
  return "";
}

std::string_view finish(std::string_view stop) {
  if (stop == "max_tokens") return "MAX_TOKENS";
  if (stop == "refusal") return "SAFETY";
  return "STOP";  // also with function calls
}

Object response(const Answer& a, Array parts, Value why) {
  Object candidate{{"content", Object{{"parts", std::move(parts)}, {"role", "model"}}}, {"index", 0}};
  bool last = !why.is_null();
  if (last) candidate["finishReason"] = std::move(why);
  Object usage{{"promptTokenCount", a.input_tokens}, {"totalTokenCount", a.input_tokens}};
  if (last) {
    usage["candidatesTokenCount"] = a.output_tokens;
    usage["totalTokenCount"] = a.input_tokens + a.output_tokens;
  }
  return Object{{"candidates", Array{std::move(candidate)}},
                {"usageMetadata", std::move(usage)},
                {"modelVersion", a.reply.model},
                {"responseId", a.id}};
}

void add_calls(const Answer& a, Array& parts) {
  for (auto& c : a.reply.tool_calls)
    parts.push_back(Object{{"functionCall", Object{{"id", c.id}, {"name", c.name}, {"args", c.arguments}}}});
}

class Gemini : public Format {
 public:
  // /v1beta/models/MODEL:generateContent, and the longer paths of Vertex.
  bool speaks(std::string_view path) const override {
    return path.find("/models/") != std::string_view::npos && (path.ends_with(kWhole) || path.ends_with(kStream));
  }

  std::optional<Refusal> refuse(const net::HttpRequest& r, const Value& body) const override {
    if (r.header("x-goog-api-key").empty() && r.query_value("key").empty() &&
        !r.header("authorization").starts_with("Bearer "))
      return Refusal{403, "Method doesn't allow unregistered callers (missing API key): use x-goog-api-key or ?key="};
    if (std::string wrong = wrong_contents(body); !wrong.empty()) return Refusal{400, wrong};
    return std::nullopt;
  }

  Asked read(const net::HttpRequest& r, const Value& body) const override {
    Asked out;
    out.stream = r.path.ends_with(kStream);
    out.events = r.query_value("alt") == "sse";
    size_t start = r.path.rfind('/') + 1;
    out.model = r.path.substr(start, r.path.rfind(':') - start);
    for (auto& content : *json::arr(body, "contents")) {
      std::string text;
      out.tool_result.clear();
      for (auto& part : *json::arr(content, "parts")) {
        text += json::str(part, "text");
        if (auto* result = either(part, "functionResponse", "function_response"))
          if (auto* given = json::find(*result, "response")) out.tool_result += json::dump(*given);
      }
      if (json::str(content, "role") != "model" && !text.empty()) out.text = text;
    }
    return out;
  }

  std::string whole(const Answer& a) const override {
    Array parts;
    if (!a.reply.reasoning.empty()) parts.push_back(Object{{"text", a.reply.reasoning}, {"thought", true}});
    if (!a.reply.text.empty()) parts.push_back(Object{{"text", a.reply.text}});
    add_calls(a, parts);
    return json::dump(response(a, std::move(parts), Value(finish(a.reply.stop_reason))));
  }

  std::vector<std::string> events(const Answer& a, const Asked& asked) const override {
    std::vector<std::string> out;
    auto add = [&](Array parts, Value why = nullptr) {
      std::string text = json::dump(response(a, std::move(parts), std::move(why)));
      out.push_back(asked.events ? "data: " + text + "\r\n\r\n" : (out.empty() ? "[" : ",\r\n") + text);
    };
    for (auto& p : pieces(a.reply.reasoning)) add(Array{Object{{"text", p}, {"thought", true}}});
    for (auto& p : pieces(a.reply.text)) add(Array{Object{{"text", p}}});
    Array calls;
    add_calls(a, calls);
    if (calls.empty()) calls.push_back(Object{{"text", ""}});
    add(std::move(calls), Value(finish(a.reply.stop_reason)));
    if (!asked.events) out.back() += "]";
    return out;
  }

  std::string error(int status, std::string_view type, std::string_view message) const override {
    if (type.empty())
      type = status == 401   ? "UNAUTHENTICATED"
             : status == 403 ? "PERMISSION_DENIED"
             : status == 404 ? "NOT_FOUND"
             : status == 429 ? "RESOURCE_EXHAUSTED"
             : status == 503 ? "UNAVAILABLE"
             : status == 504 ? "DEADLINE_EXCEEDED"
             : status >= 500 ? "INTERNAL"
                             : "INVALID_ARGUMENT";
    return json::dump(Object{{"error", Object{{"code", status}, {"message", message}, {"status", type}}}});
  }

  std::string models(const net::HttpRequest& r) const override {
    if (r.path != "/v1beta/models") return "";
    return json::dump(Object{{"models", Array{Object{{"name", "models/fake-model"},
                                                     {"displayName", "Fake model"},
                                                     {"supportedGenerationMethods", Array{"generateContent"}}}}}});
  }
};

}  // namespace

const Format& gemini() {
  static const Gemini format;
  return format;
}

}  // namespace sl::fake

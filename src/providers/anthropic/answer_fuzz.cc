// A whole answer of a provider, as a success and as an error. First byte: how the client asked and the status; rest:
// the body.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "json/node.h"
#include "llm/exchange/exchange.h"
#include "providers/anthropic/anthropic.h"

namespace sl::providers {
namespace {

constexpr std::string_view kTools =
    R"({"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}],
        "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]})";
constexpr std::string_view kFunctions =
    R"({"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}],
        "functions":[{"name":"f","parameters":{"type":"object"}}]})";
constexpr std::array kStatuses = {0, 400, 401, 403, 404, 413, 429, 500, 503, 504, 529};

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

json::Value read(std::string_view out) {
  check(valid_utf8(out), "what is answered is UTF-8", out);
  auto v = json::parse(out, {.bytes_max = SIZE_MAX, .depth_max = 200});
  check(v && v->is_object(), "what is answered is an object", out);
  return *v;
}

void check_function(const json::Value& function, std::string_view out) {
  check(json::find(function, "name") && json::find(function, "name")->is_string(), "a call has a name", out);
  auto arguments = json::parse(json::str(function, "arguments"));
  check(arguments && arguments->is_object(), "arguments are the text of an object", out);
}

void check_answer(const json::Value& answer, const json::Value& body, bool functions, std::string_view out) {
  auto* choices = json::arr(answer, "choices");
  check(choices && choices->size() == 1, "there is one choice", out);
  auto* message = json::find((*choices)[0], "message");
  check(message && json::str(*message, "role") == "assistant", "it is a message", out);
  auto* content = json::find(*message, "content");
  check(content && (content->is_string() || content->is_null()), "content is text or null", out);
  size_t wanted = 0, calls = 0;
  for (auto& block : *json::arr(body, "content"))
    wanted += json::str(block, "type") == "tool_use" && json::str(block, "name") != kStructuredTool;
  if (auto* list = json::arr(*message, "tool_calls"))
    for (auto& call : *list) {
      ++calls;
      check(json::find(call, "function"), "a call is of a function", out);
      check_function(*json::find(call, "function"), out);
    }
  if (auto* call = json::find(*message, "function_call")) {
    ++calls;
    check_function(*call, out);
  }
  check(calls == (functions && wanted ? 1 : wanted), "every call arrives", out);
  std::string_view finish = json::str((*choices)[0], "finish_reason");
  check(finish == "stop" || finish == "length" || finish == "content_filter" ||
            finish == (functions ? "function_call" : "tool_calls"),
        "the reason is one of the format", out);
  auto* usage = json::find(answer, "usage");
  check(usage && json::num(*usage, -1, "total_tokens") ==
                     llm::add_tokens(json::num(*usage, 0, "prompt_tokens"), json::num(*usage, 0, "completion_tokens")),
        "tokens add up", out);
}

void check_response(bool functions, std::string_view text) {
  llm::Exchange x(llm::openai_chat(), anthropic());
  check(x.request(functions ? kFunctions : kTools, "").has_value(), "the request is good", kTools);
  auto out = x.response(text);
  auto body = json::parse(text);
  if (!out) {
    check(out.error().code == Code::UpstreamProtocol && !out.error().message.empty(), "an error says something", text);
    check(valid_utf8(out.error().message), "an error is UTF-8", out.error().message);
    return;
  }
  json::Document document;
  check(document.read(text).has_value(), "only JSON is an answer", text);
  if (!body) return;  // it holds a number that no double does
  check_answer(read(*out), *body, functions, *out);
  check(!x.facts().finish.empty(), "the record gets a reason", *out);
  for (auto& d : x.dropped()) check(!d.empty(), "what is dropped is named", *out);
}

void check_error(int given, std::string_view text) {
  for (auto* provider : llm::all_providers()) {
    llm::Exchange x(llm::openai_chat(), *provider);
    int status = given;
    std::string out = x.error_response(&status, text);
    auto v = read(out);
    check(!json::str(v, "error", "message").empty(), "an error says something", out);
    check(status >= 400 && status < 600, "the status is an error's", out);
    check(given == 0 || given == 529 || status == given, "a status that is known stays", out);
    llm::ProviderError known = provider->decode_error(given, text);
    if (!known.message.empty()) check(json::str(v, "error", "message") == known.message, "in the same words", out);
  }
}

void run(uint8_t n, std::string_view text) {
  check_response(n & 1, text);
  check_error(kStatuses[n / 2 % kStatuses.size()], text);
}

}  // namespace
}  // namespace sl::providers

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  sl::providers::run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

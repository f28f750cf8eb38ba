// A chat request of an untrusted client: read, then written for every provider.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "llm/exchange/exchange.h"

namespace sl::llm {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

void check_error(const Error& e, std::string_view text) {
  check(!e.message.empty(), "an error says something", text);
  check(e.code == Code::InvalidArgument || e.code == Code::TooLarge, "it is the client's", e.message);
}

// The same members in the same order, and the same values, but for `key`.
bool same_without(const json::Value& a, const json::Value& b, std::string_view key) {
  auto x = a, y = b;
  x.get_object().erase(key);
  y.get_object().erase(key);
  return json::equal(x, y);
}

void check_translated(const json::Value& sent, const ChatRequest& r, const std::string& text) {
  check(json::num(sent, 0, "max_tokens") >= 1, "a limit is sent", text);
  check(!json::str(sent, "model").empty(), "a model is sent", text);
  auto* messages = json::arr(sent, "messages");
  check(messages && messages->size() == r.messages.size() && !messages->empty(), "all messages are sent", text);
  for (size_t i = 0; i < messages->size(); ++i) {
    auto role = json::str((*messages)[i], "role");
    check(role == "user" || role == "assistant", "roles are the provider's", text);
    check(i == 0 || role != json::str((*messages)[i - 1], "role"), "roles take turns", text);
  }
  if (auto t = json::find(sent, "temperature"))
    check(t->to_number<double>() >= 0 && t->to_number<double>() <= 1, "the temperature is in range", text);
  bool tools = json::find(sent, "tools");
  check(tools || !json::find(sent, "tool_choice"), "a choice only among tools", text);
}

void run(std::string_view text) {
  auto read = json::parse(text);
  for (auto* provider : all_providers()) {
    Exchange x(openai_chat(), *provider);
    auto sent = x.request(text, "");
    if (!sent) {
      check_error(sent.error(), text);
      continue;
    }
    check(valid_utf8(*sent), "what is sent is UTF-8", *sent);
    if (!read) continue;  // it holds a number that no double does, and that is not ours to judge
    auto v = json::parse(*sent, {.bytes_max = SIZE_MAX, .depth_max = 200});
    check(v && v->is_object(), "what is sent is an object", *sent);
    if (x.pass_through()) {
      check(same_without(*v, *read, "stream_options"), "nothing else is changed", *sent);
      continue;
    }
    json::Document document;
    auto node = document.read(text);
    check(node.has_value(), "reading is the same every time", text);
    auto request = openai_chat().decode(**node);
    check(request.has_value(), "reading is the same every time", text);
    check_translated(*v, *request, *sent);
  }
}

}  // namespace
}  // namespace sl::llm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::llm::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// The streaming answer of a provider. First byte: how to cut; rest: server-sent events. For every cut the client gets
// the same whole events in its own format, and the facts that are counted are the same.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "codec/sse/sse.h"
#include "llm/exchange/exchange.h"
#include "providers/anthropic/anthropic.h"

namespace sl::providers {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

struct Outcome {
  std::string out, model, finish;
  bool whole = false;
  int64_t input = 0, output = 0;
  bool operator==(const Outcome&) const = default;
};

// The time of day is not part of what is compared.
void drop_created(std::string& text) {
  static constexpr std::string_view kBefore = R"("object":"chat.completion.chunk","created":)";
  for (size_t at = 0; (at = text.find(kBefore, at)) != std::string::npos;) {
    at += kBefore.size();
    text.erase(at, text.find_first_not_of("0123456789", at) - at);
  }
}

// Pieces whose sizes come from a simple generator; 0 gives all at once.
Outcome translate(std::string_view text, uint32_t seed, bool usage) {
  llm::Exchange x(llm::openai_chat(), anthropic());
  x.assume("model", true, usage);
  Outcome o;
  while (!text.empty()) {
    seed = seed ? seed * 1664525u + 1013904223u | 1u : 0u;
    size_t size = seed ? std::min<size_t>(1 + (seed >> 24) % 11, text.size()) : text.size();
    x.feed(text.substr(0, size), o.out);
    text.remove_prefix(size);
  }
  o.whole = x.finish(o.out);
  o.model = x.facts().model;
  o.finish = x.facts().finish;
  o.input = x.facts().usage.input;
  o.output = x.facts().usage.output;
  drop_created(o.out);
  return o;
}

void check_events(const Outcome& o) {
  sse::Decoder decoder(SIZE_MAX);
  check(decoder.feed(o.out).has_value(), "the client can read it", o.out);
  std::vector<std::string> all;
  for (sse::Event e; decoder.next(e);) all.emplace_back(e.data);
  check(!decoder.has_partial(), "every event is whole", o.out);
  check(!all.empty(), "something is always said", o.out);
  check(o.whole == (all.back() == "[DONE]"), "[DONE] ends what is whole, and only that", o.out);
  size_t errors = 0;
  for (auto& data : all) {
    if (&data == &all.back() && o.whole) break;
    // "created" without its digits is put back, so that the rest is JSON.
    std::string text = data;
    if (size_t at = text.find("\"created\":,"); at != std::string::npos) text.insert(at + 10, "0");
    auto v = json::parse(text);
    check(v && v->is_object(), "every event holds an object", data);
    errors += json::find(*v, "error") != nullptr;
    check(json::find(*v, "error") || json::arr(*v, "choices"), "every event is a chunk or an error", data);
  }
  check(errors == (o.whole ? 0u : 1u), "a stream that is not whole ends in one error", o.out);
}

void run(uint8_t n, std::string_view text) {
  Outcome whole = translate(text, 0, n & 1);
  check(whole == translate(text, 1u + n, n & 1), "a cut changes nothing", text);
  check(whole == translate(text, 77u * n + 5, n & 1), "another cut changes nothing", text);
  check_events(whole);
}

}  // namespace
}  // namespace sl::providers

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  sl::providers::run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

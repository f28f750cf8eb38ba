// A streamed answer in the client's own format. First byte: how to cut and whether the client asked for usage; rest:
// server-sent events. For every cut the same bytes go out and the same facts are counted.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "codec/sse/sse.h"
#include "llm/exchange/exchange.h"

namespace sl::llm {
namespace {

constexpr std::string_view kPlain = R"({"model":"m","stream":true,"messages":[]})";
constexpr std::string_view kUsage =
    R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]})";

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

struct Outcome {
  std::string out, model, finish;
  bool whole = false, has_usage = false;
  int64_t input = 0, output = 0, cached = 0;
  bool operator==(const Outcome&) const = default;
};

// Pieces whose sizes come from a simple generator; 0 gives all at once.
Outcome pass(std::string_view text, uint32_t seed, bool usage) {
  Exchange x(openai_chat(), *find_provider("openai"));
  check(x.request(usage ? kUsage : kPlain, "").has_value() && x.pass_through(), "the request is good", kPlain);
  Outcome o;
  while (!text.empty()) {
    seed = seed ? seed * 1664525u + 1013904223u | 1u : 0u;
    size_t size = seed ? std::min<size_t>(1 + (seed >> 24) % 11, text.size()) : text.size();
    x.feed(text.substr(0, size), o.out);
    text.remove_prefix(size);
  }
  o.whole = x.finish(o.out);
  auto& f = x.facts();
  o.model = f.model;
  o.finish = f.finish;
  o.has_usage = f.has_usage;
  o.input = f.usage.input;
  o.output = f.usage.output;
  o.cached = f.usage.cached;
  return o;
}

void check_events(const Outcome& o, bool usage) {
  sse::Decoder decoder(SIZE_MAX);
  check(decoder.feed(o.out).has_value(), "the client can read it", o.out);
  bool error = false, done = false;
  for (sse::Event e; decoder.next(e);) {
    done |= e.data == "[DONE]";
    auto v = json::parse(e.data);
    if (!v) continue;
    auto* told = json::find(*v, "error");
    error |= told && !told->is_null();
    auto* choices = json::arr(*v, "choices");
    auto* counts = json::find(*v, "usage");
    check(usage || !choices || !choices->empty() || !counts || !counts->is_object(),
          "usage that was not asked for is hidden", o.out);
  }
  check(o.whole || error, "a stream that is not whole has an error", o.out);
  check(!o.whole || done, "a stream that is whole has its end", o.out);
}

void run(uint8_t n, std::string_view text) {
  bool usage = n & 1;
  Outcome whole = pass(text, 0, usage);
  if (usage && whole.whole) check(whole.out == text, "what is whole goes out as it came", text);
  check_events(whole, usage);
  check(whole == pass(text, 1u + n, usage), "a cut changes nothing", text);
  check(whole == pass(text, 77u * n + 5, usage), "another cut changes nothing", text);
}

}  // namespace
}  // namespace sl::llm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  sl::llm::run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

// Server-sent events. First byte: how to cut; rest: the stream. Compared with a plain reading of
// the standard over the whole text, for every cut.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "codec/sse/sse.h"

namespace sl::sse {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

struct Copy {
  std::string name, data, id;
  bool operator==(const Copy&) const = default;
};

// The complete lines of the text.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' && text[i] != '\n') {
      line += text[i];
      continue;
    }
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    out.push_back(std::move(line));
    line.clear();
  }
  return out;
}

std::vector<Copy> by_the_standard(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<Copy> out;
  Copy now;
  for (auto& line : lines_of(text)) {
    if (line.empty()) {
      if (!now.data.empty()) {
        now.data.pop_back();
        out.push_back(now);
      }
      now = {"", "", now.id};
      continue;
    }
    size_t colon = line.find(':');
    std::string field = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "event") now.name = value;
    if (field == "data") now.data += value + "\n";
    if (field == "id" && value.find('\0') == std::string::npos) now.id = value;
  }
  return out;
}

// Feeds pieces whose sizes come from a simple generator; 0 gives all at once.
std::vector<Copy> decode(std::string_view text, uint32_t seed, bool* partial) {
  Decoder decoder;
  std::vector<Copy> out;
  while (!text.empty()) {
    seed = seed ? seed * 1664525u + 1013904223u | 1u : 0u;
    size_t size = seed ? std::min<size_t>(1 + (seed >> 24) % 7, text.size()) : text.size();
    check(decoder.feed(text.substr(0, size)).has_value(), "small streams are not too large", text);
    text.remove_prefix(size);
    if (seed >> 20 & 1 && !text.empty()) continue;  // reading may lag behind
    for (Event e; decoder.next(e);) out.push_back({std::string(e.name), std::string(e.data), std::string(e.id)});
  }
  *partial = decoder.has_partial();
  return out;
}

void check_written(const std::vector<Copy>& events) {
  std::string text;
  std::vector<Copy> want;
  for (auto& e : events) {
    if (e.data.find('\n') != std::string::npos) continue;
    append_event(e.name, e.data, text);
    want.push_back({e.name, e.data, ""});
  }
  bool partial = false;
  check(decode(text, 1, &partial) == want && !partial, "what is written reads back", text);
}

void check_stream(uint8_t n, std::string_view text) {
  bool partial = false, partial_cut = false, partial_other = false;
  auto whole = decode(text, 0, &partial);
  check(whole == by_the_standard(text), "events are those of the standard", text);
  check(whole == decode(text, 1u + n, &partial_cut), "a cut changes nothing", text);
  check(whole == decode(text, 77u * n + 5, &partial_other), "another cut changes nothing", text);
  check(partial == partial_cut && partial == partial_other, "a cut does not change how it ended", text);
  check_written(whole);
}

}  // namespace
}  // namespace sl::sse

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  sl::sse::check_stream(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

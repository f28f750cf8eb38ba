// HTTP/1 bodies. First byte: framing ('0' none, '1' length, '2' chunked, '3' until close), second:
// length and how to cut, rest: the bytes. Any cut must give the same payload and outcome.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/http1/body.h"

namespace sl::http1 {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

struct Outcome {
  std::string payload;
  std::string error;
  size_t rest = 0;  // bytes not taken
  bool done = false;
  bool end_ok = false;
  bool operator==(const Outcome&) const = default;
};

// Feeds pieces whose sizes come from a simple generator; 0 gives all at once.
Outcome run(Framing framing, uint64_t length, std::string_view text, uint32_t seed) {
  BodyDecoder decoder(framing, length);
  Outcome out;
  while (!text.empty()) {
    seed = seed ? seed * 1664525u + 1013904223u | 1u : 0u;
    size_t size = seed ? std::min<size_t>(1 + (seed >> 24) % 7, text.size()) : text.size();
    std::string piece(text.substr(0, size));  // a copy, so that no view of an earlier piece survives
    text.remove_prefix(size);
    std::string_view input = piece;
    for (;;) {
      auto part = decoder.next(input);
      if (!part) {
        out.error = part.error().message;
        return out;
      }
      if (part->empty()) break;
      check(part->data() >= piece.data() && part->data() + part->size() <= piece.data() + piece.size(),
            "payload is a view of the input", piece);
      out.payload += *part;
    }
    check(decoder.done() || input.empty(), "everything before the end is taken", piece);
    out.rest += input.size();
  }
  out.done = decoder.done();
  out.end_ok = decoder.end_of_input();
  return out;
}

void check_reencoded(const std::string& payload) {
  std::string text;
  for (size_t at = 0; at < payload.size(); at += 50) {
    std::string_view part = std::string_view(payload).substr(at, 50);
    append_chunk_head(part.size(), text);
    text.append(part).append("\r\n");
  }
  text += kLastChunk;
  Outcome back = run(Framing::Chunked, 0, text, 1);
  check(back.done && back.error.empty() && back.payload == payload, "what is written reads back", text);
}

void check_body(uint8_t mode, uint8_t n, std::string_view text) {
  constexpr Framing kFramings[] = {Framing::None, Framing::Length, Framing::Chunked, Framing::UntilClose};
  Framing framing = kFramings[mode % 4];
  Outcome whole = run(framing, n, text, 0);
  check(whole == run(framing, n, text, 1u + n), "a cut changes nothing", text);
  check(whole == run(framing, n, text, 77u * n + 5), "another cut changes nothing", text);
  check(whole.payload.size() + whole.rest <= text.size(), "no more comes out than went in", text);
  if (whole.done) check(whole.end_ok && whole.error.empty(), "done is an end", text);
  if (framing == Framing::Length) check(whole.done == (text.size() >= n), "length decides", text);
  if (framing == Framing::UntilClose) check(whole.payload == text && !whole.done, "all is payload", text);
  if (framing == Framing::Chunked && whole.done) check_reencoded(whole.payload);
}

}  // namespace
}  // namespace sl::http1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  sl::http1::check_body(data[0], data[1], {reinterpret_cast<const char*>(data) + 2, size - 2});
  return 0;
}

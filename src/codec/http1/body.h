// HTTP/1.1 message bodies, decoded incrementally. Sans-I/O.
//
// Who calls: net/http_server, net/http_client, proxy. Thread: one owner.
// Limits: a chunk-size line of 16 digits and 256 bytes with its extensions; trailers of 8 KiB, dropped.
// Source: RFC 9112 section 6 and 7.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "codec/http1/head.h"

namespace sl::http1 {

class BodyDecoder {
 public:
  BodyDecoder() = default;
  BodyDecoder(Framing framing, uint64_t content_length);

  // Takes bytes off the front of `input` up to the next run of payload, which it returns as a view into the
  // input; empty when more input is needed or the body is done. Call until it returns empty. An error stays.
  Result<std::string_view> next(std::string_view& input);

  bool done() const { return state_ == State::Done; }
  // The connection ended: true if that is a proper end of this body.
  bool end_of_input() const { return done() || framing_ == Framing::UntilClose; }

 private:
  enum class State { Payload, SizeLine, AfterChunk, Trailer, Done, Failed };
  Result<std::string_view> advance(std::string_view& input);
  Result<void> size_line(std::string_view line);
  // A whole CRLF-ended line if it is there, gathering split ones in line_.
  Result<bool> take_line(std::string_view& input, std::string_view& line, size_t max);

  Framing framing_ = Framing::None;
  State state_ = State::Done;
  uint64_t left_ = 0;  // payload bytes until the end of the chunk or body
  size_t trailer_bytes_ = 0;
  std::string line_;
};

// Appends "SIZE CRLF" for a chunk; the caller adds the data and CRLF.
void append_chunk_head(size_t size, std::string& out);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace sl::http1

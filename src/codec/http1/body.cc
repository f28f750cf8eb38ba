#include "codec/http1/body.h"

#include <charconv>

namespace sl::http1 {

BodyDecoder::BodyDecoder(Framing framing, uint64_t content_length) : framing_(framing) {
  switch (framing) {
    case Framing::None:
      state_ = State::Done;
      break;
    case Framing::Length:
      left_ = content_length;
      state_ = left_ ? State::Payload : State::Done;
      break;
    case Framing::Chunked:
      state_ = State::SizeLine;
      break;
    case Framing::UntilClose:
      left_ = UINT64_MAX;
      state_ = State::Payload;
      break;
  }
}

Result<bool> BodyDecoder::take_line(std::string_view& input, std::string_view& line, size_t max) {
  size_t end = input.find('\n');
  size_t take = end == std::string_view::npos ? input.size() : end + 1;
  if (line_.size() + take > max) return fail(Code::InvalidArgument, "malformed HTTP body: chunk line too long");
  if (end != std::string_view::npos && line_.empty()) {
    line = input.substr(0, take);
  } else {
    line_.append(input.substr(0, take));
    line = line_;
  }
  input.remove_prefix(take);
  if (end == std::string_view::npos) return false;
  if (line.size() < 2 || line[line.size() - 2] != '\r')
    return fail(Code::InvalidArgument, "malformed HTTP body: chunk line ends in a bare LF");
  line.remove_suffix(2);
  if (line.find('\r') != std::string_view::npos)
    return fail(Code::InvalidArgument, "malformed HTTP body: CR inside a chunk line");
  return true;
}

Result<void> BodyDecoder::size_line(std::string_view line) {
  uint64_t size = 0;
  auto [end, ec] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  size_t digits = static_cast<size_t>(end - line.data());
  size_t rest = std::min(line.find_first_not_of(" \t", digits), line.size());  // RFC 9112 7.1.1: BWS before extensions
  bool extension = rest < line.size() && line[rest] == ';';
  if (ec != std::errc() || digits == 0 || digits > 16 || (digits < line.size() && !extension))
    return fail(Code::InvalidArgument, "malformed HTTP body: chunk size");
  left_ = size;
  state_ = size ? State::Payload : State::Trailer;
  return {};
}

Result<std::string_view> BodyDecoder::next(std::string_view& input) {
  if (state_ == State::Failed) return fail(Code::InvalidArgument, "malformed HTTP body");
  auto piece = advance(input);
  if (!piece) state_ = State::Failed;
  return piece;
}

Result<std::string_view> BodyDecoder::advance(std::string_view& input) {
  while (!input.empty() && state_ != State::Done) {
    if (state_ == State::Payload) {
      std::string_view out = input.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, input.size())));
      input.remove_prefix(out.size());
      if (framing_ != Framing::UntilClose) left_ -= out.size();
      if (left_ == 0) state_ = framing_ == Framing::Chunked ? State::AfterChunk : State::Done;
      return out;
    }
    std::string_view line;
    SL_TRY(whole, take_line(input, line, 256 + (state_ == State::Trailer ? 8192 : 0)));
    if (!whole) break;
    if (state_ == State::SizeLine) {
      SL_CHECK(size_line(line));
    } else if (state_ == State::AfterChunk) {
      if (!line.empty()) return fail(Code::InvalidArgument, "malformed HTTP body: chunk longer than its size");
      state_ = State::SizeLine;
    } else {
      if (!line.empty() && !is_token(line.substr(0, line.find(':') == std::string_view::npos ? 0 : line.find(':'))))
        return fail(Code::InvalidArgument, "malformed HTTP body: trailer");
      trailer_bytes_ += line.size();
      if (trailer_bytes_ > 8192) return fail(Code::TooLarge, "HTTP trailers too large");
      if (line.empty()) state_ = State::Done;
    }
    line_.clear();
  }
  return std::string_view();
}

void append_chunk_head(size_t size, std::string& out) {
  char buffer[20];
  auto [end, ec] = std::to_chars(buffer, buffer + sizeof buffer, size, 16);
  out.append(buffer, end);
  out += "\r\n";
}

}  // namespace sl::http1

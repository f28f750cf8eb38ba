#include "codec/sse/sse.h"

namespace sl::sse {

Result<void> Decoder::feed(std::string_view bytes) {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = scanned_ = 0;
  } else if (at_ > 4096 && at_ > buffer_.size() / 2) {
    buffer_.erase(0, at_);
    scanned_ -= at_;
    at_ = 0;
  }
  for (char c : bytes) {
    bool lf_of_crlf = c == '\n' && last_cr_;
    last_cr_ = c == '\r';
    if (lf_of_crlf) continue;
    if (c == '\r' || c == '\n') {
      if (line_empty_) event_bytes_ = 0;
      line_empty_ = true;
    } else {
      line_empty_ = false;
      failed_ |= ++event_bytes_ > max_;
    }
  }
  if (failed_) return fail(Code::TooLarge, "server-sent event is too large");
  buffer_.append(bytes);
  return {};
}

bool Decoder::take_line(std::string_view& line) {
  if (skip_lf_ && at_ < buffer_.size()) {
    if (buffer_[at_] == '\n') ++at_;
    skip_lf_ = false;
  }
  if (scanned_ < at_) scanned_ = at_;
  size_t end = buffer_.find_first_of("\r\n", scanned_);
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    return false;
  }
  // A CR that is last in the buffer may be half of a CRLF: the line is complete, the LF is skipped later.
  size_t next = end + 1;
  if (buffer_[end] == '\r') {
    if (next == buffer_.size())
      skip_lf_ = true;
    else if (buffer_[next] == '\n')
      ++next;
  }
  line = std::string_view(buffer_).substr(at_, end - at_);
  at_ = scanned_ = next;
  return true;
}

bool Decoder::next(Event& out) {
  if (dispatched_) {
    name_.clear();
    data_.clear();
    has_data_ = dispatched_ = false;
  }
  std::string_view line;
  while (take_line(line)) {
    if (!started_) {
      started_ = true;
      if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    }
    if (line.empty()) {
      if (!has_data_) {
        name_.clear();
        continue;
      }
      dispatched_ = true;
      out = {name_, data_, id_};
      return true;
    }
    if (line[0] == ':') continue;
    size_t colon = line.find(':');
    std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (!value.empty() && value[0] == ' ') value.remove_prefix(1);
    if (field == "data") {
      if (has_data_) data_ += '\n';
      data_ += value;
      has_data_ = true;
    } else if (field == "event") {
      name_ = value;
    } else if (field == "id" && value.find('\0') == std::string_view::npos) {
      id_ = value;
    }
  }
  return false;
}

bool Decoder::has_partial() const {
  return at_ < buffer_.size() || (!dispatched_ && (has_data_ || !name_.empty()));
}

void append_event(std::string_view name, std::string_view data, std::string& out) {
  if (!name.empty()) {
    out += "event: ";
    out += name;
    out += '\n';
  }
  for (size_t at = 0; at <= data.size();) {
    size_t end = std::min(data.find('\n', at), data.size());
    out += "data: ";
    out += data.substr(at, end - at);
    out += '\n';
    at = end + 1;
  }
  out += '\n';
}

}  // namespace sl::sse

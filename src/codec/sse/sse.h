// Server-sent events: bytes in, events out, the same for every split of the bytes. Sans-I/O.
//
// Who calls: llm/exchange, agent/loop, app/cli. Thread: one owner.
// Limits: event_bytes_max for one event. Source: WHATWG HTML 9.2 (event stream interpretation).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace sl::sse {

struct Event {
  std::string_view name;  // "" when there was no event: line
  std::string_view data;  // data: lines joined by \n
  std::string_view id;
};

class Decoder {
 public:
  explicit Decoder(size_t event_bytes_max = 4u << 20) : max_(event_bytes_max) {}

  // Adds bytes. Then call next() until it is false. Steady state does not allocate: buffers are reused.
  Result<void> feed(std::string_view bytes);
  // The next complete event; its views live until the next call of feed or next.
  bool next(Event& out);
  // True if bytes of an unfinished event are left (the stream was cut).
  bool has_partial() const;

 private:
  bool take_line(std::string_view& line);

  size_t max_;
  std::string buffer_;
  size_t at_ = 0;       // start of the unread part
  size_t scanned_ = 0;  // up to here there is no line end
  bool started_ = false;
  bool dispatched_ = false;  // fields below are of an event already handed out
  std::string name_, data_, id_;
  bool has_data_ = false;
  bool skip_lf_ = false;
  size_t event_bytes_ = 0;
  bool line_empty_ = true, last_cr_ = false, failed_ = false;
};

// Appends one event; a line of `data` each on its own.
void append_event(std::string_view name, std::string_view data, std::string& out);

}  // namespace sl::sse

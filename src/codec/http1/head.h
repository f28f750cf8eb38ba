// HTTP/1.1 message heads: find the end, parse strictly, decide the body's framing. Sans-I/O.
//
// Who calls: net/http_server, net/http_client, proxy. Thread: plain functions.
// Views in a parsed head point into the caller's buffer, which must outlive the head.
// Strict RFC 9112: bare LF, folded lines, space before the colon, control bytes, conflicting or repeated
// Content-Length, Content-Length with Transfer-Encoding, codings other than a final "chunked", a missing or
// repeated Host are all errors, since leniency here is how requests are smuggled.
// Limits: HeadLimits. Source: RFC 9110, 9112.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sl::http1 {

struct HeadLimits {
  size_t bytes_max = 64 * 1024;  // start line and fields with their line ends
  size_t fields_max = 128;
};

struct Field {
  std::string_view name;
  std::string_view value;
};

enum class Framing { None, Length, Chunked, UntilClose };

// What both kinds of head share.
struct Head {
  std::vector<Field> fields;
  int minor_version = 1;
  Framing framing = Framing::None;
  uint64_t content_length = 0;
  bool keep_alive = true;
  bool names_fields = false;  // a Connection field lists more than "close" and "keep-alive"
  size_t bytes = 0;           // of the buffer that the head took, blank line included

  // First field of that name (case-insensitive); nullopt if there is none.
  std::optional<std::string_view> field(std::string_view name) const;
};

struct RequestHead : Head {
  std::string_view method;
  std::string_view target;  // as sent: origin, absolute, authority or asterisk form
  std::string_view host;    // Host field, or the authority of an absolute target
  bool expect_continue = false;
};

struct ResponseHead : Head {
  int status = 0;
  std::string_view reason;
};

// Index just past the blank line that ends a head, or 0 if it is not there yet. `from` is how much of the
// buffer an earlier call has already seen, so that arrival byte by byte stays linear.
size_t find_head_end(std::string_view buffer, size_t from);

// Both want buffer.substr(0, find_head_end()). Codes: InvalidArgument (400), TooLarge (431 by the caller).
Result<void> parse_request(std::string_view text, RequestHead& out, const HeadLimits& limits = {});
// `to_head`: the response answers a HEAD request and has no body whatever it says.
Result<void> parse_response(std::string_view text, ResponseHead& out, bool to_head, const HeadLimits& limits = {});

bool is_token(std::string_view s);
// Fields that concern one connection only (RFC 9110 7.6.1) and are never forwarded.
bool is_hop_by_hop(std::string_view name);

}  // namespace sl::http1

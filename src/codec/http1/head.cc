#include "codec/http1/head.h"

#include <array>
#include <cstring>

#include "base/scan.h"
#include "base/strings.h"

namespace sl::http1 {
namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> t{};
  for (int c = '0'; c <= '9'; ++c) t[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) t[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) t[static_cast<size_t>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) t[static_cast<unsigned char>(c)] = true;
  return t;
}
constexpr auto kToken = make_token_table();

constexpr std::array<bool, 256> make_host_table() {
  std::array<bool, 256> t{};
  for (int c = 0; c < 128; ++c)
    t[static_cast<size_t>(c)] = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
  for (char c : std::string_view("-._~%!$&'()*+;=")) t[static_cast<unsigned char>(c)] = true;
  return t;
}
constexpr auto kHostByte = make_host_table();

bool valid_value(std::string_view s) {
  for (size_t at = 0; (at = find_control(s)) < s.size(); s.remove_prefix(at + 1))
    if (s[at] != '\t') return false;
  return true;
}

std::string_view trim_ows(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

std::unexpected<Error> bad(const char* what) {
  return fail(Code::InvalidArgument, std::string("malformed HTTP message: ") + what);
}

// Takes one CRLF-ended line off the front.
Result<std::string_view> take_line(std::string_view& rest) {
  size_t end = rest.find('\n');
  if (end == std::string_view::npos) return bad("line without an end");
  if (end == 0 || rest[end - 1] != '\r') return bad("line ends in a bare LF");
  std::string_view line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return line;  // a CR inside it is found by those who read it: it may stand nowhere
}

// What a head's fields say of the message itself.
struct Framers {
  std::optional<std::string_view> host, expect;  // the first of each
  bool has_length = false;
  bool has_coding = false;
  bool chunked = false;
  int hosts = 0;
  bool close = false;
  bool keep_alive = false;
};

Result<void> note_field(const Field& f, Head& out, Framers& seen) {
  switch (f.name.size()) {
    case 4:
      if (iequals(f.name, "host") && ++seen.hosts == 1) seen.host = f.value;
      break;
    case 6:
      if (!seen.expect && iequals(f.name, "expect")) seen.expect = f.value;
      break;
    case 10:
      if (iequals(f.name, "connection")) {
        for (std::string_view rest = f.value; !rest.empty();) {
          size_t comma = std::min(rest.find(','), rest.size());
          std::string_view token = trim_ows(rest.substr(0, comma));
          rest.remove_prefix(std::min(comma + 1, rest.size()));
          bool close = iequals(token, "close"), keep = iequals(token, "keep-alive");
          seen.close |= close;
          seen.keep_alive |= keep;
          out.names_fields |= !close && !keep && !token.empty();
        }
      }
      break;
    case 14:
      if (iequals(f.name, "content-length")) {
        auto n = parse_uint(f.value);
        if (!n || f.value.size() > 18) return bad("Content-Length is not a number");
        if (seen.has_length) return bad("repeated Content-Length");
        seen.has_length = true;
        out.content_length = *n;
      }
      break;
    case 17:
      if (iequals(f.name, "transfer-encoding")) {
        if (seen.has_coding || !iequals(f.value, "chunked")) return bad("Transfer-Encoding other than one \"chunked\"");
        seen.has_coding = seen.chunked = true;
      }
      break;
    default:
      break;
  }
  return {};
}

// The usual field, in one pass: a name, a colon, spaces at most around a value without control characters, CRLF. False
// on anything else, which take_field() reads with care and names.
bool take_plain_field(std::string_view& rest, Field& f) {
  size_t name = 0;
  while (name < rest.size() && kToken[static_cast<unsigned char>(rest[name])]) ++name;
  if (name == 0 || name == rest.size() || rest[name] != ':') return false;
  size_t from = name + 1;
  while (from < rest.size() && rest[from] == ' ') ++from;
  size_t end = from + find_control(rest.substr(from));
  if (!rest.substr(end).starts_with("\r\n")) return false;
  size_t to = end;
  while (to > from && rest[to - 1] == ' ') --to;
  f = {rest.substr(0, name), rest.substr(from, to - from)};
  rest.remove_prefix(end + 2);
  return true;
}

Result<void> take_field(std::string_view& rest, Field& f) {
  SL_TRY(line, take_line(rest));
  if (line[0] == ' ' || line[0] == '\t') return bad("folded header line");
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("header line without a colon");
  f = {line.substr(0, colon), trim_ows(line.substr(colon + 1))};
  if (!is_token(f.name)) return bad("invalid header name");
  if (!valid_value(f.value)) return bad("control character in a header value");
  return {};
}

Result<void> parse_fields(std::string_view rest, Head& out, Framers& seen, const HeadLimits& limits) {
  out.fields.clear();
  out.names_fields = false;
  while (!rest.starts_with("\r\n")) {
    if (out.fields.size() >= limits.fields_max) return fail(Code::TooLarge, "too many header fields");
    Field f;
    if (!take_plain_field(rest, f)) SL_CHECK(take_field(rest, f));
    SL_CHECK(note_field(f, out, seen));
    out.fields.push_back(f);
  }
  if (rest.size() > 2) return bad("bytes after the head");
  if (seen.has_length && seen.has_coding) return bad("both Content-Length and Transfer-Encoding");
  return {};
}

Result<int> parse_version(std::string_view v) {
  if (v == "HTTP/1.1") return 1;
  if (v == "HTTP/1.0") return 0;
  // RFC 9110 2.5: a higher minor version is read as the highest known.
  if (v.size() == 8 && v.starts_with("HTTP/1.") && v[7] >= '2' && v[7] <= '9') return 1;
  return bad("version is not HTTP/1.0 or HTTP/1.1");
}

bool valid_authority(std::string_view s, bool port_required) {
  size_t port = s.size();
  while (port > 0 && s[port - 1] >= '0' && s[port - 1] <= '9') --port;
  bool colon = port > 0 && s[port - 1] == ':';
  std::string_view host = colon ? s.substr(0, port - 1) : s;
  if (port_required && (!colon || port == s.size())) return false;
  if (host.starts_with('['))
    return host.ends_with(']') &&
           host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.v") == std::string_view::npos;
  if (colon && host.empty()) return false;
  for (unsigned char c : host)
    if (!kHostByte[c]) return false;
  return true;
}

Result<void> parse_target(RequestHead& out) {
  for (unsigned char c : out.target)
    if (c <= 0x20 || c >= 0x7f || c == '#') return bad("control character in the request target");
  if (out.method == "CONNECT") {
    if (!valid_authority(out.target, true)) return bad("CONNECT needs host:port");
    out.host = out.target;
    return {};
  }
  if (out.target[0] == '/') return {};
  if (out.target == "*" && out.method == "OPTIONS") return {};
  size_t scheme = out.target.find("://");
  if (scheme != std::string_view::npos && !iequals(out.target.substr(0, scheme), "http") &&
      !iequals(out.target.substr(0, scheme), "https"))
    scheme = std::string_view::npos;
  if (scheme == std::string_view::npos) return bad("request target is neither a path nor a URL");
  std::string_view authority = out.target.substr(scheme + 3);
  size_t end = authority.find_first_of("/?#");
  out.host = authority.substr(0, end);
  if (out.host.empty() || !valid_authority(out.host, false)) return bad("authority of the URL");
  out.target = end == std::string_view::npos ? std::string_view("/") : authority.substr(end);
  if (out.target[0] != '/') return bad("URL without a path");
  return {};
}

}  // namespace

bool is_token(std::string_view s) {
  for (unsigned char c : s)
    if (!kToken[c]) return false;
  return !s.empty();
}

bool is_hop_by_hop(std::string_view name) {
  switch (name.size()) {
    case 2:
      return iequals(name, "te");
    case 7:
      return iequals(name, "trailer") || iequals(name, "upgrade");
    case 10:
      return iequals(name, "connection") || iequals(name, "keep-alive");
    case 16:
      return iequals(name, "proxy-connection");
    case 17:
      return iequals(name, "transfer-encoding");
    case 18:
      return iequals(name, "proxy-authenticate");  // ours to ask for and ours to read: RFC 9110 11.7
    case 19:
      return iequals(name, "proxy-authorization");
    default:
      return false;
  }
}

std::optional<std::string_view> Head::field(std::string_view name) const {
  for (auto& f : fields)
    if (iequals(f.name, name)) return f.value;
  return std::nullopt;
}

size_t find_head_end(std::string_view buffer, size_t from) {
  size_t start = from > 3 ? from - 3 : 0;
  if (start >= buffer.size()) return 0;
  size_t at = find_blank_line(buffer, start);
  return at == std::string_view::npos ? 0 : at + 4;
}

Result<void> parse_request(std::string_view text, RequestHead& out, const HeadLimits& limits) {
  if (text.size() > limits.bytes_max) return fail(Code::TooLarge, "request head is too large");
  out.bytes = text.size();
  std::string_view rest = text;
  SL_TRY(line, take_line(rest));
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return bad("request line needs method, target and version");
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  out.host = {};
  if (!is_token(out.method)) return bad("invalid method");
  if (out.target.empty()) return bad("empty request target");
  SL_TRY(minor, parse_version(line.substr(last + 1)));
  out.minor_version = minor;
  SL_CHECK(parse_target(out));
  Framers seen;
  out.content_length = 0;
  SL_CHECK(parse_fields(rest, out, seen, limits));
  if (seen.hosts > 1) return bad("more than one Host");
  if (minor == 1 && seen.hosts == 0) return bad("HTTP/1.1 request without Host");
  if (minor == 0 && seen.has_coding) return bad("Transfer-Encoding in HTTP/1.0");
  if (seen.host) {
    if (!valid_authority(*seen.host, false)) return bad("Host");
    if (out.host.empty()) out.host = *seen.host;
  }
  out.framing = seen.chunked                            ? Framing::Chunked
                : seen.has_length && out.content_length ? Framing::Length
                                                        : Framing::None;
  out.keep_alive = minor == 1 ? !seen.close : seen.keep_alive && !seen.close;
  out.expect_continue = minor == 1 && seen.expect && iequals(*seen.expect, "100-continue");
  return {};
}

Result<void> parse_response(std::string_view text, ResponseHead& out, bool to_head, const HeadLimits& limits) {
  if (text.size() > limits.bytes_max) return fail(Code::TooLarge, "response head is too large");
  out.bytes = text.size();
  std::string_view rest = text;
  SL_TRY(line, take_line(rest));
  if (line.size() < 12 || line[8] != ' ') return bad("status line");
  SL_TRY(minor, parse_version(line.substr(0, 8)));
  out.minor_version = minor;
  auto status = parse_uint(line.substr(9, 3));
  if (!status || *status < 100 || *status > 599 || (line.size() > 12 && line[12] != ' ')) return bad("status code");
  out.status = static_cast<int>(*status);
  out.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  if (!valid_value(out.reason)) return bad("control character in the reason phrase");
  Framers seen;
  out.content_length = 0;
  SL_CHECK(parse_fields(rest, out, seen, limits));
  if (minor == 0 && seen.has_coding) return bad("Transfer-Encoding in HTTP/1.0");
  bool bodiless = to_head || out.status < 200 || out.status == 204 || out.status == 304;
  out.framing = bodiless          ? Framing::None
                : seen.chunked    ? Framing::Chunked
                : seen.has_length ? (out.content_length ? Framing::Length : Framing::None)
                                  : Framing::UntilClose;
  out.keep_alive = (minor == 1 ? !seen.close : seen.keep_alive && !seen.close) && out.framing != Framing::UntilClose;
  return {};
}

}  // namespace sl::http1

// HTTP/1 heads: what is accepted must be free of everything that two readers could understand
// differently.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "codec/http1/head.h"

namespace sl::http1 {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

bool inside(std::string_view part, std::string_view text) {
  return part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

size_t count(const Head& head, std::string_view name) {
  size_t n = 0;
  for (auto& f : head.fields) n += iequals(f.name, name);
  return n;
}

void check_lines(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') check(i > 0 && text[i - 1] == '\r', "no bare LF", text);
    if (text[i] == '\r') check(i + 1 < text.size() && text[i + 1] == '\n', "no bare CR", text);
    if (text[i] == '\n' && i + 1 < text.size())
      check(text[i + 1] != ' ' && text[i + 1] != '\t', "no folded line", text);
    check(text[i] != 0 && text[i] != 0x7f, "no NUL or DEL", text);
  }
}

// What holds for every head that was accepted.
void check_head(const Head& head, std::string_view text) {
  check(head.bytes == text.size() && find_head_end(text, 0) == text.size(), "the head is all of the text", text);
  check_lines(text);
  check(head.fields.size() <= HeadLimits{}.fields_max, "fields are limited", text);
  for (auto& f : head.fields) {
    check(inside(f.name, text) && inside(f.value, text), "fields are views of the text", text);
    check(is_token(f.name), "names are tokens", text);
    check(f.value == trim(f.value), "values are trimmed", text);
  }
  size_t lengths = count(head, "content-length"), codings = count(head, "transfer-encoding");
  check(lengths <= 1 && codings <= 1 && lengths + codings <= 1, "one framing field", text);
  if (codings) check(iequals(*head.field("transfer-encoding"), "chunked"), "only chunked", text);
  if (codings) check(head.minor_version == 1, "no coding in HTTP/1.0", text);
  if (lengths)
    check(head.field("content-length")->find_first_not_of("0123456789") == std::string_view::npos, "digits only", text);
  if (head.framing == Framing::Chunked) check(codings == 1, "chunked was said", text);
  if (head.framing == Framing::Length) check(lengths == 1 && head.content_length > 0, "a length was said", text);
}

std::string fields_text(const Head& head) {
  std::string out;
  for (auto& f : head.fields) out.append(f.name).append(": ").append(f.value).append("\r\n");
  return out + "\r\n";
}

void check_request(std::string_view text) {
  RequestHead head;
  if (auto r = parse_request(text, head); !r) return check(!r.error().message.empty(), "an error says something", text);
  check_head(head, text);
  size_t hosts = count(head, "host");
  check(hosts == 1 || (hosts == 0 && head.minor_version == 0), "one Host", text);
  check(is_token(head.method) && !head.target.empty(), "method and target", text);
  for (unsigned char c : head.host)
    check(c > ' ' && c != '/' && c != '@' && c != '?' && c != '#', "host is an authority", text);
  check(head.framing != Framing::UntilClose, "requests have an end", text);
  // Written out plainly, it means the same.
  std::string plain(head.method);
  plain.append(" ").append(head.target).append(head.minor_version ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  plain += fields_text(head);
  RequestHead again;
  check(parse_request(plain, again).has_value(), "the plain form parses", plain);
  check(again.method == head.method && again.target == head.target, "same line", plain);
  check(again.framing == head.framing && again.content_length == head.content_length, "same framing", plain);
  check(again.keep_alive == head.keep_alive && again.fields.size() == head.fields.size(), "same fields", plain);
}

void check_response(std::string_view text, bool to_head) {
  ResponseHead head;
  if (auto r = parse_response(text, head, to_head); !r)
    return check(!r.error().message.empty(), "an error says something", text);
  check_head(head, text);
  check(head.status >= 100 && head.status <= 599, "status has a class", text);
  check(inside(head.reason, text), "reason is a view of the text", text);
  if (to_head || head.status < 200 || head.status == 204 || head.status == 304)
    check(head.framing == Framing::None, "no body", text);
  if (head.framing == Framing::UntilClose) check(!head.keep_alive, "ends with the connection", text);
}

void run(std::string_view text) {
  size_t end = find_head_end(text, 0);
  size_t found = 0;
  for (size_t now = 0, seen = 0; now <= text.size() && !found; seen = now++)
    found = find_head_end(text.substr(0, now), seen);
  check(found == end, "the end is the same for every arrival", text);
  // A copy without slack, so that reading past the end is seen.
  std::string head(text.substr(0, end ? end : text.size()));
  check_request(head);
  check_response(head, false);
  check_response(head, true);
}

}  // namespace
}  // namespace sl::http1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::http1::run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#include "observe/sinks/access_log/access_log.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace sl::observe {
namespace {

bool plain(std::string_view v) {
  for (unsigned char c : v)
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f) return false;
  return true;
}

// Control characters, also those that UTF-8 writes in two bytes (U+0080 to U+009F), are for no terminal to obey.
void append_quoted(std::string_view value, std::string& out) {
  std::string v = clean_utf8(value);
  out += '"';
  for (size_t i = 0; i < v.size(); ++i) {
    auto c = static_cast<unsigned char>(v[i]);
    auto next = static_cast<unsigned char>(i + 1 < v.size() ? v[i + 1] : 0);
    if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", next);
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < ' ' || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", c);
    } else {
      out += static_cast<char>(c);
    }
  }
  out += '"';
}

void append_number(std::string_view key, int64_t value, std::string& out) {
  fmt::format_to(std::back_inserter(out), " {}={}", key, value);
}

}  // namespace

void append_field(std::string_view key, std::string_view value, std::string& out) {
  if (value.empty()) return;
  out += ' ';
  out += key;
  out += '=';
  if (plain(value))
    out += value;
  else
    append_quoted(value, out);
}

std::string access_line(const Record& r) {
  std::string out = "request";
  out.reserve(512);
  append_field("gateway", r.gateway, out);
  append_field("listener", r.listener, out);
  append_field("route", r.route, out);
  append_field("endpoint", r.endpoint, out);
  append_field("src.addr", r.src_addr, out);
  append_field("http.method", r.method, out);
  append_field("http.host", r.host, out);
  append_field("http.path", r.path, out);
  append_field("http.version", r.version, out);
  if (r.status) append_number("http.status", r.status, out);
  append_field("protocol", r.protocol, out);
  append_field("gen_ai.operation.name", r.genai_operation, out);
  append_field("gen_ai.provider.name", r.genai_provider, out);
  append_field("gen_ai.request.model", r.request_model, out);
  append_field("gen_ai.response.model", r.response_model, out);
  if (r.has_usage) {
    append_number("gen_ai.usage.input_tokens", r.input_tokens, out);
    append_number("gen_ai.usage.output_tokens", r.output_tokens, out);
  }
  if (!r.agent.empty()) {  // identity and safety, for our own agents
    append_field("agent", r.agent, out);
    append_field("session", r.session, out);
    append_field("turn", r.turn, out);
    append_field("auth", r.auth, out);
    append_field("tls.version", r.tls_version, out);
    append_field("tls.peer", r.tls_peer, out);
    append_field("policy", r.policy, out);
  }
  append_field("error", r.error, out);
  fmt::format_to(std::back_inserter(out), " duration={}ms", r.duration_us / 1000);
  return out;
}

}  // namespace sl::observe

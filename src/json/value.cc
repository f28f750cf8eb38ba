#include "json/value.h"

#include <fmt/format.h>
#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/scan.h"
#include "base/strings.h"

namespace sl::json {
namespace {

struct Builder {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using ec_t = boost::json::error_code;
  using sv = boost::json::string_view;
  Builder(unsigned char* temporary, size_t size) : st(boost::json::storage_ptr(), temporary, size) {}
  boost::json::value_stack st;
  bool on_document_begin(ec_t&) { return true; }
  bool on_document_end(ec_t&) { return true; }
  bool on_object_begin(ec_t&) { return true; }
  bool on_object_end(std::size_t n, ec_t&) { return st.push_object(n), true; }
  bool on_array_begin(ec_t&) { return true; }
  bool on_array_end(std::size_t n, ec_t&) { return st.push_array(n), true; }
  bool on_key_part(sv s, std::size_t, ec_t&) { return st.push_chars(s), true; }
  bool on_key(sv s, std::size_t, ec_t&) { return st.push_key(s), true; }
  bool on_string_part(sv s, std::size_t, ec_t&) { return st.push_chars(s), true; }
  bool on_string(sv s, std::size_t, ec_t&) { return st.push_string(s), true; }
  bool on_number_part(sv, ec_t&) { return true; }
  bool on_int64(std::int64_t i, sv, ec_t&) { return st.push_int64(i), true; }
  bool on_uint64(std::uint64_t u, sv, ec_t&) { return st.push_uint64(u), true; }
  bool on_double(double, sv s, ec_t& ec) {
    double d = std::strtod(std::string(s).c_str(), nullptr);
    if (!std::isfinite(d)) {
      ec = boost::json::error::exponent_overflow;
      return false;
    }
    return st.push_double(d), true;
  }
  bool on_bool(bool b, ec_t&) { return st.push_bool(b), true; }
  bool on_null(ec_t&) { return st.push_null(), true; }
  bool on_comment_part(sv, ec_t&) { return true; }
  bool on_comment(sv, ec_t&) { return true; }
};

Error parse_error(std::string_view text, size_t at, std::string_view what) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < at && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return {Code::InvalidArgument, fmt::format("invalid JSON at line {} column {}: {}", line, column, what), {}};
}

}  // namespace

Result<Value> parse(std::string_view text, ParseLimits limits) {
  if (text.size() > limits.bytes_max)
    return fail(Code::TooLarge,
                fmt::format("JSON document of {} bytes is over the limit of {}", text.size(), limits.bytes_max));
  boost::json::parse_options options;
  options.max_depth = limits.depth_max;
  unsigned char temporary[4'096];
  boost::json::basic_parser<Builder> parser(options, temporary, sizeof temporary);
  parser.handler().st.reset();
  boost::json::error_code ec;
  size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size() && trim(text.substr(used)).size() > 0)
    return fail(parse_error(text, used, "text after the end of the document"));
  if (ec) return fail(parse_error(text, used, valid_utf8(text) ? ec.message() : "text is not valid UTF-8"));
  return parser.handler().st.release();
}

void write_string(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  size_t clean = find_json_special(text);
  size_t at = out.size();
  out.resize_and_overwrite(at + clean + 2, [&](char* to, size_t) {
    to[at] = '"';
    std::copy_n(text.data(), clean, to + at + 1);
    to[at + 1 + clean] = '"';
    return at + 1 + clean + (clean == text.size() ? 1 : 0);
  });
  if (clean == text.size()) return;
  text.remove_prefix(clean);
  while (!text.empty()) {
    unsigned char c = static_cast<unsigned char>(text[0]);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
    text.remove_prefix(1);
    clean = find_json_special(text);
    out.append(text.data(), clean);
    text.remove_prefix(clean);
  }
  out += '"';
}

namespace {

void write_double(double d, std::string& out) {
  if (!std::isfinite(d)) {
    out += "null";
    return;
  }
  char buffer[40];
  auto [end, ec] = std::to_chars(buffer, buffer + sizeof buffer, d);
  out.append(buffer, static_cast<size_t>(end - buffer));
}

void write_value(const Value& v, std::string& out, int indent) {
  auto line = [&](int depth) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<size_t>(depth) * 2, ' ');
  };
  int inner = indent < 0 ? -1 : indent + 1;
  switch (v.kind()) {
    case boost::json::kind::null:
      out += "null";
      break;
    case boost::json::kind::bool_:
      out += v.get_bool() ? "true" : "false";
      break;
    case boost::json::kind::int64:
      fmt::format_to(std::back_inserter(out), "{}", v.get_int64());
      break;
    case boost::json::kind::uint64:
      fmt::format_to(std::back_inserter(out), "{}", v.get_uint64());
      break;
    case boost::json::kind::double_:
      write_double(v.get_double(), out);
      break;
    case boost::json::kind::string:
      write_string(view(v.get_string()), out);
      break;
    case boost::json::kind::array: {
      out += '[';
      bool first = true;
      for (const Value& e : v.get_array()) {
        if (!first) out += ',';
        first = false;
        line(inner);
        write_value(e, out, inner);
      }
      if (!first) line(indent);
      out += ']';
      break;
    }
    case boost::json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, e] : v.get_object()) {
        if (!first) out += ',';
        first = false;
        line(inner);
        write_string({key.data(), key.size()}, out);
        out += indent < 0 ? ":" : ": ";
        write_value(e, out, inner);
      }
      if (!first) line(indent);
      out += '}';
      break;
    }
  }
}

}  // namespace

void write(const Value& value, std::string& out) {
  write_value(value, out, -1);
}

std::string dump(const Value& value) {
  std::string out;
  write(value, out);
  return out;
}

std::string dump_pretty(const Value& value) {
  std::string out;
  write_value(value, out, 0);
  out += '\n';
  return out;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    auto wide = [](const Value& v) -> std::optional<__int128> {
      if (auto* i = v.if_int64()) return *i;
      if (auto* u = v.if_uint64()) return *u;
      double d = v.get_double();
      if (std::floor(d) == d && std::fabs(d) < 1e30) return static_cast<__int128>(d);
      return std::nullopt;
    };
    auto x = wide(a), y = wide(b);
    if (x && y) return *x == *y;
    if (x || y) return false;
    return a.get_double() == b.get_double();
  }
  if (a.kind() != b.kind()) return false;
  if (auto* x = a.if_array()) {
    auto& y = b.get_array();
    if (x->size() != y.size()) return false;
    for (size_t i = 0; i < x->size(); ++i)
      if (!equal((*x)[i], y[i])) return false;
    return true;
  }
  if (auto* x = a.if_object()) {
    auto& y = b.get_object();
    if (x->size() != y.size()) return false;
    for (auto& [key, value] : *x) {
      const Value* other = y.if_contains(key);
      if (!other || !equal(value, *other)) return false;
    }
    return true;
  }
  return a == b;
}

Object& ensure_object(Value& v) {
  if (!v.is_object()) v.emplace_object();
  return v.get_object();
}

Object& ensure_object(Object& o, std::string_view key) {
  return ensure_object(o[key]);
}

std::string child_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string index_path(std::string_view path, size_t index) {
  return fmt::format("{}[{}]", path, index);
}

size_t depth(const Value& v) {
  size_t deepest = 0;
  if (auto* a = v.if_array())
    for (auto& e : *a) deepest = std::max(deepest, depth(e));
  if (auto* o = v.if_object())
    for (auto& [key, e] : *o) deepest = std::max(deepest, depth(e));
  return v.is_array() || v.is_object() ? deepest + 1 : 0;
}

std::string_view kind_name(const Value& v) {
  switch (v.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return "integer";
    case boost::json::kind::double_:
      return "number";
    case boost::json::kind::string:
      return "string";
    case boost::json::kind::array:
      return "array";
    case boost::json::kind::object:
      return "object";
  }
  return "unknown";
}

}  // namespace sl::json

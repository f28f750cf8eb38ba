#include "json/slice.h"

#include "json/value.h"

namespace sl::json {
namespace {

size_t skip_space(std::string_view t, size_t i) {
  while (i < t.size() && (t[i] == ' ' || t[i] == '\t' || t[i] == '\n' || t[i] == '\r')) ++i;
  return i;
}

size_t skip_string(std::string_view t, size_t i) {  // at the opening quote; past the closing one
  for (++i; i < t.size() && t[i] != '"'; ++i)
    if (t[i] == '\\') ++i;
  return i + 1;
}

size_t skip_value(std::string_view t, size_t i) {
  if (i >= t.size()) return i;
  if (t[i] == '"') return skip_string(t, i);
  if (t[i] == '{' || t[i] == '[') {
    int depth = 0;
    while (i < t.size()) {
      if (t[i] == '"') {
        i = skip_string(t, i);
        continue;
      }
      if (t[i] == '{' || t[i] == '[') ++depth;
      if ((t[i] == '}' || t[i] == ']') && --depth == 0) return i + 1;
      ++i;
    }
    return i;
  }
  while (i < t.size() && t[i] != ',' && t[i] != '}' && t[i] != ']' && t[i] > ' ') ++i;
  return i;
}

bool names(std::string_view quoted, std::string_view key) {
  std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return inner == key;
  auto name = parse(quoted);
  return name && name->is_string() && view(name->get_string()) == key;
}

// Where a member's value stands; close: where the object ends.
struct Place {
  size_t from = 0, to = 0, close = 0;
  bool empty = true;
};

Place find_member(std::string_view t, std::string_view key) {
  Place out;
  size_t i = skip_space(t, skip_space(t, 0) + 1);  // past {
  while (i < t.size() && t[i] != '}') {
    out.empty = false;
    size_t key_end = skip_string(t, i);
    bool wanted = names(t.substr(i, key_end - i), key);
    i = skip_space(t, skip_space(t, key_end) + 1);  // past the colon
    size_t end = skip_value(t, i);
    if (wanted) {
      out.from = i;
      out.to = end;
    }
    i = skip_space(t, end);
    if (i < t.size() && t[i] == ',') i = skip_space(t, i + 1);
  }
  out.close = i;
  return out;
}

}  // namespace

std::string_view member_text(std::string_view t, std::string_view key) {
  Place at = find_member(t, key);
  return at.to ? t.substr(at.from, at.to - at.from) : std::string_view();
}

std::string_view item_text(std::string_view t, size_t index) {
  size_t i = skip_space(t, skip_space(t, 0) + 1);  // past [
  while (i < t.size() && t[i] != ']') {
    size_t end = skip_value(t, i);
    if (index-- == 0) return t.substr(i, end - i);
    i = skip_space(t, end);
    if (i < t.size() && t[i] == ',') i = skip_space(t, i + 1);
  }
  return {};
}

std::string set_member(std::string_view t, std::string_view key, std::string_view value) {
  Place at = find_member(t, key);
  std::string out;
  if (at.to) {
    out.append(t.substr(0, at.from)).append(value).append(t.substr(at.to));
    return out;
  }
  out.append(t.substr(0, at.close));
  while (!out.empty() && out.back() <= ' ') out.pop_back();
  if (!at.empty) out += ',';
  write_string(key, out);
  out += ':';
  out.append(value).append(t.substr(at.close));
  return out;
}

}  // namespace sl::json

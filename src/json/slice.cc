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

}  // namespace

std::string set_member(std::string_view t, std::string_view key, std::string_view value) {
  size_t i = skip_space(t, 0) + 1;  // past {
  size_t from = 0, to = 0, close = t.size();
  bool empty = true;
  for (i = skip_space(t, i); i < t.size() && t[i] != '}'; i = skip_space(t, i)) {
    empty = false;
    size_t key_end = skip_string(t, i);
    auto name = parse(t.substr(i, key_end - i));
    i = skip_space(t, skip_space(t, key_end) + 1);  // past the colon
    size_t end = skip_value(t, i);
    if (name && name->is_string() && view(name->get_string()) == key) {
      from = i;
      to = end;
    }
    i = skip_space(t, end);
    if (i < t.size() && t[i] == ',') ++i;
  }
  close = i;
  std::string out;
  if (to) {
    out.append(t.substr(0, from)).append(value).append(t.substr(to));
    return out;
  }
  out.append(t.substr(0, close));
  while (!out.empty() && out.back() <= ' ') out.pop_back();
  if (!empty) out += ',';
  write_string(key, out);
  out += ':';
  out.append(value).append(t.substr(close));
  return out;
}

}  // namespace sl::json

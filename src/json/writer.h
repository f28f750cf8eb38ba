// Writer: JSON text written front to back, without a document in between. For the data path; elsewhere build a Value.
//
// Who calls: providers, llm/dialect. Thread: one owner. The caller keeps begin and end in pairs and gives every member
// a key; member names are literals that need no escaping.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>

#include "json/value.h"

namespace sl::json {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name) {
    size_t at = out_.size();
    out_.resize_and_overwrite(at + name.size() + 4, [&](char* text, size_t) {
      char* to = text + at;
      if (comma_) *to++ = ',';
      *to++ = '"';
      to = std::copy(name.begin(), name.end(), to);
      *to++ = '"';
      *to++ = ':';
      return static_cast<size_t>(to - text);
    });
    comma_ = false;
    return *this;
  }

  Writer& value(std::string_view text) {
    comma();
    write_string(text, out_);
    return *this;
  }
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(std::same_as<bool> auto b) { return raw(b ? "true" : "false"); }
  Writer& value(std::integral auto n)
    requires(!std::same_as<decltype(n), bool>)
  {
    char digits[24];
    return raw({digits, std::to_chars(digits, digits + sizeof digits, n).ptr});
  }
  Writer& value(double d) {
    char digits[40];
    return std::isfinite(d) ? raw({digits, std::to_chars(digits, digits + sizeof digits, d).ptr}) : raw("null");
  }
  Writer& value(const Value& v) {
    comma();
    write(v, out_);
    return *this;
  }
  // A value that is JSON text already.
  Writer& json(std::string_view text) { return raw(text); }

  template <class T>
  Writer& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  void comma() {
    if (comma_) out_ += ',';
    comma_ = true;
  }
  Writer& open(char c) {
    comma();
    out_ += c;
    comma_ = false;
    return *this;
  }
  Writer& close(char c) {
    out_ += c;
    comma_ = true;
    return *this;
  }
  Writer& raw(std::string_view text) {
    comma();
    out_ += text;
    return *this;
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace sl::json

#include "json/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cmath>
#include <map>
#include <sstream>

#include "base/strings.h"

namespace sl::json {
namespace {

struct Stop {
  Error error;
};

[[noreturn]] void stop(const YAML::Mark& mark, Code code, std::string what) {
  throw Stop{{code, fmt::format("YAML line {} column {}: {}", mark.line + 1, mark.column + 1, what), {}}};
}

Value plain_scalar(const std::string& s) {
  if (s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL") return nullptr;
  static const std::map<std::string_view, bool> kBools = {
      {"true", true}, {"True", true}, {"TRUE", true}, {"yes", true}, {"Yes", true}, {"YES", true},
      {"on", true}, {"On", true}, {"ON", true}, {"false", false}, {"False", false}, {"FALSE", false},
      {"no", false}, {"No", false}, {"NO", false}, {"off", false}, {"Off", false}, {"OFF", false}};
  if (auto it = kBools.find(s); it != kBools.end()) return it->second;
  std::string_view digits = s;
  if (digits[0] == '+' || digits[0] == '-') digits.remove_prefix(1);
  if (digits.empty() || !((digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.')) return Value(s);
  if (digits.starts_with("0x")) {
    char* end = nullptr;
    long long n = std::strtoll(s.c_str(), &end, 16);
    if (*end == 0) return static_cast<int64_t>(n);
    return Value(s);
  }
  if (auto n = parse_int(s[0] == '+' ? s.substr(1) : s)) {
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("01234567") == std::string_view::npos)
      return static_cast<int64_t>(std::strtoll(s.c_str(), nullptr, 8));
    return *n;
  }
  if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return Value(s);
  char* end = nullptr;
  double d = std::strtod(s.c_str(), &end);
  if (*end == 0 && std::isfinite(d)) return d;
  return Value(s);
}

// Builds Values from parser events; aliases copy the anchored value and count its nodes again.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(YamlLimits limits) : limits_(limits) {}

  Value take() { return std::move(root_); }
  std::vector<std::string> duplicates;
  int line = 0;

  void OnDocumentStart(const YAML::Mark& mark) override { line = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, nullptr, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto it = anchors_.find(anchor);
    if (it == anchors_.end()) stop(mark, Code::InvalidArgument, "alias of an anchor that is not complete");
    nodes_ += it->second.nodes;
    add(mark, it->second.value, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (!valid_utf8(text)) stop(mark, Code::InvalidArgument, "text is not valid UTF-8");
    bool as_string = tag == "!" || tag == "tag:yaml.org,2002:str" || tag == "!!str" || wants_key();
    add(mark, as_string ? Value(text) : plain_scalar(text), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    push(mark, Array(), anchor);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    push(mark, Object(), anchor);
  }
  void OnMapEnd() override { pop(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor;
    size_t nodes_before;
    std::string key;
    bool has_key = false;
  };
  struct Anchor {
    Value value;
    size_t nodes = 0;
  };

  bool wants_key() const {
    return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key;
  }
  void count(const YAML::Mark& mark) {
    if (++nodes_ > limits_.nodes_max)
      stop(mark, Code::TooLarge, fmt::format("more than {} nodes after expanding aliases", limits_.nodes_max));
  }
  void push(const YAML::Mark& mark, Value empty, YAML::anchor_t anchor) {
    if (wants_key()) stop(mark, Code::InvalidArgument, "a mapping key must be a scalar");
    if (stack_.size() >= limits_.depth_max)
      stop(mark, Code::TooLarge, fmt::format("nested deeper than {}", limits_.depth_max));
    stack_.push_back({std::move(empty), anchor, nodes_, {}, false});
    mark_ = mark;
  }
  void pop() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.anchor) anchors_[frame.anchor] = {frame.value, nodes_ - frame.nodes_before};
    add(mark_, std::move(frame.value), 0);
  }
  std::string path() const {
    std::string p;
    for (auto& f : stack_)
      p = f.value.is_object() ? child_path(p, f.key) : index_path(p, f.value.get_array().size());
    return p;
  }
  void add(const YAML::Mark& mark, Value value, YAML::anchor_t anchor) {
    count(mark);
    if (anchor) anchors_[anchor] = {value, 1};
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& top = stack_.back();
    if (auto* array = top.value.if_array()) {
      array->push_back(std::move(value));
    } else if (!top.has_key) {
      if (!value.is_string()) stop(mark, Code::InvalidArgument, "a mapping key must be a string");
      top.key = view(value.get_string());
      top.has_key = true;
      if (top.value.get_object().contains(top.key)) duplicates.push_back(path());
    } else {
      top.value.get_object()[top.key] = std::move(value);
      top.has_key = false;
    }
  }

  YamlLimits limits_;
  size_t nodes_ = 0;
  YAML::Mark mark_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchor> anchors_;
  Value root_;
};

}  // namespace

Result<std::vector<YamlDocument>> parse_yaml(std::string_view text, YamlLimits limits) {
  if (text.size() > limits.bytes_max)
    return fail(Code::TooLarge, fmt::format("YAML of {} bytes is over the limit of {}", text.size(), limits.bytes_max));
  if (!valid_utf8(text)) return fail(Code::InvalidArgument, "YAML is not valid UTF-8");
  std::vector<YamlDocument> out;
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    for (;;) {
      Builder builder(limits);
      if (!parser.HandleNextDocument(builder)) break;
      out.push_back({builder.take(), builder.line, std::move(builder.duplicates)});
    }
  } catch (const Stop& s) {
    return fail(s.error);
  } catch (const YAML::Exception& e) {
    return fail(Code::InvalidArgument,
                fmt::format("YAML line {} column {}: {}", e.mark.line + 1, e.mark.column + 1, e.msg));
  }
  return out;
}

namespace {

bool needs_quotes(std::string_view s) {
  if (s.empty() || !plain_scalar(std::string(s)).is_string()) return true;
  if (std::string_view("!&*-?:,[]{}#|>@`\"'%= ").find(s[0]) != std::string_view::npos) return true;
  if (s.back() == ' ' || s.back() == ':' || s == "y" || s == "n" || s == "Y" || s == "N") return true;
  return s.find(": ") != std::string_view::npos || s.find(" #") != std::string_view::npos ||
         s.find_first_of("\r\t\x7f") != std::string_view::npos;
}

void yaml_string(std::string_view s, int indent, std::string& out) {
  bool control = false;
  for (unsigned char c : s) control |= c < 0x20 && c != '\n';
  if (s.find('\n') != std::string_view::npos && !control && s[0] != '\n' && s[0] != ' ') {
    bool clip = s.back() == '\n';
    out += clip ? (s.ends_with("\n\n") ? "|+" : "|") : "|-";
    for (auto line : split(clip ? s.substr(0, s.size() - 1) : s, '\n')) {
      out += '\n';
      if (line.empty()) continue;
      out.append(static_cast<size_t>(indent), ' ');
      out += line;
    }
  } else if (s.find('\n') != std::string_view::npos || control || needs_quotes(s)) {
    write_string(s, out);
  } else {
    out += s;
  }
}

// Writes `v` at the cursor, which stands after "key:" or "-" (inline_start) or at a line's start.
void yaml_value(const Value& v, int indent, bool in_list, std::string& out) {
  if (auto* o = v.if_object(); o && !o->empty()) {
    bool first = true;
    for (auto& [key, child] : *o) {
      if (!(first && in_list)) {
        out += '\n';
        out.append(static_cast<size_t>(indent), ' ');
      }
      first = false;
      yaml_string({key.data(), key.size()}, indent, out);
      out += ':';
      bool nested = (child.is_object() && !child.get_object().empty()) ||
                    (child.is_array() && !child.get_array().empty());
      if (!nested) out += ' ';
      yaml_value(child, child.is_array() ? indent : indent + 2, false, out);
    }
  } else if (auto* a = v.if_array(); a && !a->empty()) {
    bool first = true;
    for (auto& child : *a) {
      if (!(first && in_list)) {
        out += '\n';
        out.append(static_cast<size_t>(indent), ' ');
      }
      first = false;
      out += "- ";
      yaml_value(child, indent + 2, true, out);
    }
  } else if (auto* s = v.if_string()) {
    yaml_string(view(*s), indent, out);
  } else {
    write(v, out);
  }
}

}  // namespace

std::string dump_yaml(const Value& value) {
  std::string out;
  yaml_value(value, 0, true, out);
  out += '\n';
  return out;
}

}  // namespace sl::json

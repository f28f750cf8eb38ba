#include "json/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "base/strings.h"

namespace sl::json {
namespace {

struct Stop {
  Error error;
};

Error at_mark(const YAML::Mark& mark, Code code, const std::string& what) {
  return {code,
          fmt::format("YAML line {} column {}: {}", mark.line + 1, mark.column + 1, what),
          {{"FieldValueInvalid", what, fmt::format("{}:{}", mark.line + 1, mark.column + 1)}}};
}

[[noreturn]] void stop(const YAML::Mark& mark, Code code, std::string what) {
  throw Stop{at_mark(mark, code, what)};
}

std::optional<Value> integer(std::string_view digits, bool negative) {
  int base = 10;
  auto prefix = [&](std::string_view p) { return digits.size() > p.size() && digits.starts_with(p); };
  if (prefix("0x") || prefix("0X"))
    base = 16, digits.remove_prefix(2);
  else if (prefix("0b") || prefix("0B"))
    base = 2, digits.remove_prefix(2);
  else if (prefix("0o") || prefix("0O"))
    base = 8, digits.remove_prefix(2);
  else if (prefix("0") && digits.find_first_not_of("01234567") == std::string_view::npos)
    base = 8;
  uint64_t n = 0;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n, base);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (!negative) return n > INT64_MAX ? Value(n) : Value(static_cast<int64_t>(n));
  if (n > static_cast<uint64_t>(INT64_MAX) + 1) return std::nullopt;
  return Value(static_cast<int64_t>(0 - n));
}

Value plain_scalar(const std::string& s) {
  if (s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL") return nullptr;
  static const std::map<std::string_view, bool> kBools = {
      {"true", true}, {"y", true},      {"Y", true},      {"n", false},     {"N", false},  {"True", true},
      {"TRUE", true}, {"yes", true},    {"Yes", true},    {"YES", true},    {"on", true},  {"On", true},
      {"ON", true},   {"false", false}, {"False", false}, {"FALSE", false}, {"no", false}, {"No", false},
      {"NO", false},  {"off", false},   {"Off", false},   {"OFF", false}};
  if (auto it = kBools.find(s); it != kBools.end()) return it->second;
  bool negative = s[0] == '-';
  std::string plain = s.substr(s[0] == '+' || negative ? 1 : 0);
  if (plain.empty() || !((plain[0] >= '0' && plain[0] <= '9') || plain[0] == '.')) return Value(s);
  std::erase(plain, '_');
  if (auto n = integer(plain, negative)) return *n;
  if (plain.find_first_not_of("0123456789.eE+-") != std::string::npos) return Value(s);
  if (plain.empty()) return Value(s);
  char* end = nullptr;
  double d = std::strtod(plain.c_str(), &end);
  if (*end == 0 && std::isfinite(d)) return negative ? -d : d;
  return Value(s);
}

// Builds Values from parser events; aliases copy the anchored value and count its nodes again.
class Builder : public YAML::EventHandler {
 public:
  Builder(YamlLimits limits, const std::vector<std::string_view>& lines, bool first)
      : limits_(limits), lines_(lines), first_(first) {}

  Value take() { return std::move(root_); }
  std::vector<std::string> duplicates;
  std::map<std::string, Place, std::less<>> places;
  int line = 0;
  int pos = -1, last_pos = -1;

  void OnDocumentStart(const YAML::Mark& mark) override {
    line = mark.line + 1;
    pos = mark.pos;
    if (mark.pos <= last_pos) stop(mark, Code::InvalidArgument, "unexpected token");
    if (first_) return;
    auto text = [&](int at) {
      auto t = lines_.at(static_cast<size_t>(at));
      return at == 0 && t.starts_with("\xEF\xBB\xBF") ? t.substr(3) : t;
    };
    if (mark.column == 0 && text(mark.line).starts_with("---")) return;
    for (int at = mark.line - 1; at >= 0; --at) {
      auto t = trim(text(at));
      if (t.starts_with("...")) return;
      if (!t.empty() && t[0] != '#') break;
    }
    stop(mark, Code::InvalidArgument, "a second root in the document; is a --- missing?");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!stack_.empty() && stack_.back().block && stack_.back().has_key && !stack_.back().key_mark.is_null()) {
      auto& m = stack_.back().key_mark;
      auto text = lines_.at(static_cast<size_t>(m.line));
      if (text.find(':') == std::string_view::npos && !trim(text).starts_with('?') &&
          text.find("? ") == std::string_view::npos && text.find_first_of("\"'&!*") == std::string_view::npos) {
        bool later = false;
        for (int at = m.line + 1; at <= mark.line && at < static_cast<int>(lines_.size()); ++at)
          later |= trim(lines_.at(static_cast<size_t>(at))).starts_with(":");
        if (!later) stop(m, Code::InvalidArgument, "no : after the key");
      }
    }
    add(mark, nullptr, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto it = anchors_.find(anchor);
    if (it == anchors_.end()) stop(mark, Code::InvalidArgument, "alias of an anchor that is not complete");
    nodes_ += it->second.nodes;
    bytes_ += it->second.bytes;
    if (bytes_ > limits_.bytes_max) stop(mark, Code::TooLarge, "too many bytes after expanding aliases");
    if (stack_.size() + it->second.depth > limits_.depth_max)
      stop(mark, Code::TooLarge, fmt::format("nested deeper than {}", limits_.depth_max));
    if (!stack_.empty()) stack_.back().depth = std::max(stack_.back().depth, it->second.depth);
    add(mark, it->second.value, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (!valid_utf8(text)) stop(mark, Code::InvalidArgument, "text is not valid UTF-8");
    bytes_ += text.size();
    if (wants_key()) stack_.back().key_mark = mark;
    if (wants_key() && text == "<<" && tag != "!" && tag != "tag:yaml.org,2002:str") {
      stack_.back().merge = stack_.back().has_key = true;
      return;
    }
    bool as_string = tag == "!" || tag == "tag:yaml.org,2002:str" || tag == "!!str" || wants_key();
    add(mark, as_string ? Value(text) : plain_scalar(text), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    push(mark, Array(), anchor, false);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    push(mark, Object(), anchor, style == YAML::EmitterStyle::Block);
  }
  void OnMapEnd() override { pop(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor;
    size_t nodes_before, bytes_before;
    std::string key;
    bool has_key = false;
    bool block = false;
    YAML::Mark key_mark = YAML::Mark::null_mark();
    bool merge = false;
    size_t depth = 0;  // below
    std::vector<Value> merged;
  };
  struct Anchor {
    Value value;
    size_t nodes = 0, bytes = 0, depth = 0;
  };

  bool wants_key() const { return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key; }
  void count(const YAML::Mark& mark) {
    if (++nodes_ > limits_.nodes_max)
      stop(mark, Code::TooLarge, fmt::format("more than {} nodes after expanding aliases", limits_.nodes_max));
  }
  void push(const YAML::Mark& mark, Value empty, YAML::anchor_t anchor, bool block) {
    if (wants_key()) stop(mark, Code::InvalidArgument, "a mapping key must be a scalar");
    note(mark);
    if (stack_.size() >= limits_.depth_max)
      stop(mark, Code::TooLarge, fmt::format("nested deeper than {}", limits_.depth_max));
    stack_.push_back({std::move(empty), anchor, nodes_, bytes_, {}, false, block, {}, false, 0, {}});
    mark_ = mark;
  }
  void pop() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    for (auto& m : frame.merged)
      for (auto& [k, v] : m.get_object())
        if (!frame.value.get_object().contains(k)) frame.value.get_object()[k] = v;
    size_t depth = frame.depth + 1;
    if (!stack_.empty()) stack_.back().depth = std::max(stack_.back().depth, depth);
    if (frame.anchor)
      anchors_[frame.anchor] = {frame.value, nodes_ - frame.nodes_before, bytes_ - frame.bytes_before, depth};
    add(mark_, std::move(frame.value), 0);
  }
  std::string path() const {
    std::string p;
    for (auto& f : stack_) p = f.value.is_object() ? child_path(p, f.key) : index_path(p, f.value.get_array().size());
    return p;
  }
  // At the start of a value: a field is found by its key, an item by itself.
  void note(const YAML::Mark& mark) {
    if (!limits_.note_places || stack_.empty() || wants_key() || stack_.back().merge) return;
    auto& at = stack_.back().value.is_object() ? stack_.back().key_mark : mark;
    places.try_emplace(path(), Place{at.line + 1, at.column + 1});
  }
  void add(const YAML::Mark& mark, Value value, YAML::anchor_t anchor) {
    count(mark);
    note(mark);
    if (anchor) anchors_[anchor] = {value, 1, value.is_string() ? value.get_string().size() : 0, 0};
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& top = stack_.back();
    if (auto* array = top.value.if_array()) {
      array->push_back(std::move(value));
    } else if (top.merge) {
      top.merge = top.has_key = false;
      if (value.is_object())
        top.merged.push_back(std::move(value));
      else if (value.is_array()) {
        for (auto& e : value.get_array()) {
          if (!e.is_object()) stop(mark, Code::InvalidArgument, "<< takes mappings");
          top.merged.push_back(std::move(e));
        }
      } else
        stop(mark, Code::InvalidArgument, "<< takes a mapping");
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
  size_t nodes_ = 0, bytes_ = 0;
  const std::vector<std::string_view>& lines_;
  bool first_;
  YAML::Mark mark_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchor> anchors_;
  Value root_;
};

}  // namespace

static std::string clean(std::string s) {
  if (!valid_utf8(s))
    for (char& c : s)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return s;
}

static size_t count_nodes(const Value& v) {
  size_t n = 1;
  if (auto* object = v.if_object())
    for (auto& [key, member] : *object) n += 1 + count_nodes(member);
  if (auto* array = v.if_array())
    for (auto& item : *array) n += count_nodes(item);
  return n;
}

// JSON has escapes that a YAML reader does not know (a character in two halves).
static std::optional<std::vector<YamlDocument>> as_json(std::string_view text, const YamlLimits& limits) {
  std::string_view start = trim(text);
  if (!start.starts_with('{') && !start.starts_with('[')) return std::nullopt;
  YamlDocument document;
  ParseLimits of_json;
  of_json.depth_max = limits.depth_max;
  auto value = parse_noting_duplicates(text, &document.duplicates, of_json);
  if (!value || count_nodes(*value) > limits.nodes_max) return std::nullopt;  // the YAML reader finds the words for it
  document.value = std::move(*value);
  std::vector<YamlDocument> out;
  out.push_back(std::move(document));
  return out;
}

static Result<std::vector<YamlDocument>> read_yaml(std::string_view text, YamlLimits limits);

Result<std::vector<YamlDocument>> parse_yaml(std::string_view text, YamlLimits limits) {
  if (text.size() > limits.bytes_max)
    return fail(Code::TooLarge, fmt::format("YAML of {} bytes is over the limit of {}", text.size(), limits.bytes_max));
  if (!limits.note_places)
    if (auto json = as_json(text, limits)) return std::move(*json);
  auto yaml = read_yaml(text, limits);
  if (!yaml && limits.note_places)
    if (auto json = as_json(text, limits)) return std::move(*json);
  return yaml;
}

static Result<std::vector<YamlDocument>> read_yaml(std::string_view text, YamlLimits limits) {
  if (!valid_utf8(text)) return fail(Code::InvalidArgument, "YAML is not valid UTF-8");
  for (unsigned char c : text)
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
      return fail(Code::InvalidArgument, "YAML has a control character");
  std::vector<YamlDocument> out;
  auto lines = split(text, '\n');
  int last_pos = -1;
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    for (;;) {
      Builder builder(limits, lines, out.empty());
      builder.last_pos = last_pos;
      if (!parser.HandleNextDocument(builder)) break;
      last_pos = builder.pos;
      out.push_back({builder.take(), builder.line, std::move(builder.duplicates), std::move(builder.places)});
    }
  } catch (const Stop& s) {
    return fail(s.error);
  } catch (const YAML::Exception& e) {
    return fail(at_mark(e.mark, Code::InvalidArgument, clean(e.msg)));
  }
  return out;
}

namespace {

bool needs_quotes(std::string_view s) {
  static const std::set<std::string_view> kOther = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                                    "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  "<<"};
  if (kOther.contains(s) || s.starts_with("...") || s.starts_with("---") || s.find("\xEF\xBB\xBF") != s.npos)
    return true;
  if (s.empty() || !plain_scalar(std::string(s)).is_string()) return true;
  if (std::string_view("!&*-?:,[]{}#|>@`\"'%= ").find(s[0]) != std::string_view::npos) return true;
  if (s.back() == ' ' || s.back() == ':' || s == "y" || s == "n" || s == "Y" || s == "N") return true;
  return s.find(": ") != std::string_view::npos || s.find(" #") != std::string_view::npos ||
         s.find_first_of("\r\t\x7f") != std::string_view::npos;
}

void yaml_string(std::string_view s, int indent, std::string& out, bool key = false) {
  bool control = false;
  for (unsigned char c : s) control |= (c < 0x20 && c != '\n') || c == 0x7f;
  control |= key || indent == 0;
  if (s.find('\n') != std::string_view::npos && !control && s[0] != '\n' && s[0] != ' ') {
    bool clip = s.back() == '\n';
    out += clip ? (s.ends_with("\n\n") ? "|+" : "|") : "|-";
    for (auto line : split(clip ? s.substr(0, s.size() - 1) : s, '\n')) {
      out += '\n';
      if (line.empty()) continue;
      out.append(static_cast<size_t>(indent), ' ');
      out += line;
    }
  } else if (s.find('\n') != std::string_view::npos ||
             (control && s.find_first_of(std::string_view("\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12"
                                                          "\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f",
                                                          33)) != std::string_view::npos) ||
             needs_quotes(s)) {
    std::string quoted;
    write_string(s, quoted);
    out += replace_all(quoted, "\x7f", "\\x7f");
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
      if (key.size() > 500) {
        out += "? ";
        yaml_string({key.data(), key.size()}, indent, out, true);
        out += '\n';
        out.append(static_cast<size_t>(indent), ' ');
      } else {
        yaml_string({key.data(), key.size()}, indent, out, true);
      }
      out += ':';
      bool nested =
          (child.is_object() && !child.get_object().empty()) || (child.is_array() && !child.get_array().empty());
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

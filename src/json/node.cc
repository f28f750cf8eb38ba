#include "json/node.h"

#include <charconv>
#include <cstdlib>

#include "base/scan.h"
#include "base/strings.h"

namespace sl::json {
namespace {

bool digit(const char* at, const char* end) {
  return at != end && *at >= '0' && *at <= '9';
}

// The four hex digits at `at`; nothing if they are not.
std::optional<uint32_t> read_hex(const char* at, const char* end) {
  uint32_t out = 0;
  if (end - at < 4) return std::nullopt;
  auto [stop, ec] = std::from_chars(at, at + 4, out, 16);
  if (ec != std::errc() || stop != at + 4) return std::nullopt;
  return out;
}

char* write_utf8(uint32_t point, char* to) {
  auto put = [&to](uint32_t byte) { *to++ = static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return to;
}

// What stands for itself behind a backslash, or its meaning; 0 if it has none.
char plain_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

// The escape behind the backslash at `at`, written to `to`; false if it is none.
bool take_escape(const char*& at, const char* end, char*& to) {
  if (end - at < 2) return false;
  char kind = at[1];
  at += 2;
  if (kind != 'u') {
    char c = plain_escape(kind);
    *to++ = c;
    return c != 0;
  }
  auto point = read_hex(at, end);
  if (!point || (*point >= 0xDC00 && *point <= 0xDFFF)) return false;
  at += 4;
  if (*point >= 0xD800 && *point <= 0xDBFF) {  // the first of a pair
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return false;
    auto low = read_hex(at + 2, end);
    if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
    at += 6;
    point = 0x10000 + ((*point - 0xD800) << 10) + (*low - 0xDC00);
  }
  to = write_utf8(*point, to);
  return true;
}

}  // namespace

const Node& Node::null() {
  static const Node node{};
  return node;
}

double Node::number() const {
  double out = 0;
  if (!is_number()) return 0;
  auto [end, ec] = std::from_chars(text_, text_ + text_size_, out);
  if (ec == std::errc::result_out_of_range) return std::strtod(std::string(text()).c_str(), nullptr);
  return out;
}

std::optional<int64_t> Node::integer() const {
  int64_t out = 0;
  if (!is_number()) return std::nullopt;
  auto [end, ec] = std::from_chars(text_, text_ + text_size_, out);
  if (ec != std::errc() || end != text_ + text_size_) return std::nullopt;
  return out;
}

std::string_view kind_name(const Node& v) {
  static constexpr std::string_view kNames[] = {"null", "boolean", "boolean", "number", "string", "array", "object"};
  bool whole = v.is_number() && v.text().find_first_of(".eE") == std::string_view::npos;
  return whole ? "integer" : kNames[static_cast<size_t>(v.kind())];
}

Result<const Node*> Document::read(std::string_view text) {
  ParseLimits limits;
  if (text.size() <= limits.bytes_max) {
    at_ = text.data();
    end_ = at_ + text.size();
    skip_space();
    Node* root = make();
    if (read_value(*root, 0)) {
      skip_space();
      if (at_ == end_) return root;
    }
    if (nodes_ > kNodesMax) return fail(Code::TooLarge, "JSON document of more than a million values");
  }
  auto why = parse(text, limits);  // slower, and it says what is wrong and where
  if (!why) return fail(std::move(why).error());
  return fail(Code::InvalidArgument, "invalid JSON");
}

Node* Document::make() {
  if (free_ == free_end_) {
    size_t count = kNodesFirst << std::min<size_t>(more_.size() + 2, 8);
    more_.push_back(std::make_unique_for_overwrite<Node[]>(count));
    free_ = more_.back().get();
    free_end_ = free_ + count;
  }
  ++nodes_;
  free_->key_ = nullptr;
  free_->key_size_ = 0;
  free_->next_ = nullptr;
  return free_++;
}

void Document::skip_space() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

bool Document::read_word(std::string_view word) {
  if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool Document::read_number() {
  if (at_ != end_ && *at_ == '-') ++at_;
  if (!digit(at_, end_)) return false;
  if (*at_++ != '0')
    while (digit(at_, end_)) ++at_;
  if (at_ != end_ && *at_ == '.') {
    if (!digit(++at_, end_)) return false;
    while (digit(at_, end_)) ++at_;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    if (++at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digit(at_, end_)) return false;
    while (digit(at_, end_)) ++at_;
  }
  return true;
}

// At the opening quote; ends behind the closing one.
bool Document::read_string(const char*& from, uint32_t& size) {
  from = ++at_;
  bool ascii = true;
  at_ += find_json_special({at_, static_cast<size_t>(end_ - at_)}, ascii);
  if (at_ == end_) return false;
  if (*at_ == '\\') return read_escaped(from, from, size);
  if (*at_ != '"') return false;
  size = static_cast<uint32_t>(at_ - from);
  ++at_;
  return ascii || valid_utf8({from, size});
}

bool Document::read_escaped(const char* from, const char*& out, uint32_t& size) {
  if (!plain_) {
    plain_ = std::make_unique_for_overwrite<char[]>(static_cast<size_t>(end_ - from));
    plain_end_ = plain_.get();
  }
  char* to = plain_end_;
  out = to;
  for (;;) {
    to = std::copy(from, at_, to);
    if (at_ == end_) return false;
    if (*at_ == '"') break;
    if (*at_ != '\\' || !take_escape(at_, end_, to)) return false;
    from = at_;
    bool ascii = true;
    at_ += find_json_special({at_, static_cast<size_t>(end_ - at_)}, ascii);
  }
  ++at_;
  plain_end_ = to;
  size = static_cast<uint32_t>(to - out);
  return valid_utf8({out, size});
}

bool Document::read_items(Node& out, int depth) {
  ++at_;
  skip_space();
  if (at_ != end_ && *at_ == ']') {
    ++at_;
    return true;
  }
  const Node** link = &out.first_;
  for (;;) {
    Node* item = make();
    *link = item;
    link = &item->next_;
    ++out.size_;
    skip_space();
    if (!read_value(*item, depth)) return false;
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != ']')) return false;
    if (*at_++ == ']') return true;
  }
}

bool Document::read_members(Node& out, int depth) {
  ++at_;
  skip_space();
  if (at_ != end_ && *at_ == '}') {
    ++at_;
    return true;
  }
  const Node** link = &out.first_;
  for (;;) {
    Node* member = make();
    *link = member;
    link = &member->next_;
    ++out.size_;
    skip_space();
    if (at_ == end_ || *at_ != '"' || !read_string(member->key_, member->key_size_)) return false;
    skip_space();
    if (at_ == end_ || *at_++ != ':') return false;
    skip_space();
    if (!read_value(*member, depth)) return false;
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != '}')) return false;
    if (*at_++ == '}') return true;
  }
}

bool Document::read_value(Node& out, int depth) {
  if (at_ == end_ || nodes_ > kNodesMax) return false;
  out.text_ = at_;
  out.first_ = nullptr;
  out.size_ = 0;
  bool ok = false;
  switch (*at_) {
    case '{':
      out.kind_ = Node::Kind::Object;
      ok = depth < kDepthMax && read_members(out, depth + 1);
      break;
    case '[':
      out.kind_ = Node::Kind::Array;
      ok = depth < kDepthMax && read_items(out, depth + 1);
      break;
    case '"':
      out.kind_ = Node::Kind::String;
      ok = read_string(out.string_, out.size_);
      break;
    case 't':
      out.kind_ = Node::Kind::True;
      ok = read_word("true");
      break;
    case 'f':
      out.kind_ = Node::Kind::False;
      ok = read_word("false");
      break;
    case 'n':
      out.kind_ = Node::Kind::Null;
      ok = read_word("null");
      break;
    default:
      out.kind_ = Node::Kind::Number;
      ok = read_number();
  }
  out.text_size_ = static_cast<uint32_t>(at_ - out.text_);
  return ok;
}

Result<std::string> set_member(std::string_view text, std::string_view key, std::string_view value) {
  std::string out;
  Document document;
  SL_TRY(object, document.read(text));
  if (!object->is_object()) return fail(Code::InvalidArgument, "must be a JSON object");
  if (auto* member = find(*object, key)) {
    size_t at = static_cast<size_t>(member->text().data() - text.data());
    return out.append(text.substr(0, at)).append(value).append(text.substr(at + member->text().size()));
  }
  std::string_view members = trim(text.substr(0, text.rfind('}')));
  out = members;
  if (!object->empty()) out += ',';
  write_string(key, out);
  return out.append(":").append(value).append("}");
}

}  // namespace sl::json

// Node: a value of a JSON text that is read where it lies. Nothing is copied but strings with escapes, and every node
// knows how it was written: what is only passed on keeps its spelling, numbers to their last digit.
//
// Who calls: llm, providers: documents of model calls, which are read once and thrown away; all else takes a Value.
// Thread: one owner. The text must outlive the document, and the document its nodes. A repeated key: the last counts.
// Limits: 16 MiB, 100 levels, a million values. Source: RFC 8259; docs/decisions/0010.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace sl::json {

class Node {
 public:
  enum class Kind : uint8_t { Null, False, True, Number, String, Array, Object };

  static const Node& null();  // what stands for a missing one

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::Null; }
  bool is_bool() const { return kind_ == Kind::False || kind_ == Kind::True; }
  bool is_true() const { return kind_ == Kind::True; }
  bool is_number() const { return kind_ == Kind::Number; }
  bool is_string() const { return kind_ == Kind::String; }
  bool is_array() const { return kind_ == Kind::Array; }
  bool is_object() const { return kind_ == Kind::Object; }

  std::string_view text() const { return {text_, text_size_}; }  // as it was written
  std::string_view key() const { return {key_, key_size_}; }     // its name, if it is a member
  std::string_view string() const { return is_string() ? std::string_view(string_, size_) : std::string_view(); }
  double number() const;                   // 0 if it is none, infinite if it is too large for a double
  std::optional<int64_t> integer() const;  // of a number without fraction and exponent that fits

  // Items of an array or members of an object; nothing for the others.
  size_t size() const { return kind_ >= Kind::Array ? size_ : 0; }
  bool empty() const { return size() == 0; }
  class Iterator {
   public:
    explicit Iterator(const Node* at) : at_(at) {}
    const Node& operator*() const { return *at_; }
    Iterator& operator++() {
      at_ = at_->next_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const Node* at_;
  };
  Iterator begin() const { return Iterator(kind_ >= Kind::Array ? first_ : nullptr); }
  Iterator end() const { return Iterator(nullptr); }

 private:
  friend class Document;
  const char* text_;
  const char* key_;
  union {
    const char* string_;
    const Node* first_;
  };
  const Node* next_;
  uint32_t text_size_, key_size_, size_;
  Kind kind_;
};

// The nodes of one text. No allocation while it is small.
class Document {
 public:
  // Errors: as parse(). Once for each document.
  Result<const Node*> read(std::string_view text);

 private:
  static constexpr size_t kNodesFirst = 96, kNodesMax = 1'000'000;
  static constexpr int kDepthMax = 100;

  Node* make();
  bool read_value(Node& out, int depth);
  bool read_members(Node& out, int depth);
  bool read_items(Node& out, int depth);
  bool read_string(const char*& from, uint32_t& size);
  bool read_escaped(const char* from, const char*& out, uint32_t& size);
  bool read_number();
  bool read_word(std::string_view word);
  void skip_space();

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  size_t nodes_ = 0;  // in all
  Node* free_ = nullptr;
  Node* free_end_ = nullptr;
  std::vector<std::unique_ptr<Node[]>> more_;
  std::unique_ptr<char[]> plain_;  // strings without their escapes; never more than the text from the first on
  char* plain_end_ = nullptr;
  union {
    Node first_[kNodesFirst];
  };

 public:
  Document() : free_(first_), free_end_(first_ + kNodesFirst) {}
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
};

// As for a Value (value.h): members by path, null or a fallback where there is none.
template <class... Keys>
const Node* find(const Node& v, std::string_view key, Keys... rest) {
  const Node* found = nullptr;
  if (v.is_object())
    for (auto& member : v)
      if (member.key() == key) found = &member;
  if constexpr (sizeof...(rest) == 0)
    return found;
  else
    return found ? find(*found, rest...) : nullptr;
}
template <class... Keys>
std::string_view str(const Node& v, Keys... keys) {
  const Node* at = find(v, keys...);
  return at ? at->string() : std::string_view();
}
template <class... Keys>
int64_t num(const Node& v, int64_t otherwise, Keys... keys) {
  const Node* at = find(v, keys...);
  if (!at || !at->is_number()) return otherwise;
  if (auto exact = at->integer()) return *exact;
  double wide = at->number();
  return wide >= 9.2e18 ? INT64_MAX : wide <= -9.2e18 ? INT64_MIN : static_cast<int64_t>(wide);
}
template <class... Keys>
const Node* arr(const Node& v, Keys... keys) {
  const Node* at = find(v, keys...);
  return at && at->is_array() ? at : nullptr;
}
std::string_view kind_name(const Node& v);  // as of a Value

// The object `text` with its member `key` set to the JSON text `value`: replaced in place (the last one, if it is
// repeated), or added at the end. Every other byte stays, but for spaces around the object and before its end.
// Errors: as read(); InvalidArgument if it is no object.
Result<std::string> set_member(std::string_view text, std::string_view key, std::string_view value);

}  // namespace sl::json

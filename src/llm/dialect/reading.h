// What reading a client's request takes everywhere: where something stands, and members that may be missing.
// Who calls: the files of llm/dialect. Thread: plain functions.
#pragma once

#include <fmt/format.h>

#include <algorithm>

#include "llm/chat/chat.h"

namespace sl::llm {

inline std::unexpected<Error> bad(std::string_view field, std::string_view what) {
  return fail(Code::InvalidArgument, fmt::format("{}: {}", field, what));
}

// Where in the request something stands: "messages[2].content". In words only when somebody asks.
struct At {
  const At* up = nullptr;
  std::string_view name;
  int64_t index = -1;

  At member(std::string_view of) const { return {this, of}; }
  At item(size_t i) const { return {this, "", static_cast<int64_t>(i)}; }
  std::string text() const {
    std::string out = up ? up->text() : "";
    if (up && !name.empty()) out += '.';
    out += name;
    return index < 0 ? out : fmt::format("{}[{}]", out, index);
  }
};

inline std::unexpected<Error> bad(const At& at, std::string_view what) {
  return bad(at.text(), what);
}

inline const json::Node& member(const json::Node& v, std::string_view key) {
  auto* m = json::find(v, key);
  return m ? *m : json::Node::null();
}

// nullptr for null too.
inline const json::Node* given(const json::Node& v, std::string_view key) {
  auto* m = json::find(v, key);
  return m && !m->is_null() ? m : nullptr;
}

// Names a field of the client's that nothing here can hold, once; of very many only the first.
inline void note_dropped(ChatRequest& request, std::string field) {
  constexpr size_t kNamesMax = 100;
  auto& dropped = request.dropped;
  if (dropped.size() == kNamesMax) dropped.push_back("and more");
  if (dropped.size() > kNamesMax) return;
  if (std::find(dropped.begin(), dropped.end(), field) == dropped.end()) dropped.push_back(std::move(field));
}

// Names the members of an object that are not among those read here, unless they say nothing (null).
inline void note_unread(ChatRequest& request, const json::Node& object, std::initializer_list<std::string_view> read,
                        const At& at) {
  if (!object.is_object()) return;
  for (auto& value : object)
    if (!value.is_null() && std::find(read.begin(), read.end(), value.key()) == read.end())
      note_dropped(request, at.member(value.key()).text());
}

}  // namespace sl::llm

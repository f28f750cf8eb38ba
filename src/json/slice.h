// Pieces of a JSON text, and edits that leave every other byte alone: key order, number spelling and unknown fields
// survive. Who calls: llm/exchange, providers. Thread: plain functions.
#pragma once

#include <string>
#include <string_view>

namespace sl::json {

// The object `text` with its top-level member `key` set to the JSON text `value`: replaced in place (the last one, if
// it is repeated), or added at the end. `text` must be a valid JSON object.
std::string set_member(std::string_view text, std::string_view key, std::string_view value);

// The text of a member of the object `text` (the last one, if it is repeated), of an item of the array `text`; empty if
// there is none. `text` must be valid JSON; keys written with escapes are found too.
std::string_view member_text(std::string_view text, std::string_view key);
std::string_view item_text(std::string_view text, size_t index);

}  // namespace sl::json

// Edits of a JSON text that leave every other byte alone: key order, number spelling and unknown fields survive.
// Who calls: llm/exchange (same-dialect pass-through). Thread: plain function.
#pragma once

#include <string>
#include <string_view>

namespace sl::json {

// The object `text` with its top-level member `key` set to the JSON text `value`: replaced in place (the last one, if
// it is repeated), or added at the end. `text` must be a valid JSON object.
std::string set_member(std::string_view text, std::string_view key, std::string_view value);

}  // namespace sl::json

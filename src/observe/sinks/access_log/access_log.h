// The access log's text form: keys in that order, absent keys left out.
// Who calls: observe/pipeline. Thread: plain function. A client can forge neither field nor line: values with a
// space, quote, "=" or control character are quoted and escaped.
#pragma once

#include <string>

#include "observe/record/record.h"

namespace sl::observe {

// "request gateway=... duration=12ms", without time stamp, level and newline.
std::string access_line(const Record& record);

// Appends key=value with a leading space; nothing for an empty value.
void append_field(std::string_view key, std::string_view value, std::string& out);

}  // namespace sl::observe

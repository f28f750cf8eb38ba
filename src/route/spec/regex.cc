#include "route/spec/regex.h"

#include <fmt/format.h>

namespace sl::route {

Result<std::unique_ptr<re2::RE2>> compile_regex(const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto re = std::make_unique<re2::RE2>(text, options);
  if (!re->ok()) return fail(Code::Invalid, fmt::format("regular expression \"{}\": {}", text, re->error()));
  return re;
}

}  // namespace sl::route

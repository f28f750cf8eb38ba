// Regular expressions of routes, compiled in one way wherever they are judged or used. Who calls: control (to say what
// is wrong with a route), route/snapshot. Thread: any. Source: RE2's syntax; Gateway API leaves it to the
// implementation.
#pragma once

#include <memory>

#include <re2/re2.h>

#include "base/error.h"

namespace sl::route {

// Errors: Invalid, in words, also for one that would take more than 1 MiB: a request must not pay for it.
Result<std::unique_ptr<re2::RE2>> compile_regex(const std::string& text);

}  // namespace sl::route

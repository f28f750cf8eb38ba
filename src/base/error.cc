#include "base/error.h"

#include <array>

namespace sl {
namespace {

struct CodeInfo {
  Code code;
  std::string_view name;
  int http_status;
  bool retryable;
};

constexpr std::array kCodes = {
    CodeInfo{Code::InvalidArgument, "InvalidArgument", 400, false},
    CodeInfo{Code::Invalid, "Invalid", 422, false},
    CodeInfo{Code::Unauthenticated, "Unauthenticated", 401, false},
    CodeInfo{Code::PermissionDenied, "PermissionDenied", 403, false},
    CodeInfo{Code::NotFound, "NotFound", 404, false},
    CodeInfo{Code::MethodNotAllowed, "MethodNotAllowed", 405, false},
    CodeInfo{Code::NotAcceptable, "NotAcceptable", 406, false},
    CodeInfo{Code::AlreadyExists, "AlreadyExists", 409, false},
    CodeInfo{Code::Conflict, "Conflict", 409, true},
    CodeInfo{Code::Expired, "Expired", 410, false},
    CodeInfo{Code::TooLarge, "TooLarge", 413, false},
    CodeInfo{Code::UnsupportedMedia, "UnsupportedMedia", 415, false},
    CodeInfo{Code::RateLimited, "RateLimited", 429, true},
    CodeInfo{Code::Unsupported, "Unsupported", 501, false},
    CodeInfo{Code::Cancelled, "Cancelled", 499, false},
    CodeInfo{Code::Timeout, "Timeout", 504, true},
    CodeInfo{Code::UpstreamRefused, "UpstreamRefused", 503, true},
    CodeInfo{Code::UpstreamTls, "UpstreamTls", 502, false},
    CodeInfo{Code::UpstreamProtocol, "UpstreamProtocol", 502, false},
    CodeInfo{Code::UpstreamClosed, "UpstreamClosed", 502, true},
    CodeInfo{Code::Unavailable, "Unavailable", 503, true},
    CodeInfo{Code::Io, "Io", 500, false},
    CodeInfo{Code::Internal, "Internal", 500, false},
};

constexpr bool in_enum_order() {
  for (size_t i = 0; i < kCodes.size(); ++i)
    if (static_cast<size_t>(kCodes[i].code) != i) return false;
  return kCodes.size() == static_cast<size_t>(Code::Internal) + 1;
}
static_assert(in_enum_order(), "kCodes lists every Code in order");

const CodeInfo& info(Code code) {
  return kCodes[static_cast<size_t>(code)];
}

}  // namespace

int http_status(Code code) {
  return info(code).http_status;
}
bool retryable(Code code) {
  return info(code).retryable;
}
std::string_view code_name(Code code) {
  return info(code).name;
}

Error with_context(Error error, std::string_view where) {
  error.message = std::string(where) + ": " + error.message;
  return error;
}

}  // namespace sl

#include "base/error.h"

#include <array>

namespace sl {
namespace {

struct CodeInfo {
  Code code;
  std::string_view name;
  int http_status;
};

constexpr std::array kCodes = {
    CodeInfo{Code::InvalidArgument, "InvalidArgument", 400},
    CodeInfo{Code::Invalid, "Invalid", 422},
    CodeInfo{Code::Unauthenticated, "Unauthenticated", 401},
    CodeInfo{Code::PermissionDenied, "PermissionDenied", 403},
    CodeInfo{Code::NotFound, "NotFound", 404},
    CodeInfo{Code::MethodNotAllowed, "MethodNotAllowed", 405},
    CodeInfo{Code::NotAcceptable, "NotAcceptable", 406},
    CodeInfo{Code::AlreadyExists, "AlreadyExists", 409},
    CodeInfo{Code::Conflict, "Conflict", 409},
    CodeInfo{Code::Expired, "Expired", 410},
    CodeInfo{Code::TooLarge, "TooLarge", 413},
    CodeInfo{Code::UnsupportedMedia, "UnsupportedMedia", 415},
    CodeInfo{Code::RateLimited, "RateLimited", 429},
    CodeInfo{Code::Unsupported, "Unsupported", 501},
    CodeInfo{Code::Cancelled, "Cancelled", 499},
    CodeInfo{Code::Timeout, "Timeout", 504},
    CodeInfo{Code::RequestTimeout, "RequestTimeout", 408},
    CodeInfo{Code::UpstreamRefused, "UpstreamRefused", 503},
    CodeInfo{Code::UpstreamTls, "UpstreamTls", 502},
    CodeInfo{Code::UpstreamProtocol, "UpstreamProtocol", 502},
    CodeInfo{Code::UpstreamClosed, "UpstreamClosed", 502},
    CodeInfo{Code::Unavailable, "Unavailable", 503},
    CodeInfo{Code::Io, "Io", 500},
    CodeInfo{Code::Internal, "Internal", 500},
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
std::string_view code_name(Code code) {
  return info(code).name;
}

Error with_context(Error error, std::string_view where) {
  error.message = std::string(where) + ": " + error.message;
  return error;
}

}  // namespace sl

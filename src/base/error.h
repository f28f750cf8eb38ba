// Error: why an operation did not succeed, as a value. Every fallible function returns Result<T>.
//
// Who calls: everybody. Thread: plain value, any thread. Exceptions never cross a folder boundary.
// A message names the thing, what was wrong with it and what would fix it, and never holds a secret.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sl {

// The closed set of failures. The HTTP status of each stands in one table (error.cc).
enum class Code {
  InvalidArgument,   // the caller's input is malformed or out of range
  Invalid,           // well-formed, but breaks a rule of its kind (Kubernetes "Invalid", 422)
  Unauthenticated,   // no credential, or one that is not valid
  PermissionDenied,  // known caller, not allowed
  NotFound,          // the named thing does not exist
  MethodNotAllowed,  // the thing exists, the verb does not
  NotAcceptable,     // none of the accepted answer types can be made
  AlreadyExists,     // create of something that is there
  Conflict,          // optimistic concurrency or field ownership lost
  Expired,           // a resourceVersion or continue token is too old
  TooLarge,          // over a documented limit
  UnsupportedMedia,  // a body type that is not understood
  RateLimited,       // try again later
  Unsupported,       // understood, but cannot be carried out here
  Cancelled,         // the caller went away or asked to stop
  Timeout,           // a deadline passed
  RequestTimeout,    // the caller did not send its request in time
  UpstreamRefused,   // the other side could not be reached
  UpstreamTls,       // the other side could not be trusted
  UpstreamProtocol,  // the other side broke its protocol
  UpstreamClosed,    // the other side closed in the middle
  Unavailable,       // this program cannot serve it now (draining, no healthy endpoint)
  Io,                // a local file or disk failed
  Internal,          // a bug or a broken invariant
};

// One reason below an Error, in the shape of Kubernetes' StatusCause.
struct Cause {
  std::string reason;   // e.g. FieldValueInvalid
  std::string message;  // human words
  std::string field;    // e.g. spec.rules[0].matches
};

struct Error {
  Code code = Code::Internal;
  std::string message;
  std::vector<Cause> causes;
  std::string subject;  // name of the object it is about, where the caller could not know it
};

template <class T>
using Result = std::expected<T, Error>;

// Properties of a code, from the one table.
int http_status(Code code);
std::string_view code_name(Code code);

// Cold: what leads here is laid out away from what usually runs.
[[gnu::cold, gnu::noinline]] inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected(Error{code, std::move(message), {}});
}
[[gnu::cold, gnu::noinline]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

// The same error with words in front, for adding where it happened.
Error with_context(Error error, std::string_view where);

}  // namespace sl

// SL_TRY(x, expr): x is the value of expr, or the enclosing function returns expr's error.
// Statement form only, never inside a coroutine (use co_return there).
#define SL_CAT2(a, b) a##b
#define SL_CAT(a, b) SL_CAT2(a, b)
#define SL_TRY(var, ...) SL_TRY_IMPL(SL_CAT(sl_try_, __LINE__), var, __VA_ARGS__)
#define SL_TRY_IMPL(tmp, var, ...)                    \
  auto tmp = (__VA_ARGS__);                           \
  if (!tmp) [[unlikely]]                              \
    return ::std::unexpected(std::move(tmp).error()); \
  auto var = std::move(tmp).value()
#define SL_CHECK(...)                                \
  if (auto sl_r = (__VA_ARGS__); !sl_r) [[unlikely]] \
  return ::std::unexpected(std::move(sl_r).error())

// The names of Asio that the rest of net/ and the coroutine code above it use.
// Who calls: net, proxy, agent, app. Coroutine parameters are values or owned pointers, never views of a
// caller's temporary, and no closure or braced aggregate is built inside a co_await expression
// (tools/check_coroutines).
#pragma once

#include <boost/asio.hpp>

#include "base/error.h"

namespace sl::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
template <class T = void>
using Task = asio::awaitable<T>;

// Errors come back as values; an exception on a socket would cost microseconds.
inline constexpr auto use_task = asio::as_tuple(asio::use_awaitable);

// An Asio error as ours; `what` names the peer and the step.
Error to_error(const boost::system::error_code& ec, std::string_view what);

}  // namespace sl::net

// The names of Asio that the rest of net/ and the coroutine code above it use.
// Who calls: net, proxy, agent, app. Thread: a socket or timer belongs to one loop. Coroutine parameters are values or
// owned pointers, never views of a caller's temporary, and no closure or braced aggregate is built inside a co_await
// expression (tools/check_coroutines).
#pragma once

#include <boost/asio.hpp>

#include "base/error.h"

namespace sl::net {

namespace asio = boost::asio;

// One executor type throughout: Asio's type-erased one costs half a microsecond an operation.
using Executor = asio::io_context::executor_type;
struct tcp {
  using endpoint = asio::ip::tcp::endpoint;
  using socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
  using acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  using resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;
  using no_delay = asio::ip::tcp::no_delay;
};
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
template <class T = void>
using Task = asio::awaitable<T, Executor>;

// co_await socket.async_read_some(buffer, use_task): errors come back as values, as an exception on a socket would cost
// microseconds; and no coroutine is made for the operation itself, as asio::use_awaitable does. Awaited in place.
inline constexpr auto use_task = asio::as_tuple(asio::deferred);

// An Asio error as ours; `what` names the peer and the step.
Error to_error(const boost::system::error_code& ec, std::string_view what);

}  // namespace sl::net

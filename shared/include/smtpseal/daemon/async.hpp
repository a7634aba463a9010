// The few Asio names every daemon uses. A daemon runs one io_context on one thread: no locks, and a scratch
// buffer may be shared by all sessions as long as nothing is awaited while it is in use.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace smtpseal::daemon {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

using Socket = asio::generic::stream_protocol::socket;  // TCP and unix alike
using Seconds = std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// g++ 12 destroys aggregate and lambda temporaries inside a co_await expression twice (GCC bug 99576 and its
// kin): name them before the co_await.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

inline Task<> sleep_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(kAwait);
}

}  // namespace smtpseal::daemon

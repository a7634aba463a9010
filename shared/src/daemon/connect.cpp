#include "smtpseal/daemon/connect.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace smtpseal::daemon {

Task<Result<Stream>> connect_within(Endpoint endpoint, Seconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  const auto socket = std::make_shared<Socket>(executor);
  const auto late = std::make_shared<bool>(false);
  asio::steady_timer timer(executor, timeout);
  timer.async_wait([socket, late](const boost::system::error_code& error) {
    if (error) return;
    *late = true;
    boost::system::error_code ignored;
    socket->cancel(ignored);
  });
  const auto [error] = co_await socket->async_connect(endpoint, kAwait);
  timer.cancel();
  if (*late) co_return ErrorCode(asio::error::timed_out);
  if (error) co_return error;
  if (endpoint.protocol().family() != AF_UNIX) {
    boost::system::error_code ignored;
    socket->set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  co_return Stream(std::move(*socket));
}

}  // namespace smtpseal::daemon

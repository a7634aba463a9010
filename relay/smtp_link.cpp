#include "smtp_link.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace smtpseal::relay {

using daemon::Clock;
using daemon::Seconds;
using daemon::Task;

Task<Result<smtp::Reply>> SmtpLink::reply(Seconds timeout) {
  const auto deadline = Clock::now() + timeout;
  smtp::ReplyParser parser;
  for (;;) {
    std::size_t consumed = 0;
    const auto line = lines_.feed(input_, consumed);
    if (!line) co_return line.error();
    if (*line) {
      auto parsed = parser.feed(**line);
      input_.erase(0, consumed);
      if (!parsed) co_return parsed.error();
      if (*parsed) co_return std::move(**parsed);
      continue;
    }
    input_.clear();
    const auto left = std::chrono::ceil<Seconds>(deadline - Clock::now());
    if (left <= Seconds(0)) co_return ErrorCode(daemon::asio::error::timed_out);
    if (const auto got = co_await stream_.read(input_, left); !got) co_return got.error();
  }
}

Task<Result<smtp::Reply>> SmtpLink::command(std::string line, Seconds timeout) {
  if (has_unread_input()) {
    // Somebody spoke unasked: its words must not be taken for the reply to this command. Reading tells a
    // close from words.
    if (input_.empty())
      if (const auto got = co_await stream_.read(input_, timeout); !got) co_return got.error();
    co_return smtp::make_error_code(smtp::errc::malformed_reply);
  }
  line += "\r\n";
  if (const auto sent = co_await stream_.write(line, timeout); !sent) co_return sent.error();
  co_return co_await reply(timeout);
}

Task<Result<daemon::Stream>> connect_within(boost::asio::generic::stream_protocol::endpoint endpoint,
                                            Seconds timeout) {
  const auto executor = co_await daemon::asio::this_coro::executor;
  const auto socket = std::make_shared<daemon::Socket>(executor);
  const auto late = std::make_shared<bool>(false);
  daemon::asio::steady_timer timer(executor, timeout);
  timer.async_wait([socket, late](const boost::system::error_code& error) {
    if (error) return;
    *late = true;
    boost::system::error_code ignored;
    socket->cancel(ignored);
  });
  const auto [error] = co_await socket->async_connect(endpoint, daemon::kAwait);
  timer.cancel();
  if (*late) co_return ErrorCode(daemon::asio::error::timed_out);
  if (error) co_return error;
  if (endpoint.protocol().family() != AF_UNIX) {
    boost::system::error_code ignored;
    socket->set_option(daemon::asio::ip::tcp::no_delay(true), ignored);
  }
  co_return daemon::Stream(std::move(*socket));
}

}  // namespace smtpseal::relay

#include "smtp_link.hpp"

namespace smtpseal::relay {

using daemon::Clock;
using daemon::Seconds;
using daemon::Task;

namespace {

// A server that cannot make sense of a secret may repeat it in its reply, which ends up in logs.
void hide(std::string_view secret, smtp::Reply& reply) {
  for (auto& text : reply.lines) {
    if (secret.empty() || text.find(secret) == std::string::npos) continue;
    wipe(text.data(), text.size());
    text = "(it repeats what is secret)";
  }
}

}  // namespace

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

Task<Result<smtp::Reply>> SmtpLink::command(SecretText line, Seconds timeout) {
  std::string text;
  text.reserve(line.reveal().size() + 2);  // so that adding CRLF makes no copy
  text = line.reveal();
  auto answer = co_await exchange(text, timeout);
  wipe(text.data(), text.size());
  if (answer) hide(line.reveal(), *answer);
  co_return answer;
}

Task<Result<smtp::Reply>> SmtpLink::command(std::string line, Seconds timeout) {
  co_return co_await exchange(line, timeout);
}

Task<Result<smtp::Reply>> SmtpLink::exchange(std::string& line, Seconds timeout) {
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

}  // namespace smtpseal::relay

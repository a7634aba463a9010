#include "command_link.hpp"

#include <utility>

namespace smtpseal::relay {

using daemon::Seconds;
using daemon::Task;

namespace {

constexpr Seconds kReplyTimeout{60};  // for a client that does not take our replies
constexpr std::size_t kKeep = 512;    // what an idle session may keep of its input buffer

}  // namespace

Task<Result<std::string_view>> CommandLink::next_line(Seconds timeout) {
  const auto deadline = daemon::Clock::now() + timeout;
  for (;;) {
    std::size_t consumed = 0;
    const auto line = lines_.feed(unread(), consumed);
    consume(consumed);
    if (!line) co_return line.error();
    if (*line) co_return **line;
    if (const auto flushed = co_await flush(); !flushed) co_return flushed.error();
    const auto left = std::chrono::ceil<Seconds>(deadline - daemon::Clock::now());
    if (left <= Seconds(0)) co_return ErrorCode(daemon::asio::error::timed_out);
    stream_.trim();
    if (const auto got = co_await stream_.read(input_, left); !got) co_return got.error();
  }
}

Task<Result<>> CommandLink::read_more(Seconds timeout) {
  const auto got = co_await stream_.read(input_, timeout);
  co_return got ? Result<>() : Result<>(got.error());
}

void CommandLink::consume(std::size_t count) {
  used_ += count;
  if (used_ < input_.size()) return;
  used_ = 0;
  input_.clear();
  if (input_.capacity() > kKeep) std::string().swap(input_);
}

Task<Result<>> CommandLink::flush() {
  if (output_.empty()) co_return Result<>();
  const std::string out = std::exchange(output_, {});
  co_return co_await stream_.write(out, kReplyTimeout);
}

}  // namespace smtpseal::relay

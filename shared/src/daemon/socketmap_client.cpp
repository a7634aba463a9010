#include "smtpseal/daemon/socketmap_client.hpp"

#include "smtpseal/daemon/connect.hpp"

namespace smtpseal::daemon {
namespace {

// Connections that wait for the next question: as many as Postfix has smtpd processes by default.
constexpr std::size_t kKeep = 100;

}  // namespace

SocketmapClient::SocketmapClient(const std::string& endpoint, Seconds timeout)
    : endpoint_(parse_endpoint(endpoint)), timeout_(timeout) {}

Task<Result<postfix::SocketmapReply>> SocketmapClient::ask(postfix::SocketmapRequest request) {
  const std::string question = postfix::format_socketmap_request(request);
  const auto deadline = Clock::now() + timeout_;
  while (!idle_.empty()) {
    Stream stream = std::move(idle_.back());
    idle_.pop_back();
    if (stream.has_pending_input()) continue;  // the server has closed it
    co_return co_await exchange(std::move(stream), question, deadline);
  }
  auto stream = co_await connect_within(endpoint_, timeout_);
  if (!stream) co_return stream.error();
  co_return co_await exchange(std::move(*stream), question, deadline);
}

Task<Result<postfix::SocketmapReply>> SocketmapClient::exchange(Stream stream, const std::string& question,
                                                                Clock::time_point deadline) {
  if (const auto sent = co_await stream.write(question, timeout_); !sent) co_return sent.error();
  postfix::NetstringReader reader;
  std::string input;
  for (;;) {
    const auto left = std::chrono::ceil<Seconds>(deadline - Clock::now());
    if (left <= Seconds(0)) co_return ErrorCode(asio::error::timed_out);
    input.clear();
    if (const auto got = co_await stream.read(input, left); !got) co_return got.error();
    std::size_t consumed = 0;
    const auto text = reader.feed(input, consumed);
    if (!text) co_return text.error();
    if (!*text) continue;
    // Anything behind the answer belongs to no question: such a connection is not asked again.
    if (consumed == input.size() && idle_.size() < kKeep) idle_.push_back(std::move(stream));
    co_return postfix::parse_socketmap_reply(**text);
  }
}

}  // namespace smtpseal::daemon

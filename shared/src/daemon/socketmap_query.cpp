#include "smtpseal/daemon/socketmap_query.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace smtpseal::daemon {
namespace {

using boost::system::errc::make_error_code;

ErrorCode timed_out() {
  return make_error_code(boost::system::errc::timed_out);
}

// EAGAIN and EINPROGRESS are what SO_SNDTIMEO and SO_RCVTIMEO make of a late peer.
ErrorCode last_error() {
  if (errno == EAGAIN || errno == EINPROGRESS) return timed_out();
  return {errno, boost::system::system_category()};
}

bool is_closed(const ErrorCode& error) {
  return error == boost::system::errc::connection_reset || error == boost::system::errc::broken_pipe;
}

}  // namespace

void SocketmapQuery::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

bool SocketmapQuery::is_quiet() const {
  char octet = 0;
  return descriptor_ >= 0 && ::recv(descriptor_, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

Result<postfix::SocketmapReply> SocketmapQuery::ask(const postfix::SocketmapRequest& request,
                                                    std::chrono::milliseconds timeout) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  const std::string question = postfix::format_socketmap_request(request);
  if (is_quiet()) {
    auto answer = exchange(question, deadline);
    // The server may have closed it this very moment; asking twice does no harm.
    if (answer || !is_closed(answer.error())) return answer;
  }
  close();
  if (const auto connected = connect(deadline); !connected) {
    close();
    return connected.error();
  }
  return exchange(question, deadline);
}

Result<> SocketmapQuery::connect(Deadline deadline) {
  const int family = endpoint_.protocol().family();
  descriptor_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return last_error();
  if (const auto limited = limit(SO_SNDTIMEO, deadline); !limited) return limited;
  if (::connect(descriptor_, endpoint_.data(), static_cast<socklen_t>(endpoint_.size())) != 0)
    return last_error();
  const int yes = 1;
  if (family != AF_UNIX) ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return {};
}

Result<postfix::SocketmapReply> SocketmapQuery::exchange(std::string_view question, Deadline deadline) {
  const auto sent = send(question, deadline);
  auto answer = sent ? receive(deadline) : Result<postfix::SocketmapReply>(sent.error());
  if (!answer) close();
  return answer;
}

Result<> SocketmapQuery::send(std::string_view text, Deadline deadline) {
  while (!text.empty()) {
    if (const auto limited = limit(SO_SNDTIMEO, deadline); !limited) return limited;
    const auto count = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return last_error();
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<postfix::SocketmapReply> SocketmapQuery::receive(Deadline deadline) {
  postfix::NetstringReader reader;
  std::array<char, 4096> buffer;
  for (;;) {
    if (const auto limited = limit(SO_RCVTIMEO, deadline); !limited) return limited.error();
    const auto count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    if (count == 0) return make_error_code(boost::system::errc::connection_reset);
    const std::string_view input(buffer.data(), static_cast<std::size_t>(count));
    std::size_t consumed = 0;
    const auto text = reader.feed(input, consumed);
    if (!text) return text.error();
    if (!*text) continue;
    auto answer = postfix::parse_socketmap_reply(**text);
    // Anything behind the answer belongs to no question: such a connection is not asked again.
    if (consumed < input.size()) close();
    return answer;
  }
}

// The kernel's own time limit of a blocking call: what is left until the deadline.
Result<> SocketmapQuery::limit(int option, Deadline deadline) {
  using std::chrono::microseconds;
  const auto left = std::chrono::duration_cast<microseconds>(deadline - std::chrono::steady_clock::now());
  if (left <= microseconds(0)) return timed_out();  // 0 would mean: without limit
  timeval time{};
  time.tv_sec = left.count() / 1000000;
  time.tv_usec = left.count() % 1000000;
  if (::setsockopt(descriptor_, SOL_SOCKET, option, &time, sizeof time) != 0) return last_error();
  return {};
}

}  // namespace smtpseal::daemon

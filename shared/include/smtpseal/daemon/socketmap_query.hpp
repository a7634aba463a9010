// Asks one question over the socketmap protocol, blocking, for programs that have a thread for each session.
// Keeps its connection; not for use by two threads at once.
#pragma once

#include <chrono>
#include <string_view>

#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/postfix/socketmap.hpp"
#include "smtpseal/result.hpp"

namespace smtpseal::daemon {

class SocketmapQuery {
 public:
  explicit SocketmapQuery(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}
  ~SocketmapQuery() { close(); }
  SocketmapQuery(const SocketmapQuery&) = delete;
  SocketmapQuery& operator=(const SocketmapQuery&) = delete;

  // The answer, within `timeout` for everything: connecting, asking, reading. A connection that the server
  // has closed since the last question is made anew once. After an error the connection is closed. Errors:
  // those of the socket (connection_reset: closed before the answer was whole), errc::timed_out of
  // boost::system, postfix::errc.
  [[nodiscard]] Result<postfix::SocketmapReply> ask(const postfix::SocketmapRequest& request,
                                                    std::chrono::milliseconds timeout);
  void close();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  // An open connection on which nothing waits to be read: neither its end nor an answer nobody asked for.
  [[nodiscard]] bool is_quiet() const;
  Result<> connect(Deadline deadline);
  Result<postfix::SocketmapReply> exchange(std::string_view question, Deadline deadline);
  Result<> send(std::string_view text, Deadline deadline);
  Result<postfix::SocketmapReply> receive(Deadline deadline);
  Result<> limit(int option, Deadline deadline);

  Endpoint endpoint_;
  int descriptor_ = -1;
};

}  // namespace smtpseal::daemon

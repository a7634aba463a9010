// Asks questions over the socketmap protocol from coroutines. Keeps a few connections; any number of
// questions may be open at once.
#pragma once

#include <string>
#include <vector>

#include "smtpseal/daemon/async.hpp"
#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/daemon/stream.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::daemon {

class SocketmapClient {
 public:
  // Throws StartupError where `endpoint` is none.
  SocketmapClient(const std::string& endpoint, Seconds timeout);

  // The answer, within the time-out for everything. A kept connection that the server has closed meanwhile is
  // replaced. Errors: those of the socket, asio::error::timed_out, postfix::errc. The object must outlive it.
  Task<Result<postfix::SocketmapReply>> ask(postfix::SocketmapRequest request);

 private:
  Task<Result<postfix::SocketmapReply>> exchange(Stream stream, const std::string& question,
                                                 Clock::time_point deadline);

  Endpoint endpoint_;
  Seconds timeout_;
  std::vector<Stream> idle_;
};

}  // namespace smtpseal::daemon

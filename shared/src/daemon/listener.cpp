#include "smtpseal/daemon/listener.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {

Listener::Listener(asio::io_context& io, const std::string& endpoint_text, const SocketOwner& owner)
    : socket_(endpoint_text, owner), acceptor_(io) {
  // A copy of its own, since Asio closes what it is given.
  const int copy = ::fcntl(socket_.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw StartupError("endpoint \"" + endpoint_text + "\": " + std::strerror(errno));
  acceptor_.assign(socket_.endpoint().protocol(), copy);
}

Task<> Listener::accept_all(std::function<void(Socket, const Endpoint&)> on_connection) {
  while (acceptor_.is_open()) {
    Endpoint peer;
    auto [error, socket] = co_await acceptor_.async_accept(peer, kAwait);
    if (!error) {
      on_connection(std::move(socket), peer);
    } else if (acceptor_.is_open()) {
      log::error("accept-failed").field("listen", socket_.name()).field("reason", error.message());
      co_await sleep_for(Seconds(1));
    }
  }
}

void Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  socket_.close();
}

}  // namespace smtpseal::daemon

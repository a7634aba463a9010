// Accepts the connections of a listening socket.
#pragma once

#include <functional>
#include <string>

#include "smtpseal/daemon/listening_socket.hpp"

namespace smtpseal::daemon {

class Listener {
 public:
  // Throws StartupError, as ListeningSocket does.
  Listener(asio::io_context& io, const std::string& endpoint_text, const SocketOwner& owner);
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Hands every connection to `on_connection` until close(). An error of accept(2), such as too many open
  // files, is logged, and tried again after a second.
  Task<> accept_all(std::function<void(Socket, const Endpoint&)> on_connection);
  void close();

 private:
  ListeningSocket socket_;
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor_;
};

}  // namespace smtpseal::daemon

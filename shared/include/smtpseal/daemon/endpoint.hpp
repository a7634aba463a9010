// Addresses the daemons listen at and connect to: "unix:/path", "inet:192.0.2.1:25", "inet:[2001:db8::1]:25".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/config/params.hpp"
#include "smtpseal/daemon/async.hpp"

namespace smtpseal::daemon {

using Endpoint = asio::generic::stream_protocol::endpoint;

// Throws StartupError where the text is no endpoint. Only start-up uses it.
Endpoint parse_endpoint(const std::string& text);
// Whether only programs of this host can reach it: a unix socket, or a loopback address.
[[nodiscard]] bool is_local(const Endpoint& endpoint);
// "192.0.2.7:25", "[2001:db8::1]:25" or a path.
std::string to_text(const Endpoint& endpoint);

// The endpoints of a list parameter. Throws StartupError, naming the parameter, where one is none.
const std::vector<std::string>& endpoints(const config::Values& values, const std::string& parameter);
// The same where the protocol has no protection, so that only programs of this host may speak it.
const std::vector<std::string>& local_endpoints(const config::Values& values, const std::string& parameter);

struct SocketOwner {
  std::string user;   // empty: left as it is
  std::string group;  // empty: that of the user
  unsigned mode = 0660;
};
// Of the parameters SECTION.socket_group and SECTION.socket_mode, and the user all daemons run as, so that
// they can ask each other (process.user). Throws StartupError where the mode is not
// octal.
SocketOwner socket_owner(const config::Values& values, const std::string& section);

// For a unix socket `path` that is about to be bound: removes the file left by a process that is gone; one
// that answers is somebody's, and stays. Throws StartupError, naming `name`.
void remove_dead_socket(const std::string& name, const std::string& path);
// Gives a bound unix socket its owner and mode. Throws StartupError, naming `name`.
void give_to_owner(const std::string& name, const std::string& path, const SocketOwner& owner);

// A bound, listening socket. A unix socket is made with the owner's group and mode, replaces a dead one of
// the same path, and is unlinked at the end.
class Listener {
 public:
  // Throws StartupError, naming the endpoint and what failed.
  Listener(asio::io_context& io, const std::string& endpoint_text, const SocketOwner& owner);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Hands every connection to `on_connection` until close(). An error of accept(2), such as too many open
  // files, is logged, and tried again after a second.
  Task<> accept_all(std::function<void(Socket, const Endpoint&)> on_connection);
  void close();

 private:
  std::string name_;
  std::string path_;  // of a unix socket
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor_;
};

}  // namespace smtpseal::daemon

// The control socket of a daemon, where `smtpseal` asks and commands as a socketmap client: a map is a
// command, its key the argument. Only root and the user of the process get in,
// whatever mode the socket has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "smtpseal/daemon/async.hpp"
#include "smtpseal/daemon/listener.hpp"
#include "smtpseal/daemon/socketmap_server.hpp"

namespace smtpseal::daemon {

// Unlike a SocketmapAnswer it may take its time.
using ControlHandler = std::function<Task<postfix::SocketmapReply>(postfix::SocketmapRequest)>;

// The unix sockets of SECTION.control_listen. Throws StartupError where one is no unix socket: only these
// have a mode that keeps others out.
const std::vector<std::string>& control_endpoints(const config::Values& values, const std::string& section);

class ControlServer {
 public:
  // `io` must outlive the object, and it must outlive the handlers' coroutines.
  explicit ControlServer(asio::io_context& io) : io_(io) {}

  // What answers a map. REQUIRES: called before start(), once for each map.
  void handle(std::string map, ControlHandler handler);
  void answer(std::string map, SocketmapAnswer answer);

  // Throws StartupError.
  void bind(const std::vector<std::string>& endpoints, const std::string& user);
  void start();
  void stop();

 private:
  Task<> serve(Stream stream);
  Task<postfix::SocketmapReply> reply_to(postfix::SocketmapRequest request);

  asio::io_context& io_;
  std::map<std::string, ControlHandler, std::less<>> handlers_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace smtpseal::daemon

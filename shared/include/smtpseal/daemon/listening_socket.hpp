// A bound, listening socket of a daemon: passed by the service manager, or made here.
#pragma once

#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/daemon/endpoint.hpp"

namespace smtpseal::daemon {

struct SocketOwner {
  std::string user;   // empty: left as it is
  std::string group;  // empty: that of the user
  unsigned mode = 0660;
};
// Of the parameters SECTION.socket_group and SECTION.socket_mode, and the user all daemons run as, so that
// they can ask each other (process.user). Throws StartupError where the mode is not
// octal.
SocketOwner socket_owner(const config::Values& values, const std::string& section);

class ListeningSocket {
 public:
  // Takes over what the service manager passes for this endpoint. Else binds: a unix socket is made with the
  // owner's group and mode and replaces a dead one of the same path. Throws StartupError, naming the endpoint
  // and what failed.
  ListeningSocket(const std::string& endpoint_text, const SocketOwner& owner);
  ~ListeningSocket() { close(); }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  // Stops listening and removes a unix socket from the file system; where the service manager has it too, it
  // stays, and connections wait for the next process.
  void close();

 private:
  void adopt(const SocketOwner& owner);
  void bind(const SocketOwner& owner);
  void listen(const SocketOwner& owner);

  std::string name_;
  Endpoint endpoint_;
  std::string path_;  // of a unix socket
  int descriptor_ = -1;
  bool is_kept_ = false;  // the service manager has it too
};

}  // namespace smtpseal::daemon

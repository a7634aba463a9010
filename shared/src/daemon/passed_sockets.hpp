// Listening sockets that the service manager has handed to this process (sd_listen_fds(3)): those of a
// .socket unit, and those that the process before has left in the manager's store, so that a restart refuses
// nobody. Private to the sources of this library.
#pragma once

#include <string>
#include <vector>

#include "smtpseal/daemon/endpoint.hpp"

namespace smtpseal::daemon {

class PassedSockets {
 public:
  // Those of this process, taken from its environment at the first call. Throws StartupError where something
  // else than listening sockets was passed.
  static PassedSockets& of_process();

  // The descriptor of a socket that listens at `endpoint`, which is the caller's from then on; -1: none.
  int take_from_unit(const Endpoint& endpoint);
  int take_from_store(const Endpoint& endpoint);
  // Closes the stored one for this endpoint, which is of no use any more. False where there is none.
  bool discard_stored(const Endpoint& endpoint);
  // Leaves a copy of a socket with the service manager. False where there is none.
  bool keep(int descriptor);

  // Ends the start: what is left in the store is dropped. Throws StartupError where a unit passes a socket
  // that nobody took. REQUIRES: the descriptors given to keep() are still open.
  void finish(const std::string& program);

 private:
  struct Socket {
    int descriptor;
    bool is_stored;
    std::string address;
  };
  PassedSockets();
  void add(int descriptor, const std::string& name);
  int take(const Endpoint& endpoint, bool is_stored);
  void drop_from_store();

  std::vector<Socket> sockets_;
  std::vector<int> kept_;
  bool is_store_outdated_ = false;
};

}  // namespace smtpseal::daemon

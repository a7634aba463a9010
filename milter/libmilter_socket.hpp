// A listening socket for libmilter, which binds sockets itself and takes none from others: it gets to open
// one at a private place, and the real one is put in its stead. So the milter's socket has owner, mode and
// the service manager's care as those of the other daemons have.
#pragma once

#include "smtpseal/daemon/listening_socket.hpp"

namespace smtpseal::milter {

class LibmilterSocket {
 public:
  // REQUIRES: after smfi_register(), once in a process, while it has one thread. Throws
  // daemon::StartupError.
  explicit LibmilterSocket(const daemon::ListeningSocket& socket);
  LibmilterSocket(const LibmilterSocket&) = delete;
  LibmilterSocket& operator=(const LibmilterSocket&) = delete;
  ~LibmilterSocket();

  // libmilter accepts no connection any more. Those it has go on.
  void stop_accepting();

 private:
  int place_ = -1;  // the descriptor that libmilter accepts from; libmilter's own
  int deaf_ = -1;   // listens where nobody can connect
};

}  // namespace smtpseal::milter

#include "libmilter_thread.hpp"

#include <libmilter/mfapi.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <utility>

// Stands before the C library's for libmilter, nobody else in this program waits so. libmilter starts a
// thread that waits for SIGHUP, SIGTERM and SIGINT, ends the service at any of them, and cannot be told to
// leave that out; the daemon means SIGHUP to read the tables anew and SIGTERM to drain. To unblock the
// signals in the daemon's thread is not enough: the kernel prefers that thread, but not while it runs the
// handler of the signal before, and a second SIGHUP within these microseconds ended the service.
extern "C" int sigwait(const sigset_t* /*set*/, int* /*signal*/) {
  for (;;) ::pause();
}

namespace smtpseal::milter {

void start_libmilter(std::function<void(int result)> on_end) {
  // Threads inherit the mask they are created with: none of libmilter's runs a handler of the daemon's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([on_end = std::move(on_end)] { on_end(smfi_main()); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace smtpseal::milter

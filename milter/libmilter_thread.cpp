#include "libmilter_thread.hpp"

#include <libmilter/mfapi.h>
#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace smtpseal::milter {

void start_libmilter(std::function<void(int result)> on_end) {
  // Threads inherit the mask they are created with: libmilter's take no signal from the daemon's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([on_end = std::move(on_end)] { on_end(smfi_main()); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace smtpseal::milter

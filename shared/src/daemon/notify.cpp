#include "notify.hpp"

#include <systemd/sd-daemon.h>

namespace smtpseal::daemon {
namespace {

using std::chrono::microseconds;

constexpr Seconds kMargin{10};  // for what comes after the drain

void notify(const std::string& state) {
  ::sd_notify(0, state.c_str());
}

}  // namespace

void notify_ready(const std::string& status) {
  notify("READY=1\nSTATUS=" + status);
}

void notify_reloading() {
  const auto now = std::chrono::duration_cast<microseconds>(Clock::now().time_since_epoch());
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void notify_stopping(Seconds drain_time) {
  const microseconds longest = drain_time + kMargin;
  notify("STOPPING=1\nSTATUS=waiting for sessions to end\nEXTEND_TIMEOUT_USEC=" +
         std::to_string(longest.count()));
}

Task<> feed_watchdog() {
  std::uint64_t limit = 0;
  if (::sd_watchdog_enabled(1, &limit) <= 0) co_return;
  const auto pause = std::chrono::ceil<std::chrono::milliseconds>(microseconds(limit) / 2);
  for (;;) {
    notify("WATCHDOG=1");
    co_await sleep_for(pause);
  }
}

}  // namespace smtpseal::daemon

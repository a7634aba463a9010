// What the service manager is told (sd_notify(3)); nothing where there is none. Private to the sources of
// this library.
#pragma once

#include <string>

#include "smtpseal/daemon/async.hpp"

namespace smtpseal::daemon {

// Serving. `status` is what `systemctl status` shows.
void notify_ready(const std::string& status);
void notify_reloading();
// Ending, which may take as long as `drain_time`.
void notify_stopping(Seconds drain_time);
// Says for as long as it runs that the daemon's thread works, as often as the service manager wants to hear
// it.
Task<> feed_watchdog();

}  // namespace smtpseal::daemon

// libmilter's main loop in a thread of its own, so that the daemon's thread keeps signals and reloads.
#pragma once

#include <functional>

namespace smtpseal::milter {

// Starts smfi_main() and returns. libmilter serves for as long as the process lives; where it gives up,
// `on_end` is called, in its thread, with what smfi_main() returned. REQUIRES: called once, after
// smfi_opensocket().
void start_libmilter(std::function<void(int result)> on_end);

}  // namespace smtpseal::milter

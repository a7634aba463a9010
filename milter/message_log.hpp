// The milter's log lines: one for each message that passes, one for each that does not.
#pragma once

#include <string_view>

#include "session.hpp"

namespace smtpseal::milter {

// Whose message a line is about. Empty texts: not known (yet).
struct Envelope {
  const Peer& peer;
  std::string_view sender;
  std::string_view queue_id;
};

// sender-refused, sender-deferred, sender-would-be-refused; nothing for a verdict that passes.
void log_verdict(const Envelope& envelope, const session::SessionSecurity& security,
                 const policy::InboundVerdict& verdict);
// `message`: who sent it, and what protected it.
void log_message(const Envelope& envelope, const Ending& ending);

}  // namespace smtpseal::milter

// The "relayed" delivery status notification (RFC 3461 5.2.2, RFC 3464) that is due when NOTIFY=SUCCESS was
// asked for and the next hop does no DSN. The relay has no queue: the notice is handed to the local MTA by
// SMTP.
#pragma once

#include <ctime>
#include <string>

#include "outbound/context.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::relay {

struct RelayedNotice {
  smtp::Envelope mail;
  smtp::Envelope recipient;
  std::string peer;  // host[address]
  std::string log_id;
};

// The notice as message content with CRLF line ends, dot-stuffed where needed. Pure.
std::string format_relayed_notice(const RelayedNotice& notice, const std::string& hostname, std::time_t now);

// Hands the notice to relay.notify_submission in the background; a failure is logged. Does nothing for the
// null sender.
void submit_relayed_notice(OutboundContext& context, RelayedNotice notice);

}  // namespace smtpseal::relay

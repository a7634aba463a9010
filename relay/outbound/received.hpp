// The Received: line (RFC 5321 4.4) that states how the hop was protected. Pure.
#pragma once

#include <ctime>
#include <string>

#include "smtpseal/session/session_security.hpp"

namespace smtpseal::relay {

struct ReceivedFacts {
  std::string from;      // the LHLO name of the MTA that handed the message over
  std::string by;        // this host
  std::string id;        // the log id
  std::string next_hop;  // host[address]
  session::SessionSecurity security;
  std::time_t now = 0;
  std::string verified = "no";  // how a certificate was checked: "chain", "fingerprint", "no"
};

// The whole header, folded, with CRLF. Says "sealed" only where octets went through the seal both ways, and
// "TLS" only where the session was in it.
std::string received_line(const ReceivedFacts& facts);

// "Sat, 21 Nov 2026 18:00:00 +0000" (RFC 5322 3.3), in UTC.
std::string rfc5322_date(std::time_t now);

}  // namespace smtpseal::relay

// The path of MAIL FROM and RCPT TO (RFC 5321 4.1.2, with the 8-bit text of RFC 6531). Private to the SMTP
// sources.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace smtpseal::smtp {

struct Path {
  std::string_view text;    // between the angle brackets; borrows from the argument
  bool has_domain = false;  // false for the null path and for a local part alone
  std::size_t size = 0;     // octets taken, angle brackets included
};

// Takes "<...>" off the front of `argument`: null path, source route, mailbox, local part alone. A quoted
// local part may contain blanks and ">". Two sides that disagree about where a path ends can be made to see
// different recipients, so what RFC 5321 does not allow unquoted (backslash, comma, a second "@", brackets)
// is refused, not guessed at; only misplaced dots are let through, since real mailboxes have them. nullopt:
// not a path.
std::optional<Path> scan_path(std::string_view argument);

}  // namespace smtpseal::smtp

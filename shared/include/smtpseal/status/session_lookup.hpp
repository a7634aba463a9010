// Asking the relay what protects a session: the key of its socketmap `session`, and what an answer means.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/postfix/socketmap.hpp"
#include "smtpseal/result.hpp"
#include "smtpseal/session/session_security.hpp"

namespace smtpseal::status {

// One end of a connection as an MTA names it: {client_addr} and {client_port}, server_address and
// server_port. IPv6 with or without "IPv6:".
struct End {
  std::string_view address;
  std::string_view port;
};

// "192.0.2.7:40112 192.0.2.2:25", "[2001:db8::7]:40112 [2001:db8::2]:25". nullopt where an address is none or
// a port is missing: then the relay cannot be asked.
[[nodiscard]] std::optional<std::string> session_key(const End& client, const End& server);

// What the answer says of the session; nullopt for NOTFOUND: it did not come through the relay. `unknown`,
// with the reason, for every other answer and for an error.
[[nodiscard]] std::optional<session::SessionSecurity> session_from(
    const Result<postfix::SocketmapReply>& answer);

// Protection::unknown for this reason.
[[nodiscard]] session::SessionSecurity unknown_because(std::string reason);

}  // namespace smtpseal::status

// What a session had, in words for people who have not read the RFCs. Pure.
#pragma once

#include <string>

#include "smtpseal/session/session_security.hpp"

namespace smtpseal::cli {

// One sentence, without a full stop.
std::string session_meaning(const session::SessionSecurity& security);
// What is weak about it; empty: nothing.
std::string session_weakness(const session::SessionSecurity& security);
// "mail.partner.example[192.0.2.7]", or what is known of it.
std::string session_peer(const session::SessionSecurity& security);

}  // namespace smtpseal::cli

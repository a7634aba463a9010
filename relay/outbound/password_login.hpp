// AUTH PLAIN (RFC 4616) and AUTH LOGIN as the client. Both show the password, so there must be TLS around
// them.
#pragma once

#include "outbound/login.hpp"

namespace smtpseal::relay {

// REQUIRES: `mechanism` is plain or login, and the credential holds its password. Without TLS on the link it
// fails and says nothing.
daemon::Task<LoginResult> log_in_by_password(OutboundContext& context, SmtpLink& link,
                                             policy::Mechanism mechanism, const LoginPlan& plan);

}  // namespace smtpseal::relay

// Logging on to a next hop with AUTH NTLM ([MS-SMTPNTLM], RFC 4954), or XAUTH NTLM for Exchange 5.0 (inferred
// grammar), and installing the security layer where the rule asks for it.
#pragma once

#include <optional>
#include <string>

#include "outbound/context.hpp"
#include "outbound/failure.hpp"
#include "smtp_link.hpp"
#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/session/session_security.hpp"
#include "smtpseal/smtp/ehlo.hpp"

namespace smtpseal::relay {

struct LoginPlan {
  const policy::DomainRule& rule;
  const policy::Credential& credential;
  std::string peer;         // host[address], for messages
  std::string target_name;  // "SMTPSVC/host"
};

// Whether `ehlo` lets the login begin: nothing, or why not. Exchange 5.5 takes AUTH NTLM without offering it
// (observed, Q262945); Exchange 5.0 must offer XAUTH (stated, Q195201). Pure.
std::optional<std::string> cannot_log_in(const policy::DomainRule& rule, const smtp::Ehlo& ehlo);
// What an error of the NTLMSSP library means to the administrator. Pure.
Failure explain_ntlm(const ErrorCode& error, const LoginPlan& plan);

struct LoginResult {
  std::optional<Failure> failure;
  bool refused = false;  // the next hop refused the credential: no other host may be tried
  session::SessionSecurity security;
};

// On success `link` speaks through the layer where rule.level is seal. On failure the link must be closed.
daemon::Task<LoginResult> log_in(OutboundContext& context, SmtpLink& link, const LoginPlan& plan);

}  // namespace smtpseal::relay

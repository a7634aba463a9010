// Logging on to a next hop (RFC 4954) with the mechanisms of its rule, and what its replies mean.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbound/context.hpp"
#include "outbound/credential_gate.hpp"
#include "outbound/failure.hpp"
#include "outbound/hop_observer.hpp"
#include "smtp_link.hpp"
#include "smtpseal/session/session_security.hpp"
#include "smtpseal/smtp/ehlo.hpp"

namespace smtpseal::relay {

struct LoginPlan {
  const policy::DomainRule& rule;
  const policy::Credential& credential;
  std::string peer;                               // host[address], for messages
  std::string target_name;                        // "SMTPSVC/host"
  bool target_is_unverified = false;              // the host came from DNS
  std::optional<crypto::Digest16> bindings = {};  // to the TLS session around the login
  HopObserver* observer = &HopObserver::nobody();
};

// What came of a credential that was shown; unfinished: no verdict.
enum class LoginOutcome { succeeded, refused, unfinished };

struct LoginResult {
  std::optional<Failure> failure;
  std::optional<LoginOutcome> outcome;  // where the credential was shown
  bool is_final = false;   // the credential was shown, or may not be now: no other host may be tried
  bool may_go_on = false;  // it has no such mechanism, and saw no credential: another may be tried
  session::SessionSecurity security;
};
LoginResult failed_login(Failure failure);

// The mechanisms of the rule that `ehlo` offers, in the rule's order. Exchange 5.5 takes AUTH NTLM without
// offering it (observed, Q262945); Exchange 5.0 must offer XAUTH (stated, Q195201). Pure.
std::vector<policy::Mechanism> usable_mechanisms(const policy::DomainRule& rule, const smtp::Ehlo& ehlo);
// Why the login cannot begin where there is none. Pure.
std::string nothing_offered(const policy::DomainRule& rule);
// "AUTH", or "XAUTH" of Exchange 5.0.
std::string_view auth_verb(const policy::DomainRule& rule);

// The connection failed during the login.
Failure lost_connection(const LoginPlan& plan, const ErrorCode& error);
// The reply to a line that showed no credential, where 334 was wanted. Pure.
LoginResult not_accepted(const LoginPlan& plan, policy::Mechanism mechanism, const smtp::Reply& reply);
// The reply to the line that showed the credential; no failure for 235. RFC 4954 has 535 for a wrong
// credential, but any 5xx may mean it, and a second try may lock the account. Pure.
LoginResult judge_answer(const LoginPlan& plan, const smtp::Reply& reply);

// Right before the credential is shown: the ticket to do so, or why not now.
daemon::Task<CredentialGate::Admission> may_show_credential(OutboundContext& context, const LoginPlan& plan);
// The login that is not tried, for what the gate said.
LoginResult denied(const CredentialGate::Denial& denial);
// What came of it, for the gate and for the mail; no failure for 235.
LoginResult settle_login(const LoginPlan& plan, CredentialGate::Ticket& ticket,
                         const Result<smtp::Reply>& answer);

// On success `link` speaks through a seal where rule.level is seal. On failure the link must be closed. No
// mechanism is tried after one that showed the credential.
daemon::Task<LoginResult> log_in(OutboundContext& context, SmtpLink& link, const smtp::Ehlo& offers,
                                 const LoginPlan& plan);

}  // namespace smtpseal::relay

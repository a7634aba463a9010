// What may arrive how: the one judgement of incoming mail that the relay, the milter and the policy daemon
// share. Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/policy/network_rules.hpp"
#include "smtpseal/policy/policy_set.hpp"
#include "smtpseal/session/session_security.hpp"
#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::policy {

struct InboundVerdict {
  // report: pass, log and stamp what would have been done (mode=report).
  enum class Kind { pass, report, refuse, defer };
  Kind kind = Kind::pass;
  smtp::Reply
      reply;  // for refuse, defer and report: what the client is (would be) told: domain, rule and reason
  std::string domain;  // of the rule, as found in the address
  std::string rule;    // file:line, or the entry of inbound.network_rules, for the log
  std::string reason;  // for the log and the status header; names no account
  [[nodiscard]] bool is_pass() const { return kind == Kind::pass; }
};

// The session's account among ours: by name for NTLM logins only, since other mechanisms have other
// identities. nullptr: none of ours.
[[nodiscard]] const Account* account_of(const PolicySet& set, const session::SessionSecurity& security);

// MAIL FROM:<sender>. In this order:
//  - the null sender passes: delivery status notifications must get through;
//  - an address of which no whole domain can be made, or that the MTA would complete with one: 553 5.1.7,
//  once
//    any rule has inbound=require or the account has domains=;
//  - a domain with inbound=require, be it the address's own or one hidden in the local part (Postfix turns
//    boss%two-way.example into boss@two-way.example): the session must be sealed at the rule's strength by
//    inbound_account=, or by an account bound to the domain; 550 5.7.1, or 451 4.7.1 where the session is
//    `unknown`. mode=report reports instead;
//  - an account with domains= may send as those only: 550 5.7.1, or what the domain's mode=report says.
// A sealed session counts once octets were received through the seal: MAIL itself was.
[[nodiscard]] InboundVerdict judge_sender(const PolicySet& set, const session::SessionSecurity& security,
                                          std::string_view sender);

// A client of a network that inbound.network_rules lists: 530 5.7.0 (auth) or 530 5.7.10 (seal), 451 4.7.1
// where the session is `unknown`.
[[nodiscard]] InboundVerdict judge_network(const NetworkRules& rules,
                                           const session::SessionSecurity& security,
                                           const AddressOctets& client);

}  // namespace smtpseal::policy

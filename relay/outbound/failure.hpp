// Why mail for a domain could not be handed to its next hop, where the next hop itself did not say so. Worded
// so that the administrator finds domain, rule (file:line) and reason in the Postfix log.
#pragma once

#include <string>

#include "smtpseal/policy/policy_set.hpp"
#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::relay {

struct Failure {
  enum class Kind {
    temporary,   // network, DNS, load: always 4xx
    protection,  // the rule cannot be kept: 4xx, or 5xx where the rule says on_failure=bounce
    permanent,   // cannot ever work as addressed: 5xx
  };
  // What stood in the way, for counters; the text says it to people.
  enum class Reason {
    dns,               // no usable mail host, or they could not be looked up
    connect,           // none of their addresses could be connected to
    greeting,          // greeting or EHLO was not answered as it must be
    tls,               // STARTTLS is not offered or fails, or the certificate is not good enough
    auth_not_offered,  // no mechanism of the rule is offered, or the login cannot begin
    login_refused,     // the next hop refused the credential
    login_unanswered,  // the credential was shown, and there was no verdict
    too_weak,          // the next hop grants less than the rule demands
    held,              // the account may not be tried now
    no_credential,     // there is none for the account, or it lacks what the rule needs
    lost,              // the connection ended
    seal_broken,       // what came does not verify, or came past the seal
    out_of_step,       // what the next hop says makes no sense here
  };
  Kind kind;
  Reason reason;
  std::string status;  // class-less enhanced status code, such as "7.4"
  std::string text;
};

smtp::Reply to_reply(const Failure& failure, const policy::Decision& decision);

}  // namespace smtpseal::relay

// Fits the ESMTP parameters that Postfix gave to what the next hop offers, as RFC 1870, 3461, 6152 and 6531
// require. Pure.
#pragma once

#include <optional>

#include "smtpseal/smtp/command.hpp"
#include "smtpseal/smtp/ehlo.hpp"
#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::relay {

struct Fitted {
  smtp::Envelope envelope;             // what to send
  std::optional<smtp::Reply> refusal;  // why it cannot be sent there; then envelope is of no use
  bool relayed_notice =
      false;  // NOTIFY=SUCCESS was asked for and the next hop does no DSN: a "relayed" notice is due
};

// `peer` is host[address], `rule` file:line, both for the refusal's text.
Fitted fit_mail(const smtp::Envelope& mail, const smtp::Ehlo& offers, const std::string& peer,
                const std::string& rule);
Fitted fit_rcpt(const smtp::Envelope& rcpt, const smtp::Ehlo& offers);

}  // namespace smtpseal::relay

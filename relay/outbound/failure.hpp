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
  Kind kind = Kind::temporary;
  std::string status;  // class-less enhanced status code, such as "7.4"
  std::string text;
};

smtp::Reply to_reply(const Failure& failure, const policy::Decision& decision);

}  // namespace smtpseal::relay

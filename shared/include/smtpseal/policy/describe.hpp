// A decision in words, for `postmap -q ADDRESS socketmap:...:query`, `smtpseal query` and the log. Pure.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::policy {

// "left to the mail server's own route", "through the relay", "refused by the relay (550 5.1.3)".
std::string_view outbound_route(Decision::Kind kind);

// What mail from the address's domain must meet, without a full stop; empty where nothing is asked of it.
// "must arrive sealed with at least 128 bit, by account PARTNER".
std::string inbound_requirement(const DomainRule& rule);

// One line: where mail to the address goes, why, by which rule (file:line), what is weak about it, and what
// mail from its domain must meet.
std::string describe(const PolicySet& set, std::string_view address);

}  // namespace smtpseal::policy

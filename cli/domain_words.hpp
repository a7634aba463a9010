// One rule of the domains file in words.
#pragma once

#include "context.hpp"
#include "output.hpp"

namespace smtpseal::cli {

// Level, strength, route, login, whether its credential is there, the inbound side, and what is weak.
Facts domain_words(Context& context, const policy::DomainRule& rule);

}  // namespace smtpseal::cli

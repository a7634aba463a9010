// The listed domains as Postfix sees them: one answer for a socketmap lookup, and the whole list as a
// transport(5) table.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/policy/policy_set.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::policy {

// The two transport values that lead to the relay, such as "smtpseal:unix:smtpseal/relay". `seven_bit` is the
// LMTP listener that announces no 8BITMIME, so that Postfix converts (body=7bit and the exchange-5.x
// profiles).
struct TransportTargets {
  std::string relay;
  std::string relay_seven_bit;
};

// Whether the MTA must convert 8-bit content before the relay gets it (body=7bit, exchange-5.x profiles). No
// rule asks for nothing.
bool needs_seven_bit(const DomainRule* rule);

// The answer to any lookup while there are no tables to be trusted: TEMP.
postfix::SocketmapReply no_tables();

// The socketmap answer for a full address: OK target, or NOTFOUND. A null set answers TEMP, never NOTFOUND.
postfix::SocketmapReply transport_lookup(const PolicySet* set, const TransportTargets& targets,
                                         std::string_view key);

// The same answers as a transport(5) table (hash, lmdb, cdb, texthash), U-labels and A-labels both.
std::string export_transport_table(const PolicySet& set, const TransportTargets& targets);
// What a table by domain cannot say, as a regexp_table(5) to be listed first: percent hack, bang path and
// quoted @ forms, and domains spelt with characters that UTS 46 maps to others. It errs towards the relay,
// which must not send on what it finds not listed: an exempt subdomain of a listed domain in a local part,
// and any domain spelt with such characters, go there.
std::string export_transport_regexp(const PolicySet& set, const TransportTargets& targets);

}  // namespace smtpseal::policy

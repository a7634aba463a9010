// The attributes of a rule that are about TLS: from a word of the domains file to the rule. Private to the
// sources of this library. Each function returns what is wrong with the value; empty: nothing is.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/policy/domain_map.hpp"

namespace smtpseal::policy {

// tls=none|encrypt|verify; tls=only makes level none level tls.
std::string apply_tls(DomainRule& rule, std::string_view value);
std::string apply_tls_min(DomainRule& rule, std::string_view value);
std::string apply_tls_name(DomainRule& rule, std::string_view value);
std::string apply_ca_file(DomainRule& rule, std::string_view value);
std::string apply_fingerprint(DomainRule& rule, std::string_view value);
std::string apply_mechanisms(DomainRule& rule, std::string_view value);

// What does not fit together, where every value by itself is right; empty: all fits.
std::string tls_contradiction(const DomainRule& rule, bool has_tls_min);

// What is weaker than the default, in words.
std::string tls_weakness(const DomainRule& rule);

}  // namespace smtpseal::policy

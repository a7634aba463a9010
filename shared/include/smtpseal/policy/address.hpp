// From an address as an MTA hands it over to the domains it can mean. Every form that could hide a listed
// domain is understood: case, U-labels and A-labels, trailing dot, source route, percent hack, bang path,
// quoted local part. Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/result.hpp"

namespace smtpseal::policy {

enum class errc {
  bad_domain = 1,  // not a host name, not an address literal, or a U-label that IDNA 2008 / UTS 46 refuses
  bad_address,     // no address can be made of it (unbalanced quotes, control characters, over-long)
};
const boost::system::error_category& category();
inline ErrorCode make_error_code(errc e) {
  return {static_cast<int>(e), category()};
}

// Canonical form for comparison: lower case, A-labels (UTS 46 non-transitional), no trailing dot. An address
// literal
// ("[192.0.2.1]", "[IPv6:2001:db8::1]") is printed anew, lower case, since one address has many spellings.
// ASCII names that are no host names ("_" and the like) are kept, so that no spelling of a listed domain is
// missed. At most 253 octets. Error: errc::bad_domain.
[[nodiscard]] Result<std::string> canonical_domain(std::string_view domain);

struct AddressDomains {
  std::string domain;  // canonical domain behind the last unquoted "@"; empty where the address has none
  std::vector<std::string>
      hidden;  // canonical further domains that the local part names by "%", "!", "@" or a source route
};
// Quotes are taken off before the local part is searched, as some MTAs do. An address without "@" has an
// empty domain, and may have hidden ones. Errors: errc::bad_domain for what stands behind the last unquoted
// "@", errc::bad_address.
[[nodiscard]] Result<AddressDomains> address_domains(std::string_view address);

}  // namespace smtpseal::policy

template <>
struct boost::system::is_error_code_enum<smtpseal::policy::errc> : std::true_type {};

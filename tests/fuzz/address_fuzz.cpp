// Addresses as an MTA hands them over. A canonical domain is its own canonical form.
#include <algorithm>

#include "fuzz.hpp"
#include "smtpseal/policy/address.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

void check_canonical(const std::string& domain) {
  require(domain.size() <= 253);
  require(std::none_of(domain.begin(), domain.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f ||
           (c >= 'A' && c <= 'Z');
  }));
  const auto again = policy::canonical_domain(domain);
  require(again.has_value() && *again == domain);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto domain = policy::canonical_domain(text)) check_canonical(*domain);
  if (const auto domains = policy::address_domains(text)) {
    if (!domains->domain.empty()) check_canonical(domains->domain);
    std::for_each(domains->hidden.begin(), domains->hidden.end(), check_canonical);
  }
  return 0;
}

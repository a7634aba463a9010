#include "smtpseal/daemon/inbound_settings.hpp"

#include <algorithm>

#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::daemon {

policy::NetworkRules network_rules(const config::Values& values) {
  std::string problem;
  auto rules = policy::NetworkRules::parse(values.list("inbound.network_rules"), problem);
  if (!problem.empty()) throw StartupError("inbound.network_rules: " + problem);
  return rules;
}

ExemptNetworks::ExemptNetworks(const config::Values& values) {
  for (const auto& entry : values.list("inbound.exempt_networks")) {
    const auto network = policy::Network::parse(entry);
    if (!network)
      throw StartupError("inbound.exempt_networks: \"" + entry +
                         "\": expected an address or a CIDR, such as \"192.0.2.0/24\" or \"2001:db8::/32\"");
    networks_.push_back(*network);
  }
}

bool ExemptNetworks::contains(std::string_view address) const {
  const auto octets = policy::parse_ip(address);
  return octets && std::any_of(networks_.begin(), networks_.end(),
                               [&](const auto& network) { return network.contains(*octets); });
}

}  // namespace smtpseal::daemon

// The parameters inbound.*, which the relay, the milter and the policy daemon share.
#pragma once

#include <string_view>
#include <vector>

#include "smtpseal/config/params.hpp"
#include "smtpseal/policy/network_rules.hpp"

namespace smtpseal::daemon {

// inbound.network_rules. Throws StartupError that names the entry.
policy::NetworkRules network_rules(const config::Values& values);

// inbound.exempt_networks: the clients that are this host itself.
class ExemptNetworks {
 public:
  // Throws StartupError that names the entry.
  explicit ExemptNetworks(const config::Values& values);
  // False for what is no address.
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  std::vector<policy::Network> networks_;
};

}  // namespace smtpseal::daemon

// Which hosts take mail for a domain, in the order to try them: MX lookup as RFC 5321 5.1 says, or the rule's
// nexthop=.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbound/failure.hpp"
#include "outbound/resolver.hpp"
#include "settings.hpp"
#include "smtpseal/daemon/endpoint.hpp"

namespace smtpseal::relay {

struct Target {
  std::string host;
  boost::asio::ip::address address;
  std::uint16_t port = 25;
  bool is_from_mx = false;  // DNS named the host, which may have been forged
  [[nodiscard]] std::string text() const {
    return host + "[" + address.to_string() + "]:" + std::to_string(port);
  }
};

struct Route {
  std::vector<Target> targets;  // empty only with a failure
  // With targets: a temporary one, since a host that could not be looked up may be the one to wait for.
  std::optional<Failure> failure;
};

// Sorts by preference, equal ones in random order, and leaves out this host and whatever is not preferred
// over it. Pure but for `shuffle_seed`. An empty result of a non-empty list means that mail would loop.
std::vector<std::string> order_mx(std::vector<MxHost> hosts, const std::string& own_name,
                                  std::uint32_t shuffle_seed);

// Looks the domain of `decision` up and resolves host names until settings.mx_address_limit addresses are
// found.
daemon::Task<Route> find_route(Resolver& resolver, const Settings& settings,
                               const policy::Decision& decision);

}  // namespace smtpseal::relay

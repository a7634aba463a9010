#include "inbound/network_rules.hpp"

#include <algorithm>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <optional>

#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::relay {
namespace {

namespace ip = boost::asio::ip;

template <class Octets>
std::vector<unsigned char> to_vector(const Octets& octets) {
  return {octets.begin(), octets.end()};
}

std::vector<unsigned char> octets_of(ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address.is_v4() ? to_vector(address.to_v4().to_bytes()) : to_vector(address.to_v6().to_bytes());
}

bool matches(const std::vector<unsigned char>& prefix, unsigned length,
             const std::vector<unsigned char>& octets) {
  if (prefix.size() != octets.size()) return false;
  const std::size_t whole = length / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(whole), octets.begin()))
    return false;
  const unsigned rest = length % 8;
  return rest == 0 || (prefix[whole] ^ octets[whole]) >> (8 - rest) == 0;
}

std::optional<Demand> demand_from(std::string_view word) {
  if (word == "any") return Demand::any;
  if (word == "auth") return Demand::auth;
  return word == "seal" ? std::optional(Demand::seal) : std::nullopt;
}

[[noreturn]] void refuse(const std::string& entry) {
  throw daemon::StartupError(
      "relay.network_rules: \"" + entry +
      "\": expected \"CIDR any\", \"CIDR auth\" or \"CIDR seal\", such as \"192.0.2.0/24 seal\"");
}

}  // namespace

std::string_view name(Demand demand) {
  if (demand == Demand::any) return "any";
  return demand == Demand::auth ? "auth" : "seal";
}

NetworkRules::NetworkRules(const std::vector<std::string>& entries) {
  for (const auto& entry : entries) {
    const auto blank = entry.find(' ');
    const auto demand =
        blank == std::string::npos ? std::nullopt : demand_from(std::string_view(entry).substr(blank + 1));
    if (!demand) refuse(entry);
    const std::string cidr = entry.substr(0, blank);
    boost::system::error_code not_v4, not_v6;
    const auto four = ip::make_network_v4(cidr, not_v4);
    const auto six = ip::make_network_v6(cidr, not_v6);
    if (!not_v4) {
      rules_.push_back({to_vector(four.network().to_bytes()), four.prefix_length(), *demand, entry});
    } else if (!not_v6) {
      rules_.push_back({to_vector(six.network().to_bytes()), six.prefix_length(), *demand, entry});
    } else {
      refuse(entry);
    }
  }
  std::stable_sort(rules_.begin(), rules_.end(),
                   [](const auto& a, const auto& b) { return a.length > b.length; });
}

NetworkRules::Verdict NetworkRules::find(const ip::address& address) const {
  const auto octets = octets_of(address);
  for (const auto& rule : rules_)
    if (matches(rule.prefix, rule.length, octets)) return {rule.demand, rule.text};
  return {};
}

bool satisfies(const session::SessionSecurity& security, Demand demand) {
  if (demand == Demand::any) return true;
  if (demand == Demand::seal) return security.protection == session::Protection::sealed;
  return !security.account.empty();
}

}  // namespace smtpseal::relay

// What client networks must use before MAIL is taken: Exchange's "Accept Connections", as
// relay.network_rules. Pure.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/session/session_security.hpp"

namespace smtpseal::relay {

enum class Demand { any, auth, seal };
std::string_view name(Demand demand);

class NetworkRules {
 public:
  // Each entry is "CIDR any|auth|seal", such as "192.0.2.0/24 seal". Throws daemon::StartupError, naming the
  // entry.
  explicit NetworkRules(const std::vector<std::string>& entries);

  struct Verdict {
    Demand demand = Demand::any;
    std::string rule;  // the entry that won; empty for the default
  };
  // The longest prefix wins; `any` where none matches. IPv4-mapped IPv6 addresses count as IPv4.
  [[nodiscard]] Verdict find(const boost::asio::ip::address& address) const;

 private:
  struct Rule {
    std::vector<unsigned char> prefix;  // 4 or 16 octets
    unsigned length;
    Demand demand;
    std::string text;
  };
  std::vector<Rule> rules_;  // longest prefix first
};

[[nodiscard]] bool satisfies(const session::SessionSecurity& security, Demand demand);

}  // namespace smtpseal::relay

// What client networks must use before MAIL is taken: Exchange's "Accept Connections", as
// inbound.network_rules. Pure; safe from any thread once made.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/session/session_security.hpp"

namespace smtpseal::policy {

// An IPv4 or IPv6 address as 16 octets, IPv4 as its IPv4-mapped form.
using AddressOctets = std::array<unsigned char, 16>;
// Reads "192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7" and, with the tag of RFC 5321 4.1.3 in any case,
// "IPv6:2001:db8::7"; the scope of an IPv6 address ("%eth0") is ignored. nullopt: not an address.
[[nodiscard]] std::optional<AddressOctets> parse_ip(std::string_view text);

// "192.0.2.0/24", "2001:db8::/32", or a single address. Bits behind the prefix are ignored.
class Network {
 public:
  // nullopt: not an address, a length that is no plain decimal number up to 32 or 128 (from 96 for an
  // IPv4-mapped address), or a scope, which contains() could not look at.
  [[nodiscard]] static std::optional<Network> parse(std::string_view cidr);
  // IPv4 addresses are in networks written as IPv4 (or IPv4-mapped) only: "::/0" is all of IPv6.
  [[nodiscard]] bool contains(const AddressOctets& address) const;
  [[nodiscard]] unsigned length() const { return length_; }  // of the IPv6 or IPv4-mapped prefix, in bits

 private:
  AddressOctets prefix_{};
  unsigned length_ = 0;
};

enum class Demand { any, auth, seal };
std::string_view name(Demand demand);

class NetworkRules {
 public:
  struct Verdict {
    Demand demand = Demand::any;
    std::string rule;  // the entry that won; empty for the default
  };
  // Each entry is "CIDR any|auth|seal", such as "192.0.2.0/24 seal". On a bad entry `problem` says which and
  // what is allowed, and the rules must not be used; otherwise it is emptied.
  static NetworkRules parse(const std::vector<std::string>& entries, std::string& problem);

  // The longest prefix wins, of equal ones the first entry; `any` where none matches.
  [[nodiscard]] Verdict find(const AddressOctets& address) const;
  [[nodiscard]] bool empty() const { return rules_.empty(); }

 private:
  struct Rule {
    Network network;
    Demand demand;
    std::string text;
  };
  std::vector<Rule> rules_;  // longest prefix first
};

// Whether a session has what is demanded. One that is `unknown` has nothing: the caller decides what that
// means.
[[nodiscard]] bool satisfies(const session::SessionSecurity& security, Demand demand);

}  // namespace smtpseal::policy

#include "smtpseal/policy/network_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <charconv>
#include <system_error>

namespace smtpseal::policy {

namespace {

// The IPv4-mapped addresses, ::ffff:0:0/96 (RFC 4291 2.5.5.2).
constexpr unsigned kMappedLength = 96;
constexpr AddressOctets kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool share_prefix(const AddressOctets& one, const AddressOctets& other, unsigned length) {
  const std::size_t whole = length / 8;
  const unsigned rest = length % 8;
  if (!std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(whole), other.begin())) return false;
  return rest == 0 || (one[whole] ^ other[whole]) >> (8 - rest) == 0;
}

bool is_mapped(const AddressOctets& address) {
  return share_prefix(address, kMapped, kMappedLength);
}

// inet_pton wants a terminated string; no address is longer than this one with its terminator.
using Terminated = std::array<char, INET6_ADDRSTRLEN>;
std::optional<Terminated> terminated(std::string_view text) {
  Terminated copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), copy.begin());
  return copy;
}

std::optional<AddressOctets> parse_v4(std::string_view text) {
  const auto copy = terminated(text);
  AddressOctets octets = kMapped;
  if (!copy || inet_pton(AF_INET, copy->data(), octets.data() + kMappedLength / 8) != 1) return std::nullopt;
  return octets;
}

std::optional<AddressOctets> parse_v6(std::string_view text) {
  const auto copy = terminated(text);
  AddressOctets octets{};
  if (!copy || inet_pton(AF_INET6, copy->data(), octets.data()) != 1) return std::nullopt;
  return octets;
}

// Without "%eth0". nullopt: the scope is empty.
std::optional<std::string_view> without_scope(std::string_view text) {
  const std::size_t percent = text.find('%');
  if (percent != std::string_view::npos && percent + 1 == text.size()) return std::nullopt;
  return text.substr(0, percent);
}

std::optional<unsigned> parse_length(std::string_view digits, unsigned most) {
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  unsigned length = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, length);
  if (error != std::errc() || stop != end || length > most) return std::nullopt;
  return length;
}

std::optional<Demand> demand_from(std::string_view word) {
  for (const Demand demand : {Demand::any, Demand::auth, Demand::seal})
    if (word == name(demand)) return demand;
  return std::nullopt;
}

}  // namespace

std::optional<AddressOctets> parse_ip(std::string_view text) {
  constexpr std::string_view kTag = "IPv6:";
  const bool is_tagged = boost::algorithm::istarts_with(text, kTag);
  if (is_tagged) text.remove_prefix(kTag.size());
  const auto four = is_tagged ? std::nullopt : parse_v4(text);
  if (four) return four;
  const auto address = without_scope(text);
  return address ? parse_v6(*address) : std::nullopt;
}

std::optional<Network> Network::parse(std::string_view cidr) {
  const std::size_t slash = cidr.find('/');
  const std::string_view address = cidr.substr(0, slash);
  const auto octets = parse_ip(address);
  if (!octets || address.find('%') != std::string_view::npos) return std::nullopt;
  Network network;
  network.prefix_ = *octets;
  network.length_ = 128;
  if (slash == std::string_view::npos) return network;
  const unsigned before = address.find(':') == std::string_view::npos ? kMappedLength : 0;
  const auto length = parse_length(cidr.substr(slash + 1), 128 - before);
  if (!length) return std::nullopt;
  network.length_ = before + *length;
  // It names IPv4 addresses and would contain none of them.
  if (is_mapped(*octets) && network.length_ < kMappedLength) return std::nullopt;
  return network;
}

bool Network::contains(const AddressOctets& address) const {
  return share_prefix(prefix_, address, length_) && (length_ >= kMappedLength || !is_mapped(address));
}

std::string_view name(Demand demand) {
  switch (demand) {
    case Demand::any:
      return "any";
    case Demand::auth:
      return "auth";
    case Demand::seal:
      break;
  }
  return "seal";
}

NetworkRules NetworkRules::parse(const std::vector<std::string>& entries, std::string& problem) {
  problem.clear();
  NetworkRules rules;
  for (const std::string& entry : entries) {
    const std::string_view text = entry;
    const std::size_t blank = std::min(text.find(' '), text.size());
    const auto network = Network::parse(text.substr(0, blank));
    const auto demand = blank < text.size() ? demand_from(text.substr(blank + 1)) : std::nullopt;
    if (!network || !demand) {
      problem = "\"" + entry +
                "\": expected \"CIDR any\", \"CIDR auth\" or \"CIDR seal\", such as \"192.0.2.0/24 seal\"";
      return {};
    }
    rules.rules_.push_back({*network, *demand, entry});
  }
  std::stable_sort(rules.rules_.begin(), rules.rules_.end(),
                   [](const Rule& a, const Rule& b) { return a.network.length() > b.network.length(); });
  return rules;
}

NetworkRules::Verdict NetworkRules::find(const AddressOctets& address) const {
  for (const Rule& rule : rules_)
    if (rule.network.contains(address)) return {rule.demand, rule.text};
  return {};
}

bool satisfies(const session::SessionSecurity& security, Demand demand) {
  if (demand == Demand::any) return true;
  if (demand == Demand::seal) return security.protection == session::Protection::sealed;
  return security.protection != session::Protection::unknown && !security.account.empty();
}

}  // namespace smtpseal::policy

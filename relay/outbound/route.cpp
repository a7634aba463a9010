#include "outbound/route.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <random>

namespace smtpseal::relay {

using daemon::Task;

namespace {

using boost::asio::ip::address;

// "[192.0.2.1]", "[IPv6:2001:db8::1]" or the bare forms.
std::optional<address> parse_literal(std::string text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  if (boost::algorithm::istarts_with(text, "IPv6:")) text.erase(0, 5);
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(text, error);
  return error ? std::nullopt : std::optional(parsed);
}

// IPv6 and IPv4 in turn, so that a host without one of them still gets tries of the other within the limit.
std::vector<address> interleave(const std::vector<address>& found) {
  std::vector<address> six, four, mixed;
  for (const auto& entry : found) (entry.is_v6() ? six : four).push_back(entry);
  for (std::size_t i = 0; i < std::max(six.size(), four.size()); ++i) {
    if (i < six.size()) mixed.push_back(six[i]);
    if (i < four.size()) mixed.push_back(four[i]);
  }
  return mixed;
}

// What is looked up, and at which port.
struct Start {
  std::string name;
  std::uint16_t port;
  bool mx_lookup;
};

Start starting_point(const Settings& settings, const policy::Decision& decision) {
  const auto& nexthop = decision.rule->nexthop;
  if (nexthop) return {nexthop->host, nexthop->port, nexthop->mx_lookup};
  return {decision.domain, settings.smtp_port, decision.domain.front() != '['};
}

struct Hosts {
  std::vector<std::string> names;
  std::optional<Failure> failure;
  bool are_from_mx = false;
};

Task<Hosts> mail_hosts(Resolver& resolver, const Settings& settings, const Start& start) {
  using Kind = Failure::Kind;
  using Reason = Failure::Reason;
  if (!start.mx_lookup || parse_literal(start.name)) co_return Hosts{{start.name}, {}};
  const MxAnswer answer = co_await resolver.mx(start.name);
  switch (answer.status) {
    case DnsStatus::temporary:
      co_return Hosts{{},
                      Failure{Kind::temporary, Reason::dns, "4.3", "MX lookup failed: " + answer.problem}};
    case DnsStatus::no_domain:
      co_return Hosts{{}, Failure{Kind::permanent, Reason::dns, "1.2", "domain not found in DNS"}};
    case DnsStatus::no_data:
      co_return Hosts{{start.name}, {}};  // RFC 5321 5.1: the domain's own address records
    case DnsStatus::ok:
      break;
  }
  if (answer.hosts.size() == 1 && answer.hosts.front().host.empty())
    co_return Hosts{{}, Failure{Kind::permanent, Reason::dns, "1.10", "domain accepts no mail (null MX)"}};
  auto names = order_mx(answer.hosts, settings.hostname, std::random_device()());
  if (names.empty())
    co_return Hosts{
        {}, Failure{Kind::permanent, Reason::dns, "4.6", "mail for the domain loops back to this host"}};
  co_return Hosts{std::move(names), {}, true};
}

}  // namespace

std::vector<std::string> order_mx(std::vector<MxHost> hosts, const std::string& own_name,
                                  std::uint32_t shuffle_seed) {
  std::shuffle(hosts.begin(), hosts.end(), std::mt19937(shuffle_seed));
  std::stable_sort(hosts.begin(), hosts.end(),
                   [](const auto& a, const auto& b) { return a.preference < b.preference; });
  std::vector<std::string> names;
  for (const auto& entry : hosts) {
    if (!boost::algorithm::iequals(entry.host, own_name)) continue;
    std::erase_if(hosts, [limit = entry.preference](const auto& other) { return other.preference >= limit; });
    break;
  }
  for (auto& entry : hosts)
    if (!entry.host.empty()) names.push_back(std::move(entry.host));
  return names;
}

Task<Route> find_route(Resolver& resolver, const Settings& settings, const policy::Decision& decision) {
  const Start start = starting_point(settings, decision);
  Hosts hosts = co_await mail_hosts(resolver, settings, start);
  if (hosts.failure) co_return Route{{}, std::move(hosts.failure)};
  Route route;
  std::string problem;
  bool temporary = false;
  for (const auto& host : hosts.names) {
    if (route.targets.size() >= settings.mx_address_limit) break;
    AddressAnswer found;
    if (const auto literal = parse_literal(host)) {
      found.addresses = {*literal};
    } else {
      found = co_await resolver.addresses(host, settings.address_families);
      temporary = temporary || found.status == DnsStatus::temporary;
      if (found.addresses.empty() || found.status == DnsStatus::temporary)
        problem += " " + host + (found.problem.empty() ? ": no address" : ": " + found.problem);
    }
    for (const auto& entry : interleave(found.addresses))
      if (route.targets.size() < settings.mx_address_limit)
        route.targets.push_back({host, entry, start.port, hosts.are_from_mx});
  }
  if (route.targets.empty())
    route.failure =
        Failure{temporary ? Failure::Kind::temporary : Failure::Kind::permanent, Failure::Reason::dns,
                temporary ? "4.3" : "4.4", "no usable address of its mail hosts:" + problem};
  else if (temporary)
    route.failure = Failure{Failure::Kind::temporary, Failure::Reason::dns, "4.3",
                            "not all of its mail hosts are known:" + problem};
  co_return route;
}

}  // namespace smtpseal::relay

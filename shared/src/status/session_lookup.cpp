#include "smtpseal/status/session_lookup.hpp"

#include <algorithm>

#include "smtpseal/policy/network_rules.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::status {
namespace {

std::optional<std::string> end_text(const End& end) {
  auto address = end.address;
  constexpr std::string_view kTag = "ipv6:";
  const auto has_tag = address.size() > kTag.size() && (address[0] == 'I' || address[0] == 'i') &&
                       address.find(':') == kTag.size() - 1;
  if (has_tag) address.remove_prefix(kTag.size());
  const bool is_port =
      !end.port.empty() && end.port.size() <= 5 && end.port != "0" &&
      std::all_of(end.port.begin(), end.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_port || !policy::parse_ip(address)) return std::nullopt;
  const bool is_v6 = address.find(':') != std::string_view::npos;
  return (is_v6 ? "[" + std::string(address) + "]" : std::string(address)) + ":" + std::string(end.port);
}

}  // namespace

std::optional<std::string> session_key(const End& client, const End& server) {
  const auto one = end_text(client);
  const auto other = end_text(server);
  if (!one || !other) return std::nullopt;
  return *one + " " + *other;
}

std::optional<session::SessionSecurity> session_from(const Result<postfix::SocketmapReply>& answer) {
  using postfix::SocketmapStatus;
  if (!answer) return unknown_because("smtpseal-relay does not answer");
  if (answer->status == SocketmapStatus::notfound) return std::nullopt;
  if (answer->status != SocketmapStatus::ok) return unknown_because("smtpseal-relay cannot tell");
  auto known = parse_status(answer->text);
  if (!known) return unknown_because("smtpseal-relay gives an answer of another version");
  return std::move(known->security);
}

session::SessionSecurity unknown_because(std::string reason) {
  session::SessionSecurity security;
  security.protection = session::Protection::unknown;
  security.unknown_reason = std::move(reason);
  return security;
}

}  // namespace smtpseal::status

#include "inbound/session_registry.hpp"

#include <charconv>
#include <optional>

#include "inbound/smtp_session.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::relay {
namespace {

std::optional<TcpEndpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  if (error || parsed.ec != std::errc() || parsed.ptr != port_text.data() + port_text.size())
    return std::nullopt;
  return TcpEndpoint(address, port);
}

}  // namespace

void SessionRegistry::report(std::vector<control::SessionInfo>& list, std::size_t most) const {
  for (const auto& [ends, session] : sessions_) {
    if (list.size() >= most) return;
    list.push_back(session->info());
  }
}

postfix::SocketmapReply SessionRegistry::answer(std::string_view key) const {
  using postfix::SocketmapStatus;
  const auto blank = key.find(' ');
  const auto client = parse_endpoint(key.substr(0, blank));
  const auto server = blank == std::string_view::npos ? std::nullopt : parse_endpoint(key.substr(blank + 1));
  if (!client || !server) return {SocketmapStatus::perm, "expected \"CLIENT:PORT SERVER:PORT\""};
  const auto found = sessions_.find({*client, *server});
  if (found == sessions_.end()) return {SocketmapStatus::notfound, {}};
  return {SocketmapStatus::ok, status::format_session(found->second->security())};
}

}  // namespace smtpseal::relay

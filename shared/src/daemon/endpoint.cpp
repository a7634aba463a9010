#include "smtpseal/daemon/endpoint.hpp"

#include <sys/un.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <charconv>
#include <cstring>

#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::daemon {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw StartupError("endpoint \"" + text + "\": " + why);
}

Endpoint parse_inet(const std::string& text, std::string_view rest) {
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) refuse(text, "expected inet:ADDRESS:PORT");
  std::string host(rest.substr(0, colon));
  const auto port_text = rest.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != port_text.data() + port_text.size() || port == 0)
    refuse(text, "the port must be a number from 1 to 65535");
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) refuse(text, "the address must be an IPv4 or IPv6 address");
  return asio::ip::tcp::endpoint(address, port);
}

asio::ip::tcp::endpoint as_tcp(const Endpoint& endpoint) {
  asio::ip::tcp::endpoint tcp;
  tcp.resize(endpoint.size());
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  return tcp;
}

}  // namespace

Endpoint parse_endpoint(const std::string& text) {
  if (text.starts_with("inet:")) return parse_inet(text, std::string_view(text).substr(5));
  if (!text.starts_with("unix:")) refuse(text, "expected unix:PATH or inet:ADDRESS:PORT");
  const std::string path = text.substr(5);
  if (path.empty() || path.front() != '/') refuse(text, "the path must be absolute");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    refuse(text, "the path is longer than a unix socket allows");
  return asio::local::stream_protocol::endpoint(path);
}

bool is_local(const Endpoint& endpoint) {
  return endpoint.protocol().family() == AF_UNIX || as_tcp(endpoint).address().is_loopback();
}

std::string to_text(const Endpoint& endpoint) {
  const auto* address = reinterpret_cast<const sockaddr*>(endpoint.data());
  if (address->sa_family == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(address);
    return local->sun_path;
  }
  const auto tcp = as_tcp(endpoint);
  const std::string host = tcp.address().to_string();
  return (tcp.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(tcp.port());
}

const std::vector<std::string>& endpoints(const config::Values& values, const std::string& parameter) {
  const auto& list = values.list(parameter);
  for (const auto& text : list) {
    try {
      parse_endpoint(text);
    } catch (const StartupError& error) {
      throw StartupError(parameter + ": " + error.what());
    }
  }
  return list;
}

const std::vector<std::string>& local_endpoints(const config::Values& values, const std::string& parameter) {
  const auto& list = endpoints(values, parameter);
  const auto beyond = std::find_if(list.begin(), list.end(),
                                   [](const auto& text) { return !is_local(parse_endpoint(text)); });
  if (beyond == list.end()) return list;
  throw StartupError(parameter + ": \"" + *beyond +
                     "\": the protocol has no protection: unix sockets and loopback addresses only");
}

}  // namespace smtpseal::daemon

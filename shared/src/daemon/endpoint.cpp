#include "smtpseal/daemon/endpoint.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/log/log.hpp"

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

SocketOwner socket_owner(const config::Values& values, const std::string& section) {
  const std::string& text = values.text(section + ".socket_mode");
  unsigned mode = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || mode > 0777)
    throw StartupError(section + ".socket_mode = \"" + text + "\": expected an octal mode from 000 to 777");
  return {values.text("process.user"), values.text(section + ".socket_group"), mode};
}

void remove_dead_socket(const std::string& name, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) refuse(name, "the path exists and is not a socket");
  asio::io_context io;
  asio::local::stream_protocol::socket probe(io);
  boost::system::error_code error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (!error) refuse(name, "another process answers there");
  ::unlink(path.c_str());
}

namespace {

// The directory may belong to the daemons' user, who could put a link in the socket's place: what is changed
// is what was opened and looked at, never what the path has become meanwhile.
void change_owner(const std::string& name, const std::string& path, uid_t uid, gid_t gid, mode_t mode) {
  const int descriptor = ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) refuse(name, std::strerror(errno));
  struct stat status {};
  const bool is_ours = ::fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) &&
                       status.st_uid == ::geteuid() && status.st_nlink == 1;
  const std::string opened = "/proc/self/fd/" + std::to_string(descriptor);
  const bool is_done = is_ours && ::fchownat(descriptor, "", uid, gid, AT_EMPTY_PATH) == 0 &&
                       ::chmod(opened.c_str(), mode) == 0;
  const std::string reason = is_ours ? std::strerror(errno) : "the path is no longer the socket just made";
  ::close(descriptor);
  if (!is_done) refuse(name, reason);
}

}  // namespace

void give_to_owner(const std::string& name, const std::string& path, const SocketOwner& owner) {
  auto uid = static_cast<uid_t>(-1);
  auto gid = static_cast<gid_t>(-1);
  if (::geteuid() == 0 && !owner.user.empty()) {
    const passwd* entry = ::getpwnam(owner.user.c_str());
    if (entry == nullptr) refuse(name, "there is no user \"" + owner.user + "\"");
    uid = entry->pw_uid;
    gid = entry->pw_gid;
  }
  if (::geteuid() == 0 && !owner.group.empty()) {
    const group* entry = ::getgrnam(owner.group.c_str());
    if (entry == nullptr) refuse(name, "there is no group \"" + owner.group + "\"");
    gid = entry->gr_gid;
  }
  change_owner(name, path, uid, gid, owner.mode);
}

Listener::Listener(asio::io_context& io, const std::string& endpoint_text, const SocketOwner& owner)
    : name_(endpoint_text), acceptor_(io) {
  const Endpoint endpoint = parse_endpoint(endpoint_text);
  const bool is_unix = endpoint.protocol().family() == AF_UNIX;
  if (is_unix) {
    path_ = endpoint_text.substr(5);
    remove_dead_socket(name_, path_);
  }
  boost::system::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error && !is_unix) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) {
    const mode_t mask = ::umask(0177);  // nobody else can connect before the mode is set
    acceptor_.bind(endpoint, error);
    ::umask(mask);
  }
  if (error) refuse(name_, error.message());
  if (is_unix) give_to_owner(name_, path_, owner);  // before listen(): nobody is turned away for the old mode
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) refuse(name_, error.message());
}

Listener::~Listener() {
  close();
}

Task<> Listener::accept_all(std::function<void(Socket, const Endpoint&)> on_connection) {
  while (acceptor_.is_open()) {
    Endpoint peer;
    auto [error, socket] = co_await acceptor_.async_accept(peer, kAwait);
    if (!error) {
      on_connection(std::move(socket), peer);
    } else if (acceptor_.is_open()) {
      log::error("accept-failed").field("listen", name_).field("reason", error.message());
      co_await sleep_for(Seconds(1));
    }
  }
}

void Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace smtpseal::daemon

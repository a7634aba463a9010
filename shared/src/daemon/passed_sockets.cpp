#include "passed_sockets.hpp"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::daemon {
namespace {

constexpr const char* kStoreName = "smtpseal-store";

// "unix:/path", "inet:192.0.2.1:25".
std::string address_text(const Endpoint& endpoint) {
  return (endpoint.protocol().family() == AF_UNIX ? "unix:" : "inet:") + to_text(endpoint);
}

std::string address_of(int descriptor) {
  Endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(descriptor, endpoint.data(), &size) != 0) return {};
  endpoint.resize(size);
  return address_text(endpoint);
}

}  // namespace

PassedSockets& PassedSockets::of_process() {
  static PassedSockets sockets;
  return sockets;
}

PassedSockets::PassedSockets() {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) add(SD_LISTEN_FDS_START + i, names[i]);
  for (int i = 0; i < count; ++i) std::free(names[i]);
  std::free(static_cast<void*>(names));
}

void PassedSockets::add(int descriptor, const std::string& name) {
  if (::sd_is_socket(descriptor, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
    throw StartupError("the service manager passes \"" + name + "\", which is no listening stream socket");
  sockets_.push_back({descriptor, name == kStoreName, address_of(descriptor)});
}

int PassedSockets::take_from_unit(const Endpoint& endpoint) {
  return take(endpoint, false);
}

int PassedSockets::take_from_store(const Endpoint& endpoint) {
  return take(endpoint, true);
}

bool PassedSockets::discard_stored(const Endpoint& endpoint) {
  const int descriptor = take(endpoint, true);
  if (descriptor < 0) return false;
  ::close(descriptor);
  is_store_outdated_ = true;
  return true;
}

int PassedSockets::take(const Endpoint& endpoint, bool is_stored) {
  const std::string address = address_text(endpoint);
  const auto found = std::ranges::find_if(sockets_, [&](const Socket& socket) {
    return socket.is_stored == is_stored && socket.address == address;
  });
  if (found == sockets_.end()) return -1;
  const int descriptor = found->descriptor;
  sockets_.erase(found);
  return descriptor;
}

bool PassedSockets::keep(int descriptor) {
  const std::string state = std::string("FDSTORE=1\nFDNAME=") + kStoreName + "\nFDPOLL=0";
  if (::sd_pid_notify_with_fds(0, 0, state.c_str(), &descriptor, 1) <= 0) return false;
  kept_.push_back(descriptor);
  return true;
}

void PassedSockets::finish(const std::string& program) {
  const auto foreign = std::ranges::find_if(sockets_, [](const Socket& each) { return !each.is_stored; });
  if (foreign != sockets_.end())
    throw StartupError(
        "systemd passes " + foreign->address +
        ", which no parameter of smtpseal.toml names: change the parameter, or systemctl edit " + program +
        ".socket");
  if (!sockets_.empty() || is_store_outdated_) drop_from_store();
}

// The store knows no single socket, only all of a name.
void PassedSockets::drop_from_store() {
  for (const auto& each : sockets_) ::close(each.descriptor);
  sockets_.clear();
  const std::string state = std::string("FDSTOREREMOVE=1\nFDNAME=") + kStoreName;
  ::sd_notify(0, state.c_str());
  for (const int descriptor : std::exchange(kept_, {})) keep(descriptor);
}

}  // namespace smtpseal::daemon

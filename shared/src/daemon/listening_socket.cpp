#include "smtpseal/daemon/listening_socket.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "../descriptor.hpp"
#include "passed_sockets.hpp"
#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::daemon {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw StartupError("endpoint \"" + name + "\": " + why);
}

[[noreturn]] void refuse_by_errno(const std::string& name) {
  refuse(name, std::strerror(errno));
}

// Removes the file left by a process that is gone; one that answers is somebody's, and stays.
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

// The user that files get; nothing: they stay the process's own.
const passwd* user_entry(const std::string& name, const SocketOwner& owner) {
  if (::geteuid() != 0 || owner.user.empty()) return nullptr;
  const passwd* entry = ::getpwnam(owner.user.c_str());
  if (entry == nullptr) refuse(name, "there is no user \"" + owner.user + "\"");
  return entry;
}

std::optional<gid_t> wanted_group(const std::string& name, const SocketOwner& owner) {
  if (!owner.group.empty()) {
    const group* entry = ::getgrnam(owner.group.c_str());
    if (entry == nullptr) refuse(name, "there is no group \"" + owner.group + "\"");
    return entry->gr_gid;
  }
  const passwd* user = user_entry(name, owner);
  return user == nullptr ? std::nullopt : std::optional(user->pw_gid);
}

[[noreturn]] void refuse_change(const std::string& name, const SocketOwner& owner, int error) {
  if (error != EPERM || owner.group.empty()) refuse(name, std::strerror(error));
  refuse(name, "this process is not in group \"" + owner.group +
                   "\" and cannot give it the socket: SupplementaryGroups=" + owner.group +
                   " in the unit, or usermod -a -G " + owner.group + " for the daemon's user");
}

// The directory may belong to the daemons' user, who could put a link in the socket's place: what is changed
// is what was opened and looked at, never what the path has become meanwhile.
void give_to_owner(const std::string& name, const std::string& path, const SocketOwner& owner) {
  const Descriptor file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (file.number() < 0) refuse_by_errno(name);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0 || !S_ISSOCK(status.st_mode) || status.st_uid != ::geteuid() ||
      status.st_nlink != 1)
    refuse(name, "the path is no longer the socket just made");
  const passwd* user = user_entry(name, owner);
  const uid_t uid = user == nullptr ? status.st_uid : user->pw_uid;
  const gid_t gid = wanted_group(name, owner).value_or(status.st_gid);
  const bool is_changed = uid != status.st_uid || gid != status.st_gid;
  if (is_changed && ::fchownat(file.number(), "", uid, gid, AT_EMPTY_PATH) != 0)
    refuse_change(name, owner, errno);
  const std::string opened = "/proc/self/fd/" + std::to_string(file.number());
  if (::chmod(opened.c_str(), owner.mode) != 0) refuse_by_errno(name);
}

// Whether the file is still as this start would make it.
bool is_as_wanted(const std::string& name, const std::string& path, const SocketOwner& owner) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  return (status.st_mode & 07777) == owner.mode &&
         wanted_group(name, owner).value_or(status.st_gid) == status.st_gid;
}

}  // namespace

SocketOwner socket_owner(const config::Values& values, const std::string& section) {
  const std::string& text = values.text(section + ".socket_mode");
  unsigned mode = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || mode > 0777)
    throw StartupError(section + ".socket_mode = \"" + text + "\": expected an octal mode from 000 to 777");
  return {values.text("process.user"), values.text(section + ".socket_group"), mode};
}

ListeningSocket::ListeningSocket(const std::string& endpoint_text, const SocketOwner& owner)
    : name_(endpoint_text), endpoint_(parse_endpoint(endpoint_text)) {
  if (endpoint_.protocol().family() == AF_UNIX) path_ = to_text(endpoint_);
  try {
    adopt(owner);
    if (descriptor_ < 0) bind(owner);
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
}

void ListeningSocket::adopt(const SocketOwner& owner) {
  auto& passed = PassedSockets::of_process();
  descriptor_ = passed.take_from_unit(endpoint_);
  is_kept_ = descriptor_ >= 0;
  if (is_kept_) return;
  if (!path_.empty() && !is_as_wanted(name_, path_, owner)) return;
  descriptor_ = passed.take_from_store(endpoint_);
  is_kept_ = descriptor_ >= 0 && passed.keep(descriptor_);
}

void ListeningSocket::bind(const SocketOwner& owner) {
  auto& passed = PassedSockets::of_process();
  if (passed.discard_stored(endpoint_))
    ::unlink(path_.c_str());
  else if (!path_.empty())
    remove_dead_socket(name_, path_);
  descriptor_ = ::socket(endpoint_.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) refuse_by_errno(name_);
  listen(owner);
  is_kept_ = passed.keep(descriptor_);
}

void ListeningSocket::listen(const SocketOwner& owner) {
  const int on = 1;
  if (path_.empty()) ::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const mode_t mask = ::umask(0177);  // nobody else can connect before the mode is set
  const int bound = ::bind(descriptor_, endpoint_.data(), static_cast<socklen_t>(endpoint_.size()));
  const int error = errno;
  ::umask(mask);
  if (bound != 0) refuse(name_, std::strerror(error));
  // Before listen(): nobody is turned away for the old mode.
  if (!path_.empty()) give_to_owner(name_, path_, owner);
  if (::listen(descriptor_, SOMAXCONN) != 0) refuse_by_errno(name_);
}

void ListeningSocket::close() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  descriptor_ = -1;
  if (!path_.empty() && !is_kept_) ::unlink(path_.c_str());
}

}  // namespace smtpseal::daemon

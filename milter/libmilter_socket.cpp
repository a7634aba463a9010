#include "libmilter_socket.hpp"

#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::milter {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw daemon::StartupError("milter.listen: " + what);
}

[[noreturn]] void refuse_by_errno(const std::string& what) {
  refuse(what + ": " + std::strerror(errno));
}

// A directory that nobody else can enter, gone with the object.
class PrivateDirectory {
 public:
  PrivateDirectory() {
    if (::mkdtemp(path_.data()) == nullptr) refuse_by_errno("no directory can be made in /tmp");
  }
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  ~PrivateDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_ = "/tmp/smtpseal-milter-XXXXXX";
};

int deaf_socket(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (descriptor < 0 ||
      ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(descriptor, 1) != 0)
    refuse_by_errno("a socket cannot be made at " + path);
  return descriptor;
}

// libmilter wants to accept connections of the family that it has opened a socket for.
std::string private_connection(int family, const std::string& path) {
  if (family == AF_UNIX) return "unix:" + path;
  return family == AF_INET6 ? "inet6:0@[::1]" : "inet:0@127.0.0.1";
}

std::set<int> listening_descriptors() {
  std::set<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::atoi(entry.path().filename().c_str());
    int is_listening = 0;
    socklen_t size = sizeof is_listening;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 && is_listening != 0)
      found.insert(descriptor);
  }
  return found;
}

// Returns the descriptor of the socket that libmilter opens.
int open_by_libmilter(std::string connection) {
  const auto before = listening_descriptors();
  if (smfi_setconn(connection.data()) != MI_SUCCESS || smfi_opensocket(false) != MI_SUCCESS)
    refuse("libmilter cannot listen at " + connection + ", see the system log for its reason");
  for (const int descriptor : listening_descriptors())
    if (!before.contains(descriptor)) return descriptor;
  refuse("libmilter does not listen at " + connection);
}

}  // namespace

LibmilterSocket::LibmilterSocket(const daemon::ListeningSocket& socket) {
  const PrivateDirectory directory;
  deaf_ = deaf_socket(directory.file("deaf"));
  place_ =
      open_by_libmilter(private_connection(socket.endpoint().protocol().family(), directory.file("milter")));
  if (::dup3(socket.descriptor(), place_, O_CLOEXEC) < 0) refuse_by_errno("libmilter's descriptor");
}

LibmilterSocket::~LibmilterSocket() {
  ::close(deaf_);
}

// Not a socket that is closed or no socket: libmilter's accept() would fail again and again, and be logged.
void LibmilterSocket::stop_accepting() {
  ::dup3(deaf_, place_, O_CLOEXEC);
}

}  // namespace smtpseal::milter

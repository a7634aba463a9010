#include "smtpseal/daemon/listening_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "../shared/policy/fixture.hpp"
#include "smtpseal/daemon/daemon.hpp"

using namespace smtpseal;
using namespace smtpseal::daemon;
using policy::test::TemporaryDirectory;

namespace {

bool can_connect(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int result = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::close(descriptor);
  return result == 0;
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

std::string complaint(const std::string& endpoint, const SocketOwner& owner = {}) {
  try {
    const ListeningSocket socket(endpoint, owner);
    return {};
  } catch (const StartupError& error) {
    return error.what();
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(listening_socket)

BOOST_AUTO_TEST_CASE(listens_with_its_mode_until_it_is_closed) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("socket");
  ListeningSocket socket("unix:" + path, {{}, {}, 0620});
  BOOST_TEST(mode_of(path) == 0620U);
  BOOST_TEST(can_connect(path));
  socket.close();
  BOOST_TEST(::access(path.c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(replaces_a_dead_socket_and_nothing_else) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("socket");
  {
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_REQUIRE(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(dead);
  }
  const ListeningSocket first("unix:" + path, {});
  BOOST_TEST(complaint("unix:" + path).find("another process answers there") != std::string::npos);
  BOOST_TEST(can_connect(path));
  const std::string file = directory.write("file", "x", 0644);
  BOOST_TEST(complaint("unix:" + file).find("is not a socket") != std::string::npos);
  BOOST_TEST(::access(file.c_str(), F_OK) == 0);
}

BOOST_AUTO_TEST_CASE(names_what_it_cannot_do) {
  const TemporaryDirectory directory;
  BOOST_TEST(complaint("unix:" + directory.path("none/socket")).find("No such file") != std::string::npos);
  const std::string path = "unix:" + directory.path("socket");
  BOOST_TEST(complaint(path, {{}, "no-such-group", 0660}).find("there is no group \"no-such-group\"") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

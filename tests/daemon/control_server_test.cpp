#include "smtpseal/daemon/control_server.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <thread>

#include "../shared/policy/fixture.hpp"
#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/socketmap_query.hpp"

using namespace smtpseal;
using namespace smtpseal::daemon;
using namespace std::chrono_literals;
using postfix::SocketmapReply;
using postfix::SocketmapRequest;
using postfix::SocketmapStatus;

namespace {

Task<SocketmapReply> take_time(SocketmapRequest request) {
  co_await sleep_for(100ms);
  co_return SocketmapReply{SocketmapStatus::ok, "slow " + request.key};
}

// A control server with the commands `echo` and `slow`, in a thread of its own.
class Server {
 public:
  Server() : control_(io_) {
    control_.answer("echo", [](const SocketmapRequest& request) {
      return SocketmapReply{SocketmapStatus::ok, request.key};
    });
    control_.handle("slow", take_time);
    control_.bind({"unix:" + path()}, {});
    control_.start();
    thread_ = std::thread([this] { io_.run(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    asio::post(io_, [this] {
      control_.stop();
      io_.stop();
    });
    thread_.join();
  }

  [[nodiscard]] std::string path() const { return directory_.path("control"); }

 private:
  policy::test::TemporaryDirectory directory_;
  asio::io_context io_;
  ControlServer control_;
  std::thread thread_;
};

// Whether user nobody gets an answer.
bool answers_nobody(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    SocketmapQuery query(parse_endpoint("unix:" + path));
    ::_exit(query.ask({"echo", "x"}, 5s) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_REQUIRE(WIFEXITED(status));
  BOOST_REQUIRE(WEXITSTATUS(status) < 2);
  return WEXITSTATUS(status) == 0;
}

config::Values values(const std::string& toml) {
  return std::move(config::load_text(toml, "smtpseal.toml", config::all_params()).values.value());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control_server)

BOOST_AUTO_TEST_CASE(answers_commands_on_one_connection) {
  const Server server;
  SocketmapQuery query(parse_endpoint("unix:" + server.path()));
  BOOST_TEST(query.ask({"echo", "one two"}, 5s).value().text == "one two");
  BOOST_TEST(query.ask({"slow", "three"}, 5s).value().text == "slow three");
  BOOST_TEST(query.ask({"echo", ""}, 5s).value().text.empty());
}

BOOST_AUTO_TEST_CASE(a_slow_command_delays_nobody_else) {
  const Server server;
  SocketmapQuery slow(parse_endpoint("unix:" + server.path()));
  SocketmapQuery quick(parse_endpoint("unix:" + server.path()));
  std::thread asker([&] { BOOST_TEST(slow.ask({"slow", "x"}, 5s).has_value()); });
  for (int i = 0; i < 10; ++i) BOOST_TEST(quick.ask({"echo", "y"}, 90ms).has_value());
  asker.join();
}

BOOST_AUTO_TEST_CASE(refuses_unknown_commands) {
  const Server server;
  SocketmapQuery query(parse_endpoint("unix:" + server.path()));
  const auto reply = query.ask({"shutdown\x1b", "*"}, 5s).value();
  BOOST_TEST((reply.status == SocketmapStatus::perm));
  BOOST_TEST(reply.text == "unknown command \"shutdown\\x1b\"");
}

BOOST_AUTO_TEST_CASE(another_user_is_refused_whatever_the_mode,
                     *boost::unit_test::precondition([](auto) { return ::geteuid() == 0; })) {
  const Server server;
  const auto directory = std::filesystem::path(server.path()).parent_path();
  BOOST_REQUIRE(::chmod(directory.c_str(), 0755) == 0);
  BOOST_REQUIRE(::chmod(server.path().c_str(), 0666) == 0);
  BOOST_TEST(!answers_nobody(server.path()));
}

BOOST_AUTO_TEST_CASE(takes_unix_sockets_only) {
  BOOST_TEST(control_endpoints(values(""), "milter").size() == 1U);
  BOOST_TEST(control_endpoints(values("[policyd]\ncontrol_listen = []\n"), "policyd").empty());
  for (const char* list :
       {"[\"inet:127.0.0.1:7000\"]", "[\"unix:/run/a\", \"inet:[::1]:7000\"]", "[\"unix:a\"]"})
    BOOST_CHECK_THROW(
        control_endpoints(values("[relay]\ncontrol_listen = " + std::string(list) + "\n"), "relay"),
        StartupError);
}

BOOST_AUTO_TEST_SUITE_END()

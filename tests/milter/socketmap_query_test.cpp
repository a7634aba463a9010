#include "smtpseal/daemon/socketmap_query.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "../shared/policy/fixture.hpp"

using namespace smtpseal;
using namespace std::chrono_literals;
using daemon::SocketmapQuery;
using postfix::SocketmapStatus;

namespace {

using Script = std::function<void(int connection)>;

// Scripts run in the server's thread, where nothing of Boost.Test may be used: what goes wrong shows at the
// client.
void say(int connection, std::string_view text) {
  (void)::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

// One read takes a whole question here: they are short, and on a unix socket.
std::string hear(int connection) {
  std::array<char, 1000> buffer;
  const auto count = ::recv(connection, buffer.data(), buffer.size(), 0);
  return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : std::string();
}

void answer(int connection, std::string_view text) {
  if (!hear(connection).empty()) say(connection, text);
}

// A unix socket whose connections are served by one script after the other, each closed at its script's end.
class Server {
 public:
  explicit Server(std::vector<Script> scripts) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    BOOST_REQUIRE(::listen(listener_, 1) == 0);
    thread_ = std::thread([this, scripts = std::move(scripts)] {
      for (const auto& script : scripts) {
        const int connection = ::accept(listener_, nullptr, nullptr);
        script(connection);
        ::close(connection);
      }
    });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);  // wakes an accept() that no client came for
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] std::string path() const { return directory_.path("socket"); }
  [[nodiscard]] daemon::Endpoint endpoint() const { return daemon::parse_endpoint("unix:" + path()); }

 private:
  policy::test::TemporaryDirectory directory_;
  int listener_;
  std::thread thread_;
};

Result<postfix::SocketmapReply> ask(SocketmapQuery& query, std::chrono::milliseconds timeout = 5s) {
  return query.ask({"session", "key"}, timeout);
}

bool is(const Result<postfix::SocketmapReply>& result, boost::system::errc::errc_t condition) {
  return !result && result.error() == condition;
}

constexpr auto kClosed = boost::system::errc::connection_reset;
constexpr auto kLate = boost::system::errc::timed_out;

}  // namespace

BOOST_AUTO_TEST_SUITE(socketmap_query)

BOOST_AUTO_TEST_CASE(asks_and_gets_each_kind_of_answer_over_one_connection) {
  std::string question;
  Server server({[&](int connection) {
    question = hear(connection);
    say(connection, "8:OK value,");
    answer(connection, "9:NOTFOUND ,");
    answer(connection, "9:TEMP busy,");
    answer(connection, "9:PERM what,");
  }});
  SocketmapQuery query(server.endpoint());
  auto reply = ask(query);
  BOOST_REQUIRE(reply.has_value());
  BOOST_TEST(question == "11:session key,");
  BOOST_TEST((reply->status == SocketmapStatus::ok));
  BOOST_TEST(reply->text == "value");
  for (const auto status : {SocketmapStatus::notfound, SocketmapStatus::temp, SocketmapStatus::perm}) {
    reply = ask(query);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST((reply->status == status));
  }
}

BOOST_AUTO_TEST_CASE(takes_an_answer_in_two_pieces_wherever_it_is_split) {
  const std::string text = "8:OK value,";
  for (std::size_t split = 1; split < text.size(); ++split) {
    Server server({[&](int connection) {
      answer(connection, text.substr(0, split));
      std::this_thread::sleep_for(2ms);
      say(connection, text.substr(split));
      hear(connection);
    }});
    SocketmapQuery query(server.endpoint());
    const auto reply = ask(query);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->text == "value");
    query.close();
  }
}

BOOST_AUTO_TEST_CASE(takes_an_answer_longer_than_its_buffer) {
  const std::string value(20000, 'v');
  Server server({[&](int connection) { answer(connection, "20003:OK " + value + ","); }});
  SocketmapQuery query(server.endpoint());
  const auto reply = ask(query);
  BOOST_REQUIRE(reply.has_value());
  BOOST_TEST(reply->text == value);
}

BOOST_AUTO_TEST_CASE(connects_anew_where_the_server_has_closed_between_questions) {
  Server server({[](int connection) { answer(connection, "6:OK one,"); },
                 [](int connection) { answer(connection, "6:OK two,"); }});
  SocketmapQuery query(server.endpoint());
  BOOST_TEST(ask(query).value().text == "one");
  std::this_thread::sleep_for(20ms);
  BOOST_TEST(ask(query).value().text == "two");
}

BOOST_AUTO_TEST_CASE(connects_anew_where_the_server_closes_on_the_second_question) {
  const Script close_orderly = [](int connection) {
    answer(connection, "6:OK one,");
    hear(connection);
  };
  const Script reset = [](int connection) {  // with a part of the question unread
    answer(connection, "6:OK one,");
    char octet = 0;
    (void)::recv(connection, &octet, 1, 0);
  };
  for (const auto& first : {close_orderly, reset}) {
    Server server({first, [](int connection) { answer(connection, "6:OK two,"); }});
    SocketmapQuery query(server.endpoint());
    BOOST_TEST(ask(query).value().text == "one");
    BOOST_TEST(ask(query).value().text == "two");
  }
}

BOOST_AUTO_TEST_CASE(connects_anew_only_once) {
  const Script close_on_question = [](int connection) { hear(connection); };
  Server server({[](int connection) {
                   answer(connection, "6:OK one,");
                   hear(connection);
                 },
                 close_on_question, [](int connection) { answer(connection, "6:OK two,"); }});
  SocketmapQuery query(server.endpoint());
  BOOST_TEST(ask(query).value().text == "one");
  BOOST_TEST(is(ask(query), kClosed));
  BOOST_TEST(ask(query).value().text == "two");
}

BOOST_AUTO_TEST_CASE(does_not_take_an_answer_that_came_before_the_question) {
  Server server({[](int connection) {
                   answer(connection, "6:OK one,");
                   say(connection, "7:OK late,");
                   hear(connection);
                 },
                 [](int connection) { answer(connection, "6:OK two,"); }});
  SocketmapQuery query(server.endpoint());
  BOOST_TEST(ask(query).value().text == "one");
  std::this_thread::sleep_for(20ms);
  BOOST_TEST(ask(query).value().text == "two");
}

BOOST_AUTO_TEST_CASE(does_not_ask_again_where_something_follows_the_answer) {
  Server server({[](int connection) {
                   answer(connection, "6:OK one,7:OK late,");
                   hear(connection);
                 },
                 [](int connection) { answer(connection, "6:OK two,"); }});
  SocketmapQuery query(server.endpoint());
  BOOST_TEST(ask(query).value().text == "one");
  BOOST_TEST(ask(query).value().text == "two");
}

BOOST_AUTO_TEST_CASE(an_answer_that_breaks_off_is_an_error) {
  const std::string text = "8:OK value,";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    Server server({[&](int connection) { answer(connection, text.substr(0, cut)); }});
    SocketmapQuery query(server.endpoint());
    BOOST_TEST(is(ask(query), kClosed), "cut at " << cut);
  }
}

BOOST_AUTO_TEST_CASE(garbage_is_an_error_and_ends_the_connection) {
  for (const char* garbage :
       {"OK value\n", "x", "008:OK value,", "8:OK value;", "999999999:", "5:MAYBE,", "0:,"}) {
    Server server({[&](int connection) {
                     answer(connection, garbage);
                     hear(connection);
                   },
                   [](int connection) { answer(connection, "6:OK two,"); }});
    SocketmapQuery query(server.endpoint());
    const auto reply = ask(query);
    BOOST_TEST(!reply.has_value(), garbage);
    BOOST_TEST((reply.error().category() == postfix::category()), garbage);
    BOOST_TEST(ask(query).value().text == "two");
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_never_answers_costs_the_timeout_and_no_more) {
  Server server({[](int connection) {
    hear(connection);
    hear(connection);  // until the client gives up
  }});
  SocketmapQuery query(server.endpoint());
  const auto start = std::chrono::steady_clock::now();
  BOOST_TEST(is(ask(query, 50ms), kLate));
  const auto took = std::chrono::steady_clock::now() - start;
  BOOST_TEST((took >= 50ms && took < 2s));
}

BOOST_AUTO_TEST_CASE(a_server_that_answers_octet_by_octet_costs_the_timeout_and_no_more) {
  Server server({[](int connection) {
    hear(connection);
    std::string_view header = "90000:";
    for (int i = 0; i < 1000; ++i) {
      const char octet = i < static_cast<int>(header.size()) ? header[static_cast<std::size_t>(i)] : 'x';
      if (::send(connection, &octet, 1, MSG_NOSIGNAL) != 1) return;
      std::this_thread::sleep_for(5ms);
    }
  }});
  SocketmapQuery query(server.endpoint());
  const auto start = std::chrono::steady_clock::now();
  BOOST_TEST(is(ask(query, 100ms), kLate));
  BOOST_TEST((std::chrono::steady_clock::now() - start < 2s));
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_accept_costs_the_timeout_and_no_more) {
  Server server({});  // its thread has ended; the kernel queues two connections
  std::vector<int> waiting;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  server.path().copy(address.sun_path, sizeof address.sun_path - 1);
  int result = 0;
  while (result == 0) {
    waiting.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    result = ::connect(waiting.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    BOOST_REQUIRE(waiting.size() < 100U);
  }
  SocketmapQuery query(server.endpoint());
  const auto start = std::chrono::steady_clock::now();
  BOOST_TEST(is(ask(query, 50ms), kLate));
  BOOST_TEST((std::chrono::steady_clock::now() - start < 2s));
  for (const int descriptor : waiting) ::close(descriptor);
}

BOOST_AUTO_TEST_CASE(says_what_the_socket_says_where_nobody_listens) {
  policy::test::TemporaryDirectory directory;
  SocketmapQuery absent(daemon::parse_endpoint("unix:" + directory.path("none")));
  BOOST_TEST(is(ask(absent), boost::system::errc::no_such_file_or_directory));
  SocketmapQuery dead(daemon::parse_endpoint("inet:127.0.0.1:1"));
  BOOST_TEST(is(ask(dead), boost::system::errc::connection_refused));
}

BOOST_AUTO_TEST_CASE(asks_over_tcp_too) {
  daemon::asio::io_context io;
  daemon::asio::ip::tcp::acceptor acceptor(io, {daemon::asio::ip::make_address("127.0.0.1"), 0});
  std::thread server([&] {
    auto connection = acceptor.accept();
    answer(connection.native_handle(), "6:OK one,");
  });
  SocketmapQuery query(
      daemon::parse_endpoint("inet:127.0.0.1:" + std::to_string(acceptor.local_endpoint().port())));
  BOOST_TEST(ask(query).value().text == "one");
  server.join();
}

BOOST_AUTO_TEST_SUITE_END()

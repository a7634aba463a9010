#include "relay_map.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "smtpseal/daemon/async.hpp"

using namespace smtpseal;
using namespace std::chrono_literals;
namespace asio = daemon::asio;

namespace {

// Answers each question with its key, in a thread for each connection, and counts these.
class EchoServer {
 public:
  EchoServer() : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}) {
    thread_ = std::thread([this] { accept(); });
  }
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;
  ~EchoServer() {
    stopping_ = true;
    asio::ip::tcp::socket(io_).connect(acceptor_.local_endpoint());  // wakes accept()
    thread_.join();
    for (auto& each : threads_) each.join();
  }

  [[nodiscard]] daemon::Endpoint endpoint() const { return acceptor_.local_endpoint(); }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept() {
    for (;;) {
      auto connection = acceptor_.accept();
      if (stopping_) return;
      ++connections_;
      threads_.emplace_back([socket = std::move(connection)]() mutable { serve(socket); });
    }
  }
  static void serve(asio::ip::tcp::socket& socket) {
    std::array<char, 1000> buffer;
    boost::system::error_code error;
    for (;;) {
      const auto count = socket.read_some(asio::buffer(buffer), error);
      if (error) return;
      std::size_t consumed = 0;
      postfix::NetstringReader reader;
      const auto text = reader.feed({buffer.data(), count}, consumed);
      const auto request = postfix::parse_socketmap_request(**text);
      asio::write(socket, asio::buffer(
                              postfix::format_socketmap_reply({postfix::SocketmapStatus::ok, request->key})));
    }
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
  std::vector<std::thread> threads_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_map)

BOOST_AUTO_TEST_CASE(one_asker_after_the_other_shares_a_connection) {
  EchoServer server;
  milter::RelayMap map(server.endpoint(), 5s);
  for (int i = 0; i < 20; ++i) BOOST_TEST(map.ask(std::to_string(i)).value().text == std::to_string(i));
  BOOST_TEST(server.connections() == 1);
}

BOOST_AUTO_TEST_CASE(every_one_of_many_threads_gets_the_answer_to_its_own_question) {
  EchoServer server;
  milter::RelayMap map(server.endpoint(), 5s);
  std::atomic<int> right = 0;
  std::vector<std::thread> askers;
  for (int asker = 0; asker < 30; ++asker)
    askers.emplace_back([&, asker] {
      for (int i = 0; i < 50; ++i) {
        const std::string key = std::to_string(asker) + "-" + std::to_string(i);
        const auto answer = map.ask(key);
        if (answer && answer->text == key) ++right;
      }
    });
  for (auto& asker : askers) asker.join();
  BOOST_TEST(right == 30 * 50);
}

BOOST_AUTO_TEST_CASE(tells_that_nobody_answers) {
  milter::RelayMap map(daemon::parse_endpoint("inet:127.0.0.1:1"), 5s);
  BOOST_TEST(!map.ask("key").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

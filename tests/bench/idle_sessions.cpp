// Opens sealed sessions to a relay's inbound side, leaves them idle, and says what each costs the relay in
// memory. It is the smtpd behind the relay as well, so that nothing else is measured.
//
// usage: idle-sessions RELAY_ADDRESS RELAY_PORT RELAY_PID SMTPD_PORT SESSIONS ACCOUNT PASSWORD
#include <sys/resource.h>

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/ntlm/hashes.hpp"
#include "smtpseal/session/security_layer.hpp"
#include "smtpseal/smtp/command.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace smtpseal;

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

// What the relay asks of an smtpd before any mail: a greeting, XCLIENT, EHLO.
class Smtpd {
 public:
  explicit Smtpd(std::uint16_t port) : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), port}) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Smtpd() {
    io_.stop();
    thread_.join();
  }
  Smtpd(const Smtpd&) = delete;
  Smtpd& operator=(const Smtpd&) = delete;

 private:
  struct Session {
    explicit Session(tcp::socket&& connected) : socket(std::move(connected)) {}
    tcp::socket socket;
    asio::streambuf input;
  };

  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (error) return;
      const auto session = std::make_shared<Session>(std::move(socket));
      answer(session, "220 smtpd.example ESMTP\r\n");
      accept();
    });
  }
  static void answer(const std::shared_ptr<Session>& session, const char* text) {
    asio::async_write(session->socket, asio::buffer(text, std::strlen(text)),
                      [session](const boost::system::error_code& error, std::size_t) {
                        if (!error) next_command(session);
                      });
  }
  static void next_command(const std::shared_ptr<Session>& session) {
    asio::async_read_until(session->socket, session->input, "\r\n",
                           [session](const boost::system::error_code& error, std::size_t) {
                             if (error) return;
                             std::istream lines(&session->input);
                             std::string line;
                             std::getline(lines, line);
                             const bool is_xclient = line.starts_with("XCLIENT");
                             answer(session,
                                    is_xclient ? "220 smtpd.example ESMTP\r\n" : "250 smtpd.example\r\n");
                           });
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

struct Login {
  std::string account;
  std::string password;
};

class SealedSession {
 public:
  SealedSession(asio::io_context& io, const tcp::endpoint& relay,
                const std::shared_ptr<const crypto::Engine>& engine, const Login& login)
      : socket_(io) {
    socket_.connect(relay);
    expect_clear("220");
    clear_command("EHLO client.example", "250");
    ntlm::Client client(engine,
                        {.domain = "PARTNER",
                         .user = login.account,
                         .workstation = "CLIENT",
                         .nt_hash = ntlm::nt_hash(*engine, login.password).value(),
                         .lm_hash = {}},
                        ntlm::modern_policy(true, 128), ntlm::draw_nonces(*engine));
    const std::string challenge = clear_command("AUTH NTLM " + base64(client.negotiate().value()), "334");
    const std::string octets = smtp::from_base64(challenge.substr(4)).value();
    clear_command(base64(client.authenticate(as_bytes(octets), ntlm::filetime_now()).value()), "235");
    layer_.emplace(engine, ntlm::Role::client, client.take_outcome(), session::Framing{});
    sealed_command("EHLO client.example");
  }

  // Throws unless the relay answers 250 inside the seal.
  void sealed_command(const std::string& line) {
    Bytes wire;
    layer_->wrap(as_bytes(line + "\r\n"), wire);
    asio::write(socket_, asio::buffer(wire));
    std::string reply;
    std::array<std::byte, 4096> octets{};
    while (!is_whole(reply)) {
      const std::size_t count = socket_.read_some(asio::buffer(octets));
      require(layer_->unwrap(std::span(octets).first(count), reply).has_value(), "a record does not unseal");
    }
    require(reply.starts_with("250"), "the relay says " + reply);
  }

 private:
  static std::string base64(ByteSpan octets) { return smtp::to_base64(as_text(octets)); }
  // Whether the last line of a reply is there: code, then a space (RFC 5321 4.2).
  static bool is_whole(const std::string& reply) {
    if (!reply.ends_with("\r\n")) return false;
    const std::size_t line = reply.rfind('\n', reply.size() - 2);
    const std::size_t begin = line == std::string::npos ? 0 : line + 1;
    return reply.size() > begin + 3 && reply[begin + 3] == ' ';
  }

  std::string clear_command(const std::string& line, const std::string& code) {
    asio::write(socket_, asio::buffer(line + "\r\n"));
    return expect_clear(code);
  }
  std::string expect_clear(const std::string& code) {
    std::string reply;
    std::array<char, 4096> octets{};
    while (!is_whole(reply)) reply.append(octets.data(), socket_.read_some(asio::buffer(octets)));
    require(reply.starts_with(code), "the relay says " + reply);
    return reply.substr(0, reply.size() - 2);
  }

  tcp::socket socket_;
  std::optional<session::SecurityLayer> layer_;
};

long resident_kib(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  throw std::runtime_error("no process " + pid);
}

void allow_descriptors(rlim_t count) {
  const rlimit limit{count, count};
  require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE cannot be raised");
}

int measure(char** arguments) {
  const tcp::endpoint relay(asio::ip::make_address(arguments[1]),
                            static_cast<std::uint16_t>(std::stoul(arguments[2])));
  const std::string pid = arguments[3];
  const auto sessions = std::stoul(arguments[5]);
  const Login login{arguments[6], arguments[7]};
  allow_descriptors(3 * sessions + 100);

  const Smtpd smtpd(static_cast<std::uint16_t>(std::stoul(arguments[4])));
  const auto engine = crypto::Engine::create().value();
  asio::io_context io;
  std::list<SealedSession> open;
  // What the first session costs once, code and caches, is not the price of a session.
  open.emplace_back(io, relay, engine, login);
  const long before = resident_kib(pid);
  for (unsigned long i = 0; i < sessions; ++i) open.emplace_back(io, relay, engine, login);
  const long after = resident_kib(pid);
  for (SealedSession& session : open) session.sealed_command("NOOP");
  std::cout << sessions << ' ' << before << ' ' << after << ' '
            << static_cast<double>(after - before) / static_cast<double>(sessions) << '\n';
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 8) {
    std::cerr
        << "usage: idle-sessions RELAY_ADDRESS RELAY_PORT RELAY_PID SMTPD_PORT SESSIONS ACCOUNT PASSWORD\n";
    return 64;
  }
  try {
    return measure(arguments);
  } catch (const std::exception& problem) {
    std::cerr << "idle-sessions: " << problem.what() << '\n';
    return 1;
  }
}

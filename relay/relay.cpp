#include "relay.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <random>
#include <utility>

#include "inbound/smtp_session.hpp"
#include "outbound/lmtp_session.hpp"
#include "smtpseal/daemon/counted.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::relay {

using daemon::Seconds;
using daemon::Task;

namespace {

constexpr Seconds kRefusalTimeout{5};

daemon::asio::ip::tcp::endpoint tcp_endpoint(const daemon::Endpoint& peer) {
  daemon::asio::ip::tcp::endpoint endpoint;
  if (peer.protocol().family() == AF_UNIX || peer.size() > endpoint.capacity()) return endpoint;
  endpoint.resize(peer.size());
  std::memcpy(endpoint.data(), peer.data(), peer.size());
  return endpoint;
}

}  // namespace

Relay::Relay(daemon::asio::io_context& io, const config::Values& values,
             std::shared_ptr<const crypto::Engine> engine)
    : io_(io),
      values_(values),
      settings_(values),
      policy_(engine, values, true),
      resolver_(io, values.list("relay.dns_servers"), Seconds(values.number("relay.dns_timeout"))),
      gate_(io, settings_.hold_time),
      pool_(io, settings_),
      network_rules_(values.list("relay.network_rules")),
      limits_(settings_.session_limit_per_address, settings_.auth_failure_limit_per_address,
              settings_.auth_failure_time),
      outbound_{io, settings_, engine, policy_, resolver_, gate_, pool_},
      inbound_{io, settings_, engine, policy_, resolver_, network_rules_, limits_, {}, false, {}},
      id_base_(std::random_device()()) {
  daemon::parse_endpoint(settings_.smtpd);
  if (!settings_.notify_submission.empty()) daemon::parse_endpoint(settings_.notify_submission);
}

void Relay::open_doors(const char* parameter, Kind kind, const daemon::SocketOwner& owner) {
  for (const auto& name : values_.list(parameter))
    doors_.push_back(
        std::make_unique<Door>(Door{kind, std::make_unique<daemon::Listener>(io_, name, owner)}));
}

void Relay::bind() {
  const daemon::SocketOwner owner = daemon::socket_owner(values_, "relay");
  open_doors("relay.lmtp_listen", Kind::lmtp, owner);
  open_doors("relay.lmtp_listen_seven_bit", Kind::lmtp_seven_bit, owner);
  open_doors("relay.smtp_listen", Kind::smtp, owner);
  if (doors_.empty()) throw daemon::StartupError("relay: neither lmtp_listen nor smtp_listen names anything");
}

void Relay::start() {
  policy_.reload();
  for (const auto& door : doors_) daemon::asio::co_spawn(io_, accept_loop(*door), daemon::asio::detached);
}

void Relay::reload() {
  policy_.reload();
}

void Relay::stop() {
  stopping_ = true;
  for (const auto& door : doors_) door->listener->close();
  pool_.clear();
  inbound_.stopping = true;
  const auto idle = std::exchange(inbound_.idle, {});  // sessions leave the set while they end
  for (auto* session : idle) session->interrupt();
}

Task<> Relay::accept_loop(Door& door) {
  while (!stopping_) {
    daemon::Endpoint peer;
    auto socket = co_await door.listener->accept(peer);
    if (socket) {
      daemon::asio::co_spawn(io_, serve(door.kind, std::move(*socket), peer), daemon::asio::detached);
      continue;
    }
    if (stopping_) co_return;
    log::error("accept-failed")
        .field("listen", door.listener->name())
        .field("reason", socket.error().message());
    co_await daemon::sleep_for(Seconds(1));
  }
}

Task<> Relay::serve(Kind kind, daemon::Socket socket, daemon::Endpoint peer) {
  if (peer.protocol().family() != AF_UNIX) {
    boost::system::error_code ignored;
    socket.set_option(daemon::asio::ip::tcp::no_delay(true), ignored);
  }
  daemon::Stream stream(std::move(socket));
  if (kind == Kind::smtp)
    co_await serve_smtp(std::move(stream), std::move(peer));
  else
    co_await serve_lmtp(std::move(stream), kind == Kind::lmtp_seven_bit);
}

Task<> Relay::serve_lmtp(daemon::Stream stream, bool seven_bit) {
  const daemon::Counted counted(lmtp_clients_);
  if (lmtp_clients_ > settings_.lmtp_client_limit) {
    log::warning("client-refused").field("reason", "relay.lmtp_client_limit reached");
    co_await stream.write("421 4.3.2 too many connections (relay.lmtp_client_limit)\r\n", kRefusalTimeout);
    co_return;
  }
  LmtpSession session(outbound_, std::move(stream), seven_bit, next_id());
  co_await session.run();
}

Task<> Relay::serve_smtp(daemon::Stream stream, daemon::Endpoint peer) {
  const daemon::Counted counted(smtp_clients_);
  const auto client = tcp_endpoint(peer);
  const bool within_share = limits_.open(client.address());
  if (within_share && smtp_clients_ <= settings_.session_limit) {
    SmtpSession session(inbound_, std::move(stream), client.address(), client.port(), next_id());
    co_await session.run();
  } else {
    log::warning("client-refused")
        .field("client", client.address().to_string())
        .field("reason",
               within_share ? "relay.session_limit reached" : "relay.session_limit_per_address reached");
    co_await stream.write("421 4.3.2 too many connections\r\n", kRefusalTimeout);
  }
  if (within_share) limits_.close(client.address(), daemon::Clock::now());
}

// Short, unique within a log for practical purposes, and not a count of sessions for outsiders to read.
std::string Relay::next_id() {
  std::array<char, 17> text{};
  id_base_ = id_base_ * 6364136223846793005U + 1442695040888963407U;
  std::snprintf(text.data(), text.size(), "%010llx", static_cast<unsigned long long>(id_base_ >> 24));
  return text.data();
}

}  // namespace smtpseal::relay

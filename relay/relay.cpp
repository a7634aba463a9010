#include "relay.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <random>
#include <utility>

#include "inbound/smtp_session.hpp"
#include "outbound/delivery_check.hpp"
#include "outbound/hold_control.hpp"
#include "outbound/lmtp_session.hpp"
#include "smtpseal/daemon/control_server.hpp"
#include "smtpseal/daemon/counted.hpp"
#include "smtpseal/daemon/inbound_settings.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::relay {

using daemon::Seconds;
using daemon::Task;

namespace {

constexpr Seconds kRefusalTimeout{5};
constexpr Seconds kQueryIdle{3600};  // the daemons that ask connect anew when they need to

// Holds an address's share of sessions for as long as it lives.
class Share {
 public:
  Share(AddressLimits& limits, daemon::asio::ip::address address)
      : limits_(limits), address_(std::move(address)), is_granted_(limits_.open(address_)) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() {
    if (is_granted_) limits_.close(address_, daemon::Clock::now());
  }
  [[nodiscard]] bool is_granted() const { return is_granted_; }

 private:
  AddressLimits& limits_;
  daemon::asio::ip::address address_;
  bool is_granted_;
};

// An IPv4 client of an IPv6 listener counts, and is shown, as what it is. A link-local address goes without
// its scope, as smtpd is told it, so that milter and policyd ask for the same.
daemon::asio::ip::address plain(const daemon::asio::ip::address& address) {
  if (!address.is_v6()) return address;
  if (address.to_v6().is_v4_mapped())
    return daemon::asio::ip::make_address_v4(daemon::asio::ip::v4_mapped, address.to_v6());
  return daemon::asio::ip::make_address_v6(address.to_v6().to_bytes());
}

TcpEndpoint tcp_endpoint(const daemon::Endpoint& end) {
  TcpEndpoint endpoint;
  if (end.protocol().family() == AF_UNIX || end.size() > endpoint.capacity()) return endpoint;
  endpoint.resize(end.size());
  std::memcpy(endpoint.data(), end.data(), end.size());
  return {plain(endpoint.address()), endpoint.port()};
}

}  // namespace

Relay::Relay(daemon::asio::io_context& io, const config::Values& values,
             const std::shared_ptr<const crypto::Engine>& engine)
    : io_(io),
      values_(values),
      settings_(values),
      metrics_(values, "relay", [this] { refresh_metrics(); }),
      policy_metrics_(metrics_.registry()),
      counts_(metrics_.registry()),
      policy_(engine, values, daemon::Tables::all),
      resolver_(io, values.list("relay.dns_servers"), Seconds(values.number("relay.dns_timeout"))),
      tls_client_(values.text("relay.tls_ca_file")),
      gate_(io, *engine, {settings_.hold_time, settings_.retry_time, settings_.state_directory}),
      pool_(io, settings_),
      tls_server_(values),
      network_rules_(daemon::network_rules(values)),
      limits_(settings_.session_limit_per_address, settings_.auth_failure_limit_per_address,
              settings_.auth_failure_time),
      outbound_{io, settings_, engine, policy_, resolver_, tls_client_, gate_, pool_, counts_, false},
      prober_(outbound_),
      inbound_{io,      settings_, engine,  policy_, resolver_, tls_server_, network_rules_,
               limits_, sessions_, counts_, {},      false,     {}},
      answer_([this](const postfix::SocketmapRequest& request) { return answer(request); }),
      id_base_(std::random_device()()) {
  for (const char* parameter : {"relay.lmtp_listen", "relay.lmtp_listen_seven_bit", "relay.query_listen"})
    daemon::local_endpoints(values, parameter);
  daemon::endpoints(values, "relay.smtp_listen");
  daemon::parse_endpoint(settings_.smtpd);
  if (!settings_.notify_submission.empty()) daemon::parse_endpoint(settings_.notify_submission);
}

void Relay::open_doors(const std::vector<std::string>& names, Kind kind, const daemon::SocketOwner& owner) {
  for (const auto& name : names)
    doors_.push_back(
        std::make_unique<Door>(Door{kind, std::make_unique<daemon::Listener>(io_, name, owner)}));
}

void Relay::bind() {
  const daemon::SocketOwner owner = daemon::socket_owner(values_, "relay");
  open_doors(values_.list("relay.lmtp_listen"), Kind::lmtp, owner);
  open_doors(values_.list("relay.lmtp_listen_seven_bit"), Kind::lmtp_seven_bit, owner);
  open_doors(values_.list("relay.smtp_listen"), Kind::smtp, owner);
  if (doors_.empty()) throw daemon::StartupError("relay: neither lmtp_listen nor smtp_listen names anything");
  open_doors(values_.list("relay.query_listen"), Kind::query, owner);
  gate_.prepare(owner.user);
  metrics_.bind();
}

void Relay::load_tables() {
  policy_.reload();
  if (const auto set = policy_.current()) gate_.adopt(set->credentials);
}

void Relay::refresh_metrics() {
  policy_metrics_.show(policy_.state(), policy_.current().get());
  counts_.holds().Set(static_cast<double>(gate_.list().size()));
  if (const auto end = tls_server_.not_after()) counts_.show_certificate_end(*end);
}

void Relay::load_certificates() {
  tls_client_.load();
  tls_server_.load();
}

void Relay::start() {
  load_certificates();  // as the daemon's user, as a reload will
  gate_.open();
  load_tables();
  metrics_.start(io_);
  for (const auto& door : doors_) {
    const auto admit = [this, kind = door->kind](daemon::Socket socket, const daemon::Endpoint& peer) {
      daemon::asio::co_spawn(io_, serve(kind, std::move(socket), peer), daemon::asio::detached);
    };
    daemon::asio::co_spawn(io_, door->listener->accept_all(admit), daemon::asio::detached);
  }
}

std::string Relay::reload() {
  load_tables();  // first, since reading the system's authorities takes longest
  std::string problem = policy_.first_problem();
  for (const auto& next : {tls_client_.reload(), tls_server_.reload()})
    if (problem.empty()) problem = next;
  return problem;
}

void Relay::add_controls(daemon::ControlServer& control) {
  for (const char* map : {"holds", "lift"})
    control.answer(map, [this](const auto& request) { return hold_answer(gate_, request); });
  control.handle("probe", [this](postfix::SocketmapRequest request) {
    return prober_.answer(std::move(request), next_id());
  });
  control.answer("stats", [this](const auto& request) { return metrics_.answer(request); });
}

void Relay::stop() {
  // Milter and policy daemon still ask about the sessions that are to end in order.
  for (const auto& door : doors_)
    if (door->kind != Kind::query) door->listener->close();
  pool_.clear();
  outbound_.stopping = true;
  inbound_.stopping = true;
  const auto idle = std::exchange(inbound_.idle, {});  // sessions leave the set while they end
  for (auto* session : idle) session->interrupt();
}

void Relay::finish() {
  for (const auto& door : doors_) door->listener->close();
}

Task<> Relay::serve(Kind kind, daemon::Socket socket, daemon::Endpoint peer) {
  if (peer.protocol().family() != AF_UNIX) {
    boost::system::error_code ignored;
    socket.set_option(daemon::asio::ip::tcp::no_delay(true), ignored);
  }
  boost::system::error_code unknown;
  const auto local = socket.local_endpoint(unknown);
  daemon::Stream stream(std::move(socket));
  if (kind == Kind::smtp)
    co_await serve_smtp(std::move(stream), tcp_endpoint(peer), tcp_endpoint(local));
  else if (kind == Kind::query)
    co_await daemon::serve_socketmap(std::move(stream), kQueryIdle, answer_);
  else
    co_await serve_lmtp(std::move(stream), kind == Kind::lmtp_seven_bit);
}

Task<> Relay::serve_lmtp(daemon::Stream stream, bool seven_bit) {
  const daemon::Counted counted(lmtp_clients_);
  if (lmtp_clients_ > settings_.lmtp_client_limit) {
    log::warning("client-refused").field("reason", "relay.lmtp_client_limit reached");
    counts_.connections_refused(Limit::lmtp_clients).Increment();
    co_await stream.write("421 4.3.2 too many connections (relay.lmtp_client_limit)\r\n", kRefusalTimeout);
    co_return;
  }
  LmtpSession session(outbound_, std::move(stream), seven_bit, next_id());
  co_await session.run();
}

Task<> Relay::serve_smtp(daemon::Stream stream, TcpEndpoint client, TcpEndpoint server) {
  const daemon::Counted counted(smtp_clients_);
  const Share share(limits_, client.address());
  if (share.is_granted() && smtp_clients_ <= settings_.session_limit) {
    SmtpSession session(inbound_, std::move(stream), client, server, next_id());
    co_await session.run();
  } else {
    log::warning("client-refused")
        .field("client", client.address().to_string())
        .field("reason", share.is_granted() ? "relay.session_limit reached"
                                            : "relay.session_limit_per_address reached");
    counts_.connections_refused(share.is_granted() ? Limit::sessions : Limit::sessions_of_address)
        .Increment();
    co_await stream.write("421 4.3.2 too many connections\r\n", kRefusalTimeout);
  }
}

// What the milter and the policy daemon want to know.
postfix::SocketmapReply Relay::answer(const postfix::SocketmapRequest& request) const {
  if (request.map == "session") return sessions_.answer(request.key);
  if (request.map == "delivery") return delivery_answer(outbound_, request.key);
  return {postfix::SocketmapStatus::perm, "unknown map \"" + log::printable(request.map) + "\""};
}

// Short, unique within a log for practical purposes, and not a count of sessions for outsiders to read.
std::string Relay::next_id() {
  std::array<char, 17> text{};
  id_base_ = id_base_ * 6364136223846793005U + 1442695040888963407U;
  std::snprintf(text.data(), text.size(), "%010llx", static_cast<unsigned long long>(id_base_ >> 24));
  return text.data();
}

}  // namespace smtpseal::relay

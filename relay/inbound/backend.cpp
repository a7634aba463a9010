#include "inbound/backend.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cctype>

#include "smtpseal/daemon/connect.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::relay {

using daemon::Task;

namespace {

constexpr daemon::Seconds kQuitTimeout{5};

smtp::Reply unavailable() {
  return {451, "4.3.0", "mail system is temporarily unavailable"};
}

// smtpd refuses the whole XCLIENT for a name it takes for malformed, so such a one is not known.
std::string xclient_name(const std::string& name) {
  const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
  });
  const bool is_valid =
      !name.empty() && is_plain && std::isalnum(static_cast<unsigned char>(name.front())) != 0 &&
      std::isalnum(static_cast<unsigned char>(name.back())) != 0 && name.find("..") == std::string::npos &&
      name.find(".-") == std::string::npos && name.find("-.") == std::string::npos;
  return is_valid ? name : "[UNAVAILABLE]";
}

// Without the scope of a link-local address, which smtpd does not take.
std::string xclient_address(const boost::asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  if (address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
  return "IPV6:" + boost::asio::ip::make_address_v6(address.to_v6().to_bytes()).to_string();
}

}  // namespace

std::string format_xclient(const ClientIdentity& client) {
  std::string line =
      "XCLIENT NAME=" + xclient_name(client.name) + " ADDR=" + xclient_address(client.client.address()) +
      " PORT=" + std::to_string(client.client.port()) +
      " DESTADDR=" + xclient_address(client.server.address()) +
      " DESTPORT=" + std::to_string(client.server.port()) + " PROTO=" + (client.esmtp ? "ESMTP" : "SMTP");
  if (!client.helo.empty()) line += " HELO=" + smtp::to_xtext(client.helo);
  if (!client.login.empty()) line += " LOGIN=" + smtp::to_xtext(client.login);
  return line;
}

Backend::Backend(InboundContext& context, daemon::Stream stream)
    : context_(context), link_(std::move(stream), context.settings.line_limit) {}

Task<Backend::Opened> Backend::open(InboundContext& context, ClientIdentity client, std::string log_id) {
  if (context.settings.client_name_lookup)
    client.name = co_await context.resolver.verified_name(client.client.address());
  auto stream = co_await daemon::connect_within(daemon::parse_endpoint(context.settings.smtpd),
                                                context.settings.smtpd_timeout);
  if (!stream) {
    log::error("smtpd-unreachable")
        .field("id", log_id)
        .field("smtpd", context.settings.smtpd)
        .field("reason", stream.error().message());
    co_return Opened{nullptr, unavailable()};
  }
  auto backend = std::make_unique<Backend>(context, std::move(*stream));
  auto refusal = co_await backend->introduce(client, log_id);
  if (refusal) co_return Opened{nullptr, std::move(refusal)};
  co_return Opened{std::move(backend), {}};
}

// After a refused XCLIENT smtpd would go on as if this host itself were the client, an open relay: anything
// but 220 ends it.
Task<std::optional<smtp::Reply>> Backend::introduce(const ClientIdentity& client, const std::string& log_id) {
  const auto timeout = context_.settings.smtpd_timeout;
  const auto greeting = co_await reply(timeout);
  if (!greeting) co_return unavailable();
  if (greeting->code != 220) co_return *greeting;
  const auto known = co_await command(format_xclient(client), timeout);
  if (!known) co_return unavailable();
  if (known->code != 220) {
    log::error("xclient-refused")
        .field("id", log_id)
        .field("reply", known->one_line())
        .field("parameter",
               "smtpd_authorized_xclient_hosts of the smtpd behind relay.smtpd must name this host");
    co_return known->code == 554 ? *known : smtp::Reply(421, "4.3.0", "mail system is misconfigured");
  }
  const auto offers = co_await command((client.esmtp ? "EHLO " : "HELO ") + client.helo, timeout);
  if (!offers) co_return unavailable();
  if (!offers->is_positive()) co_return *offers;
  if (client.esmtp) context_.smtpd_offers = offers_ = smtp::parse_ehlo(*offers);
  co_return std::nullopt;
}

void Backend::end(std::unique_ptr<Backend> backend) {
  if (!backend) return;
  auto& io = backend->context_.io;
  daemon::asio::co_spawn(
      io, [held = std::move(backend)]() -> Task<> { co_await held->link_.command("QUIT", kQuitTimeout); },
      daemon::asio::detached);
}

}  // namespace smtpseal::relay

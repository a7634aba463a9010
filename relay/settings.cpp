#include "settings.hpp"

#include <boost/asio/ip/host_name.hpp>

namespace smtpseal::relay {
namespace {

using daemon::Seconds;

std::string host_name_or_system(const std::string& configured) {
  return configured.empty() ? boost::asio::ip::host_name() : configured;
}

AddressFamilies families(const std::string& word) {
  if (word == "ipv4") return AddressFamilies::ipv4;
  return word == "ipv6" ? AddressFamilies::ipv6 : AddressFamilies::any;
}

}  // namespace

Settings::Settings(const config::Values& values)
    : hostname(host_name_or_system(values.text("relay.hostname"))),
      line_limit(static_cast<std::size_t>(values.number("relay.line_limit"))),
      auth_line_limit(static_cast<std::size_t>(values.number("relay.auth_line_limit"))),
      data_line_limit(static_cast<std::size_t>(values.number("relay.data_line_limit"))),
      stray_line_ends(values.text("relay.stray_line_ends") == "normalise" ? smtp::StrayLineEnds::normalise
                                                                          : smtp::StrayLineEnds::refuse),
      layer_limits{static_cast<std::size_t>(values.number("relay.record_data")),
                   static_cast<std::size_t>(values.number("relay.record_limit"))},
      lmtp_client_limit(values.number("relay.lmtp_client_limit")),
      recipient_limit(static_cast<std::size_t>(values.number("relay.recipient_limit"))),
      message_size_limit(static_cast<std::uint64_t>(values.number("relay.message_size_limit"))),
      smtp_port(static_cast<std::uint16_t>(values.number("relay.smtp_port"))),
      address_families(families(values.text("relay.address_families"))),
      mx_address_limit(static_cast<std::size_t>(values.number("relay.mx_address_limit"))),
      connect_timeout(values.number("relay.connect_timeout")),
      greeting_timeout(values.number("relay.greeting_timeout")),
      command_timeout(values.number("relay.command_timeout")),
      tls_handshake_timeout(values.number("relay.tls_handshake_timeout")),
      data_init_timeout(values.number("relay.data_init_timeout")),
      data_block_timeout(values.number("relay.data_block_timeout")),
      data_done_timeout(values.number("relay.data_done_timeout")),
      quit_timeout(values.number("relay.quit_timeout")),
      session_reuse_count(values.number("relay.session_reuse_count")),
      session_reuse_idle(values.number("relay.session_reuse_idle")),
      hold_time(values.number("relay.hold_time")),
      retry_time(values.number("relay.retry_time")),
      state_directory(values.text("relay.state_directory")),
      notify_submission(values.text("relay.notify_submission")),
      smtpd(values.text("relay.smtpd")),
      login_of_all(values.text("relay.xclient_login") == "all"),
      client_name_lookup(values.flag("relay.client_name_lookup")),
      session_limit(values.number("relay.session_limit")),
      session_limit_per_address(values.number("relay.session_limit_per_address")),
      server_idle_time(values.number("relay.server_idle_time")),
      server_login_time(values.number("relay.server_login_time")),
      auth_failure_limit(values.number("relay.auth_failure_limit")),
      auth_failure_limit_per_address(values.number("relay.auth_failure_limit_per_address")),
      auth_failure_time(values.number("relay.auth_failure_time")),
      error_limit(values.number("relay.error_limit")),
      auth_only_with_tls(values.flag("relay.auth_only_with_tls")),
      netbios_domain(values.text("relay.netbios_domain")),
      smtpd_timeout(values.number("relay.smtpd_timeout")),
      smtpd_data_done_timeout(values.number("relay.smtpd_data_done_timeout")) {}

}  // namespace smtpseal::relay

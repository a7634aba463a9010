// The relay's parameters as typed values, read once at start. Names are those of smtpseal.toml, section
// [relay].
#pragma once

#include <cstdint>
#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/daemon/async.hpp"
#include "smtpseal/session/security_layer.hpp"
#include "smtpseal/smtp/data_scanner.hpp"

namespace smtpseal::relay {

enum class AddressFamilies { any, ipv4, ipv6 };

struct Settings {
  explicit Settings(const config::Values& values);

  std::string hostname;
  std::size_t line_limit;
  std::size_t auth_line_limit;
  std::size_t data_line_limit;
  smtp::StrayLineEnds stray_line_ends;
  session::LayerLimits layer_limits;

  std::int64_t lmtp_client_limit;
  std::size_t recipient_limit;
  std::uint64_t message_size_limit;
  std::uint16_t smtp_port;
  AddressFamilies address_families;
  std::size_t mx_address_limit;
  daemon::Seconds connect_timeout;
  daemon::Seconds greeting_timeout;
  daemon::Seconds command_timeout;
  daemon::Seconds tls_handshake_timeout;
  daemon::Seconds data_init_timeout;
  daemon::Seconds data_block_timeout;
  daemon::Seconds data_done_timeout;
  daemon::Seconds quit_timeout;
  std::int64_t session_reuse_count;
  daemon::Seconds session_reuse_idle;
  daemon::Seconds hold_time;
  daemon::Seconds retry_time;
  std::string state_directory;
  std::string notify_submission;

  std::string smtpd;
  bool login_of_all;  // xclient_login
  bool client_name_lookup;
  std::int64_t session_limit;
  std::int64_t session_limit_per_address;
  daemon::Seconds server_idle_time;
  daemon::Seconds server_login_time;
  std::int64_t auth_failure_limit;
  std::int64_t auth_failure_limit_per_address;
  daemon::Seconds auth_failure_time;
  std::int64_t error_limit;
  bool auth_only_with_tls;
  std::string netbios_domain;
  daemon::Seconds smtpd_timeout;
  daemon::Seconds smtpd_data_done_timeout;
};

}  // namespace smtpseal::relay

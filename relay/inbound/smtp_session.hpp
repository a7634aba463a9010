// One client's SMTP session with the relay: greeting, EHLO, AUTH NTLM and the seal are ours; from MAIL on
// every command is parsed, judged, written anew and sent to smtpd, and smtpd's reply passed back. No octet of
// the client reaches smtpd as a command that was not seen here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "command_link.hpp"
#include "inbound/auth_exchange.hpp"
#include "inbound/backend.hpp"
#include "inbound/chunk_guard.hpp"
#include "inbound/context.hpp"
#include "relay_metrics.hpp"
#include "smtpseal/policy/inbound.hpp"
#include "smtpseal/session/session_security.hpp"
#include "smtpseal/smtp/command.hpp"
#include "smtpseal/smtp/data_scanner.hpp"

namespace smtpseal::relay {

class SmtpSession {
 public:
  // `client` and `server` are the two ends of the connection.
  SmtpSession(InboundContext& context, daemon::Stream stream, const TcpEndpoint& client,
              const TcpEndpoint& server, std::string id);
  ~SmtpSession();

  // Serves the connection to its end.
  daemon::Task<> run();
  // Ends an idle session with 421: the daemon stops.
  void interrupt() { link_.stream().interrupt(); }
  // What the session has had so far.
  [[nodiscard]] session::SessionSecurity security() const;

 private:
  daemon::Task<Result<std::string_view>> next_command();
  void part(const ErrorCode& why);
  void log_lost(const std::string& reason) const;
  daemon::Task<> handle(std::string_view line);
  void on_helo(std::string_view argument, bool esmtp);
  daemon::Task<smtp::Reply> ehlo_reply();
  daemon::Task<> on_ehlo(std::string_view argument);
  daemon::Task<> on_starttls(std::string_view argument);
  daemon::Task<> on_auth(std::string_view argument, std::string_view verb);
  daemon::Task<AuthStep> exchange(AuthExchange& auth, std::string_view initial_response);
  void count_login(LoginOutcome outcome) const;
  daemon::Task<> accept_login(AuthExchange& auth, const smtp::Reply& reply);
  daemon::Task<> on_mail(std::string_view argument);
  daemon::Task<> on_rcpt(std::string_view argument);
  daemon::Task<> on_data();
  daemon::Task<> on_bdat(std::string_view argument);
  daemon::Task<bool> pass_chunk(smtp::BdatArgument chunk);
  daemon::Task<smtp::Reply> chunk_reply();
  daemon::Task<> on_rset();

  [[nodiscard]] bool is_in_tls() const { return link_.stream().tls() != nullptr; }
  [[nodiscard]] bool offers_tls() const;
  [[nodiscard]] bool offers_auth() const;
  [[nodiscard]] std::optional<smtp::Reply> cannot_start_tls(std::string_view argument) const;
  [[nodiscard]] std::optional<smtp::Reply> cannot_auth(std::string_view mechanism) const;
  [[nodiscard]] policy::InboundVerdict judge(const std::string& sender) const;
  bool may_send(const std::string& sender);
  daemon::Task<bool> open_backend();
  daemon::Task<std::optional<smtp::Reply>> forward(std::string line);
  daemon::Task<bool> stream_content(smtp::DataScanner& scanner);
  void drop_backend();
  void finish_transaction();
  void end_message(std::uint64_t octets, const smtp::Reply& reply);
  void log_message(std::uint64_t octets, const smtp::Reply& reply) const;
  void reject(int code, std::string status, std::string text);
  void say(int code, std::string status, std::string text);
  void end_with(const smtp::Reply& reply);

  InboundContext& context_;
  CommandLink link_;
  TcpEndpoint client_;
  TcpEndpoint server_;
  boost::asio::ip::address address_;  // of the client
  std::string id_;
  std::string helo_;
  bool esmtp_ = true;
  std::string login_;
  session::SessionSecurity security_;
  std::shared_ptr<const policy::PolicySet> login_set_;  // keeps login_account_ alive
  const policy::Account* login_account_ = nullptr;
  std::unique_ptr<Backend> backend_;
  std::string sender_;
  bool mail_accepted_ = false;
  std::size_t recipients_ = 0;
  bool in_bdat_ = false;
  ChunkGuard chunk_guard_;
  std::uint64_t chunk_octets_ = 0;
  std::int64_t auth_failures_ = 0;
  std::int64_t errors_ = 0;
  std::uint64_t messages_ = 0;
  bool ended_ = false;
  metrics::Present present_;
  OctetCount octets_;
};

}  // namespace smtpseal::relay

// The LMTP server (RFC 2033) that Postfix's lmtp(8) hands mail for listed domains to. It has no queue: 250
// for a recipient means that its next hop said 250.
#pragma once

#include <memory>
#include <string>

#include "command_link.hpp"
#include "outbound/transaction.hpp"

namespace smtpseal::relay {

class LmtpSession {
 public:
  // `seven_bit`: announce neither 8BITMIME nor SMTPUTF8, so that Postfix converts.
  LmtpSession(OutboundContext& context, daemon::Stream stream, bool seven_bit, std::string id);

  // Serves the connection to its end.
  daemon::Task<> run();
  // Ends an idle session: the daemon stops.
  void interrupt() { link_.stream().interrupt(); }
  // Whether the session is to go on to no further transaction.
  [[nodiscard]] bool must_end() const {
    return context_.stage == Stage::closing || (context_.stage == Stage::finishing && transactions_ > 0);
  }

 private:
  daemon::Task<Result<std::string_view>> next_line();
  daemon::Task<> handle(std::string_view line);
  void on_lhlo(std::string_view argument);
  void on_mail(std::string_view argument);
  daemon::Task<> on_rcpt(std::string_view argument);
  void on_rset();
  daemon::Task<> on_data();
  void on_xforward(std::string_view argument);
  void say(int code, std::string status, std::string text);

  OutboundContext& context_;
  CommandLink link_;
  bool seven_bit_;
  std::string id_;
  std::string helo_;
  std::string queue_id_;
  std::unique_ptr<Transaction> transaction_;
  unsigned transactions_ = 0;
  bool ended_ = false;
};

}  // namespace smtpseal::relay

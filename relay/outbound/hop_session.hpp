// One session with a next hop, ready for mail: connected, logged on, and sealed where the rule says so.
// Nothing of any message is sent before open() has succeeded.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "outbound/context.hpp"
#include "outbound/failure.hpp"
#include "outbound/login.hpp"
#include "outbound/route.hpp"
#include "smtp_link.hpp"
#include "smtpseal/session/session_security.hpp"
#include "smtpseal/smtp/ehlo.hpp"

namespace smtpseal::relay {

class HopSession {
 public:
  struct Opened {
    std::unique_ptr<HopSession> session;  // null with a failure
    std::optional<Failure> failure;
  };
  // Finds the hosts, tries their addresses in turn, logs on. `log_id` joins the log lines. A refused
  // credential ends the attempt at once: no second host is asked.
  static daemon::Task<Opened> open(OutboundContext& context, const policy::Decision& decision,
                                   const policy::Credential& credential, std::string log_id);

  HopSession(OutboundContext& context, SmtpLink link, const Target& target, std::string key,
             std::string log_id);
  ~HopSession();

  // Sends a command and reads its reply; the error of a failed connection is final for the session.
  daemon::Task<Result<smtp::Reply>> command(std::string line, daemon::Seconds timeout);
  daemon::Task<Result<smtp::Reply>> reply(daemon::Seconds timeout);
  daemon::Task<Result<>> send(std::string_view octets, daemon::Seconds timeout);
  // What an error of the calls above means.
  [[nodiscard]] Failure explain(const ErrorCode& error) const;

  // RSET where a transaction is open; false where the session cannot be used again.
  daemon::Task<bool> reset();
  daemon::Task<> quit();

  [[nodiscard]] bool is_usable() { return !broken_ && !link_.has_unread_input(); }
  [[nodiscard]] const smtp::Ehlo& offers() const { return offers_; }
  // With the octet counts of this moment.
  [[nodiscard]] session::SessionSecurity security() const;
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::string& log_id() const { return log_id_; }

  bool in_transaction = false;
  std::int64_t messages = 0;

 private:
  // Greeting, EHLO, login, EHLO.
  daemon::Task<LoginResult> start(const policy::Decision& decision, const policy::Credential& credential,
                                  const std::string& host);
  daemon::Task<std::optional<Failure>> greet();
  daemon::Task<std::optional<Failure>> say_ehlo();

  OutboundContext& context_;
  SmtpLink link_;
  std::string peer_;
  std::string key_;
  std::string log_id_;
  smtp::Ehlo offers_;
  session::SessionSecurity security_;
  bool broken_ = false;
};

// Sessions with the same key are interchangeable: same rule contents, same secret.
std::string hop_key(const policy::Decision& decision, const policy::Credential& credential);

}  // namespace smtpseal::relay

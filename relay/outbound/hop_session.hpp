// One session with a next hop, ready for mail: connected, in TLS, logged on and sealed as the rule says.
// Nothing of any message is sent before open() has succeeded.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "outbound/context.hpp"
#include "outbound/failure.hpp"
#include "outbound/hop_observer.hpp"
#include "outbound/login.hpp"
#include "outbound/route.hpp"
#include "relay_metrics.hpp"
#include "smtp_link.hpp"
#include "smtpseal/session/session_security.hpp"
#include "smtpseal/smtp/ehlo.hpp"

namespace smtpseal::relay {

// What a session is opened by. Borrows from the policy set, which must outlive the call.
struct HopPlan {
  const policy::Decision& decision;
  const policy::Credential* credential;            // null at level tls, which has no login
  tls::TrustStore authorities;                     // that its certificate is to be checked against
  HopObserver* observer = &HopObserver::nobody();  // only while it opens
};

class HopSession {
 public:
  struct Opened {
    std::unique_ptr<HopSession> session;  // null with a failure
    std::optional<Failure> failure;
  };
  // Finds the hosts, tries their addresses in turn, logs on. `log_id` joins the log lines. A
  // credential that was shown in vain ends the attempt at once: no second host is asked.
  static daemon::Task<Opened> open(OutboundContext& context, const HopPlan& plan, std::string log_id);

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
  // How the certificate was found good enough: "chain", "fingerprint", "no". Of no meaning without TLS.
  [[nodiscard]] const std::string& verified() const { return verified_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::string& log_id() const { return log_id_; }

  // The next hop has answered the end of a message.
  void end_message();

  bool in_transaction = false;
  std::int64_t messages = 0;

 private:
  // Greeting, EHLO, STARTTLS, EHLO, login, EHLO.
  daemon::Task<LoginResult> start(const HopPlan& plan, const Target& target);
  daemon::Task<std::optional<Failure>> greet(HopObserver& observer);
  // `step` is what it is called there.
  daemon::Task<std::optional<Failure>> say_ehlo(HopObserver& observer, std::string_view step);
  daemon::Task<std::optional<Failure>> enter_tls(const HopPlan& plan, const Target& target);
  daemon::Task<LoginResult> log_in_as(const HopPlan& plan, const Target& target);
  void log_opened(const policy::Decision& decision) const;
  void count_opened(daemon::Clock::time_point began) const;

  OutboundContext& context_;
  SmtpLink link_;
  std::string peer_;
  std::string key_;
  std::string log_id_;
  smtp::Ehlo offers_;
  session::SessionSecurity security_;
  std::string verified_ = "no";
  bool broken_ = false;
  metrics::Present present_;
  OctetCount octets_;
};

// Sessions with the same key are interchangeable: same rule contents, same secret, same authorities.
std::string hop_key(const HopPlan& plan);

}  // namespace smtpseal::relay

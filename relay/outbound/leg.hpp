// The part of one transaction that goes to one domain: a session with its next hop, the recipients there, the
// replies. A leg that has failed stays failed; its reply is what each of its recipients is told.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "outbound/hop_session.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::relay {

class Leg {
 public:
  // `decision` borrows from `set`, which is kept alive here.
  Leg(OutboundContext& context, std::shared_ptr<const policy::PolicySet> set, policy::Decision decision,
      std::string log_id);
  ~Leg();
  Leg(const Leg&) = delete;
  Leg& operator=(const Leg&) = delete;

  [[nodiscard]] const std::string& domain() const { return decision_.domain; }

  // MAIL (once) and RCPT at the next hop; the reply for this recipient. `relayed_notice` is set where a
  // "relayed" notice is due for it after delivery.
  daemon::Task<smtp::Reply> add(const smtp::Envelope& mail, const smtp::Envelope& rcpt, bool& relayed_notice);

  // DATA up to 354; false where the leg has failed.
  daemon::Task<bool> begin_data(const std::string& client_helo, const std::string& hostname);
  daemon::Task<> write(std::string_view content);
  // Sends the end-of-data mark; result() fetches what came of it.
  daemon::Task<> send_end();
  daemon::Task<smtp::Reply> result();
  // Content must not reach its end: the connection is cut without the end-of-data mark. `why` is what
  // recipients are told.
  void abort(smtp::Reply why);

  [[nodiscard]] bool has_recipients() const { return recipients_ > 0; }
  [[nodiscard]] const std::optional<smtp::Reply>& failure() const { return failure_; }
  [[nodiscard]] std::string peer() const { return session_ ? session_->peer() : std::string(); }
  [[nodiscard]] session::SessionSecurity security() const {
    return session_ ? session_->security() : session::SessionSecurity();
  }

 private:
  daemon::Task<bool> start_transaction(const smtp::Envelope& mail);
  [[nodiscard]] HopPlan plan() const;
  daemon::Task<bool> open_session();
  daemon::Task<std::optional<Result<smtp::Reply>>> say_mail(const smtp::Envelope& mail);
  void fail(const ErrorCode& error);
  void fail_for(const Failure& failure);
  void take_refusal(const smtp::Reply& reply);
  void fail(smtp::Reply reply);

  OutboundContext& context_;
  std::shared_ptr<const policy::PolicySet> set_;
  policy::Decision decision_;
  const policy::Credential* credential_;  // null where the rule asks for no login
  std::string log_id_;
  std::unique_ptr<HopSession> session_;
  std::size_t recipients_ = 0;  // accepted by the next hop
  bool started_ = false;        // MAIL was tried
  bool in_data_ = false;  // between 354 and the reply to the end of data: nothing but content may be sent
  std::optional<smtp::Reply> failure_;
  // For the counters.
  daemon::Clock::time_point began_;
  session::Protection protection_ = session::Protection::none;
  std::optional<MessageOutcome> outcome_;  // nothing: the message was not tried to its end
};

}  // namespace smtpseal::relay

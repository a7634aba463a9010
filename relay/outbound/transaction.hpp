// One LMTP transaction: an envelope, its recipients, and a leg for every domain among them. The content is
// streamed to all legs at once and never stored; every recipient is told what its own next hop said.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "command_link.hpp"
#include "outbound/leg.hpp"
#include "smtpseal/smtp/data_scanner.hpp"

namespace smtpseal::relay {

class Transaction {
 public:
  // `log_id` and `queue_id` (of Postfix, may be empty) join the log lines.
  Transaction(OutboundContext& context, smtp::Envelope mail, std::string client_helo, std::string log_id,
              std::string queue_id);
  ~Transaction();

  daemon::Task<smtp::Reply> add_recipient(const smtp::Envelope& rcpt);
  [[nodiscard]] std::size_t recipients() const { return recipients_.size(); }

  // From DATA to the last reply, all on `link`. An error means that the LMTP connection has failed; then no
  // next hop got an end-of-data mark, unless its content was complete already.
  daemon::Task<Result<>> data(CommandLink& link);

 private:
  struct Recipient {
    smtp::Envelope envelope;
    Leg* leg;
    bool relayed_notice;
  };
  Leg& leg_for(policy::Decision decision);
  daemon::Task<std::size_t> begin_data();
  daemon::Task<Result<>> stream(CommandLink& link, smtp::DataScanner& scanner);
  daemon::Task<Result<>> report(CommandLink& link);
  void log_delivery(const Recipient& recipient, const smtp::Reply& reply) const;

  OutboundContext& context_;
  std::shared_ptr<const policy::PolicySet> set_;  // one set for the whole transaction
  smtp::Envelope mail_;
  std::string client_helo_;
  std::string log_id_;
  std::string queue_id_;
  std::vector<std::unique_ptr<Leg>> legs_;
  std::vector<Recipient> recipients_;  // accepted ones, in order
};

}  // namespace smtpseal::relay

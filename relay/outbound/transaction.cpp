#include "outbound/transaction.hpp"

#include <algorithm>

#include "outbound/relayed_notice.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::relay {

using daemon::Task;

namespace {

constexpr daemon::Seconds kClientTimeout{180};  // Postfix's lmtp_data_xfer_timeout

}  // namespace

Transaction::Transaction(OutboundContext& context, smtp::Envelope mail, std::string client_helo,
                         std::string log_id, std::string queue_id)
    : context_(context),
      set_(context.policy.current()),
      mail_(std::move(mail)),
      client_helo_(std::move(client_helo)),
      log_id_(std::move(log_id)),
      queue_id_(std::move(queue_id)) {}

Transaction::~Transaction() = default;

Leg& Transaction::leg_for(policy::Decision decision) {
  const auto found = std::find_if(legs_.begin(), legs_.end(),
                                  [&](const auto& leg) { return leg->domain() == decision.domain; });
  if (found != legs_.end()) return **found;
  return *legs_.emplace_back(std::make_unique<Leg>(context_, set_, std::move(decision), log_id_));
}

Task<smtp::Reply> Transaction::add_recipient(const smtp::Envelope& rcpt) {
  if (!set_) co_return smtp::Reply(451, "4.3.5", "smtpseal-relay: " + context_.policy.first_problem());
  if (recipients_.size() >= context_.settings.recipient_limit)
    co_return smtp::Reply(452, "4.5.3", "too many recipients (relay.recipient_limit)");
  policy::Decision decision = policy::decide(*set_, rcpt.path);
  if (decision.kind == policy::Decision::Kind::refuse_form)
    co_return smtp::Reply(550, "5.1.3", decision.reason);
  if (decision.kind == policy::Decision::Kind::not_listed)
    co_return smtp::Reply(451, "4.3.5",
                          "no rule for \"" + decision.domain +
                              "\": Postfix's transport map and the smtpseal domains file disagree");
  Leg& leg = leg_for(std::move(decision));
  bool relayed_notice = false;
  smtp::Reply reply = co_await leg.add(mail_, rcpt, relayed_notice);
  if (reply.is_positive()) recipients_.push_back({rcpt, &leg, relayed_notice});
  co_return reply;
}

Task<std::size_t> Transaction::begin_data() {
  std::size_t ready = 0;
  for (const auto& leg : legs_)
    if (leg->has_recipients() && !leg->failure() &&
        co_await leg->begin_data(client_helo_, context_.settings.hostname))
      ++ready;
  co_return ready;
}

Task<Result<>> Transaction::data(CommandLink& link) {
  const bool any = co_await begin_data() > 0;
  const bool same_for_all = std::all_of(recipients_.begin(), recipients_.end(), [this](const auto& entry) {
    return entry.leg == recipients_.front().leg;
  });
  if (!any && same_for_all) {
    const smtp::Reply refusal = *recipients_.front().leg->failure();
    for (const auto& recipient : recipients_) log_delivery(recipient, refusal);
    link.reply(refusal);
    co_return Result<>();
  }
  link.reply(smtp::Reply(354, "", "End data with <CR><LF>.<CR><LF>"));
  smtp::DataScanner scanner(context_.settings.stray_line_ends, context_.settings.data_line_limit);
  if (auto streamed = co_await stream(link, scanner); !streamed) co_return streamed;
  co_return co_await report(link);
}

Task<Result<>> Transaction::stream(CommandLink& link, smtp::DataScanner& scanner) {
  if (auto flushed = co_await link.flush(); !flushed) co_return flushed;
  std::string content;
  while (!scanner.is_complete()) {
    if (link.unread().empty()) {
      if (auto more = co_await link.read_more(kClientTimeout); !more) co_return more;
    }
    content.clear();
    link.consume(scanner.feed(link.unread(), content));
    if (scanner.is_bad()) {
      for (const auto& leg : legs_) leg->abort(smtp::Reply(554, "5.6.0", scanner.problem()));
      continue;
    }
    for (const auto& leg : legs_)
      if (leg->has_recipients()) co_await leg->write(content);
  }
  for (const auto& leg : legs_)
    if (leg->has_recipients()) co_await leg->send_end();
  co_return Result<>();
}

// LMTP wants one reply for each accepted recipient, in order (RFC 2033 4.2). Each is passed on as soon as it
// is known, so that a slow next hop costs the others no second delivery.
Task<Result<>> Transaction::report(CommandLink& link) {
  std::vector<std::pair<Leg*, smtp::Reply>> known;
  for (const auto& recipient : recipients_) {
    auto found = std::find_if(known.begin(), known.end(),
                              [&](const auto& entry) { return entry.first == recipient.leg; });
    if (found == known.end()) {
      if (auto flushed = co_await link.flush(); !flushed) co_return flushed;
      smtp::Reply reply = co_await recipient.leg->result();
      found = known.emplace(known.end(), recipient.leg, std::move(reply));
    }
    log_delivery(recipient, found->second);
    if (found->second.is_positive() && recipient.relayed_notice)
      submit_relayed_notice(context_, {mail_, recipient.envelope, recipient.leg->peer(), log_id_});
    link.reply(found->second);
  }
  co_return Result<>();
}

void Transaction::log_delivery(const Recipient& recipient, const smtp::Reply& reply) const {
  const session::SessionSecurity had = recipient.leg->security();
  log::info("delivery")
      .field("id", log_id_)
      .optional("queue", queue_id_)
      .field("from", "<" + mail_.path + ">")
      .field("to", "<" + recipient.envelope.path + ">")
      .field("domain", recipient.leg->domain())
      .field("host", recipient.leg->peer())
      .field("status", had.is_proven_sealed() ? "sealed"
                                              : session::name(had.protection == session::Protection::sealed
                                                                  ? session::Protection::unknown
                                                                  : had.protection))
      .field("bits", had.bits)
      .field("reply", reply.one_line());
}

}  // namespace smtpseal::relay

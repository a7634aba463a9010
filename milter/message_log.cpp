#include "message_log.hpp"

#include "smtpseal/log/log.hpp"

namespace smtpseal::milter {
namespace {

using Kind = policy::InboundVerdict::Kind;

std::string_view event(Kind kind) {
  if (kind == Kind::refuse) return "sender-refused";
  return kind == Kind::defer ? "sender-deferred" : "sender-would-be-refused";
}

}  // namespace

void log_verdict(const Envelope& envelope, const session::SessionSecurity& security,
                 const policy::InboundVerdict& verdict) {
  if (verdict.is_pass()) return;
  log::warning(event(verdict.kind))
      .optional("queue", envelope.queue_id)
      .optional("session", security.session_id)
      .field("client", envelope.peer.address)
      .field("from", "<" + std::string(envelope.sender) + ">")
      .optional("account", security.account)
      .optional("domain", verdict.domain)
      .optional("rule", verdict.rule)
      .field("reason", verdict.reason);
}

void log_message(const Envelope& envelope, const Ending& ending) {
  const auto& security = ending.security;
  log::info("message")
      .field("queue", envelope.queue_id)
      .optional("session", security.session_id)
      .field("client", envelope.peer.address)
      .field("from", "<" + std::string(envelope.sender) + ">")
      .field("status", session::name(security.protection))
      .field("bits", security.bits)
      .optional("account", security.account)
      .optional("reason", security.unknown_reason)
      .field("removed", ending.removals.size())
      .field("verdict", ending.verdict.is_pass() ? "pass" : "would-reject");
}

}  // namespace smtpseal::milter

#include "outbound/delivery_check.hpp"

#include <string>

namespace smtpseal::relay {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

namespace {

SocketmapReply refusal(const smtp::Reply& reply) {
  return {reply.is_permanent() ? SocketmapStatus::perm : SocketmapStatus::temp, reply.one_line()};
}

}  // namespace

Failure to_failure(const CredentialGate::Denial& denial) {
  // Only a refusal says something about the rule; the others go by, and must not bounce mail.
  if (denial.why == CredentialGate::Denial::Why::refused)
    return {Failure::Kind::protection, Failure::Reason::held, "7.8", denial.text};
  return {Failure::Kind::temporary, Failure::Reason::held, "7.0", denial.text};
}

std::optional<Failure> held_login(const OutboundContext& context, const policy::Credential& credential) {
  const auto denial = context.gate.held(credential);
  return denial ? std::optional(to_failure(*denial)) : std::nullopt;
}

SocketmapReply delivery_answer(const OutboundContext& context, std::string_view address) {
  const auto set = context.policy.current();
  if (!set) return refusal({451, "4.3.5", "the tables of smtpseal-relay are not usable"});
  const policy::Decision decision = policy::decide(*set, address);
  if (decision.kind == policy::Decision::Kind::not_listed) return {SocketmapStatus::notfound, {}};
  if (decision.kind == policy::Decision::Kind::refuse_form)
    return refusal({550, "5.1.3", "the address names a listed domain in its local part"});
  const auto* credential = set->credentials.find(decision.rule->account);
  const auto failure = credential == nullptr ? std::nullopt : held_login(context, *credential);
  // What goes by is left to the queue: it is no reason to turn the message away at its submission.
  if (failure && failure->kind == Failure::Kind::protection) {
    smtp::Reply reply = to_reply(*failure, decision);
    reply.lines = {decision.domain + " (rule " + decision.rule->pattern + " requires " +
                   std::string(policy::name(decision.rule->level)) +
                   "): the credential for it is on hold after a refused login"};
    return refusal(reply);
  }
  return {SocketmapStatus::ok, decision.rule->origin.text()};
}

}  // namespace smtpseal::relay

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

std::optional<Failure> held_login(const OutboundContext& context, const policy::Credential& credential) {
  if (!context.gate.is_held(credential)) return std::nullopt;
  return Failure{Failure::Kind::protection, "7.8",
                 "credential of account " + credential.account +
                     " is on hold after a refused login; set it anew, or wait"};
}

SocketmapReply delivery_answer(const OutboundContext& context, std::string_view address) {
  const auto set = context.policy.current();
  if (!set) return refusal({451, "4.3.5", "smtpseal-relay: " + context.policy.first_problem()});
  const policy::Decision decision = policy::decide(*set, address);
  if (decision.kind == policy::Decision::Kind::not_listed) return {SocketmapStatus::notfound, {}};
  if (decision.kind == policy::Decision::Kind::refuse_form) return refusal({550, "5.1.3", decision.reason});
  const auto* credential = set->credentials.find(decision.rule->account);
  if (const auto failure = held_login(context, *credential)) return refusal(to_reply(*failure, decision));
  return {SocketmapStatus::ok, decision.rule->origin.text()};
}

}  // namespace smtpseal::relay

#include "outbound/failure.hpp"

namespace smtpseal::relay {
namespace {

bool is_final(const Failure& failure, const policy::DomainRule& rule) {
  if (failure.kind == Failure::Kind::protection) return rule.on_failure == policy::OnFailure::bounce;
  return failure.kind == Failure::Kind::permanent;
}

}  // namespace

smtp::Reply to_reply(const Failure& failure, const policy::Decision& decision) {
  const policy::DomainRule& rule = *decision.rule;
  const bool final = is_final(failure, rule);
  // Domain and rule come first: a long reply of the next hop in the reason may be cut at the end.
  std::string text = decision.domain + " (rule " + rule.origin.text() + " requires " +
                     std::string(policy::name(rule.level)) + "): " + failure.text;
  if (failure.kind == Failure::Kind::protection) text += "; nothing of the message left in clear";
  return {final ? 550 : 451, (final ? "5." : "4.") + failure.status, std::move(text)};
}

}  // namespace smtpseal::relay

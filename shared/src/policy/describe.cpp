#include "smtpseal/policy/describe.hpp"

namespace smtpseal::policy {

std::string_view outbound_route(Decision::Kind kind) {
  switch (kind) {
    case Decision::Kind::not_listed:
      return "left to the mail server's own route";
    case Decision::Kind::secure:
      return "through the relay";
    case Decision::Kind::refuse_form:
      return "refused by the relay (550 5.1.3)";
  }
  return {};
}

std::string inbound_requirement(const DomainRule& rule) {
  if (rule.inbound != InboundRule::require) return {};
  std::string text =
      "must arrive sealed with at least " + std::to_string(rule.strength) + " bit, by " +
      (rule.inbound_account.empty() ? "an account bound to the domain" : "account " + rule.inbound_account);
  if (rule.mode == Mode::report) text += " (mode=report: only reported)";
  return text;
}

std::string describe(const PolicySet& set, std::string_view address) {
  const Decision decision = decide(set, address);
  std::string text = "mail to it is " + std::string(outbound_route(decision.kind)) + ": " + decision.reason;
  if (decision.rule == nullptr) return text;
  if (const auto weak = decision.rule->weaknesses(); !weak.empty()) text += "; weak: " + weak;
  if (const auto inbound = inbound_requirement(*decision.rule); !inbound.empty())
    text += "; mail from it " + inbound;
  return text;
}

}  // namespace smtpseal::policy

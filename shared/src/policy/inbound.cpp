#include "smtpseal/policy/inbound.hpp"

#include <boost/algorithm/string/predicate.hpp>

namespace smtpseal::policy {
namespace {

using session::Protection;
using Kind = InboundVerdict::Kind;

InboundVerdict verdict(Kind kind, smtp::Reply reply, std::string domain, std::string rule,
                       std::string reason) {
  return {kind, std::move(reply), std::move(domain), std::move(rule), std::move(reason)};
}

// Another domain than the one that is judged is what the MTA makes of such an address, or none at all.
InboundVerdict unusable(const std::string& reason) {
  return verdict(Kind::refuse, smtp::Reply(553, "5.1.7", "the sender address is not usable: " + reason), {},
                 {}, reason);
}

bool is_named_account(const DomainRule& rule, const Account* account, const std::string& domain) {
  if (account == nullptr) return false;
  return rule.inbound_account.empty() ? account->is_bound_to(domain)
                                      : boost::algorithm::iequals(account->account, rule.inbound_account);
}

// Why the session does not meet the rule; empty: it does.
std::string shortcoming(const DomainRule& rule, const session::SessionSecurity& security,
                        const Account* account, const std::string& domain) {
  if (security.protection != Protection::sealed || security.octets_unsealed == 0)
    return "the session is not sealed";
  if (security.bits < rule.strength)
    return "the seal is too weak: " + std::to_string(security.bits) + " < " + std::to_string(rule.strength) +
           " bits";
  if (!is_named_account(rule, account, domain)) return "the account is not bound to the domain";
  return {};
}

InboundVerdict judge_domain(const DomainRule& rule, const session::SessionSecurity& security,
                            const Account* account, const std::string& domain) {
  const std::string requirement =
      "mail from " + domain + " must arrive in a sealed session (rule " + rule.pattern + "): ";
  const bool is_unknown = security.protection == Protection::unknown;
  const std::string reason = is_unknown
                                 ? "what protects this session cannot be told: " + security.unknown_reason
                                 : shortcoming(rule, security, account, domain);
  if (reason.empty()) return {};
  smtp::Reply reply = is_unknown ? smtp::Reply(451, "4.7.1", requirement + reason)
                                 : smtp::Reply(550, "5.7.1", requirement + reason);
  const Kind kind = rule.mode == Mode::report ? Kind::report : is_unknown ? Kind::defer : Kind::refuse;
  return verdict(kind, std::move(reply), domain, rule.origin.text(), reason);
}

// VERP and list addresses have words behind "%" and "!" that are no domains.
bool is_meant(const DomainRule& rule, const std::string& hidden) {
  return rule.pattern != "*" || hidden.find('.') != std::string::npos;
}

InboundVerdict judge_domains(const PolicySet& set, const session::SessionSecurity& security,
                             const Account* account, const AddressDomains& sender) {
  InboundVerdict worst;
  const auto judge = [&](const std::string& domain, bool is_hidden) {
    const auto* rule = set.domains.find(domain);
    if (rule == nullptr || rule->inbound != InboundRule::require) return;
    if (is_hidden && !is_meant(*rule, domain)) return;
    auto found = judge_domain(*rule, security, account, domain);
    if (worst.is_pass() || (worst.kind == Kind::report && !found.is_pass())) worst = std::move(found);
  };
  judge(sender.domain, false);
  for (const auto& hidden : sender.hidden) judge(hidden, true);
  return worst;
}

InboundVerdict judge_binding(const PolicySet& set, const Account* account, const std::string& domain) {
  if (account == nullptr || account->domains.empty() || account->is_bound_to(domain)) return {};
  const auto* rule = set.domains.find(domain);
  const bool report = rule != nullptr && rule->mode == Mode::report;
  const std::string reason = "the account may not send as " + domain;
  return verdict(report ? Kind::report : Kind::refuse, smtp::Reply(550, "5.7.1", reason), domain,
                 account->origin.text(), reason);
}

}  // namespace

const Account* account_of(const PolicySet& set, const session::SessionSecurity& security) {
  if (security.mechanism != "NTLM" || security.account.empty()) return nullptr;
  if (const auto* account = set.accounts.find(security.account)) return account;
  const auto name = split_account(security.account);
  return set.accounts.find(name.domain, name.user);
}

InboundVerdict judge_sender(const PolicySet& set, const session::SessionSecurity& security,
                            std::string_view sender) {
  if (sender.empty()) return {};
  const Account* account = account_of(set, security);
  const bool is_bound = account != nullptr && !account->domains.empty();
  if (!set.domains.requires_any() && !is_bound) return {};
  const auto domains = address_domains(sender);
  if (!domains) return unusable(domains.error().message());
  // The MTA would complete either with a domain that is not known here (append_at_myorigin and
  // append_dot_mydomain of Postfix).
  if (domains->domain.empty()) return unusable("it has no domain");
  if (domains->domain.find('.') == std::string::npos && !domains->domain.starts_with('['))
    return unusable("its domain is not complete");
  auto found = judge_domains(set, security, account, *domains);
  if (found.kind == Kind::refuse || found.kind == Kind::defer) return found;
  auto binding = judge_binding(set, account, domains->domain);
  return found.is_pass() || binding.kind == Kind::refuse ? binding : found;
}

InboundVerdict judge_network(const NetworkRules& rules, const session::SessionSecurity& security,
                             const AddressOctets& client) {
  const auto rule = rules.find(client);
  if (satisfies(security, rule.demand)) return {};
  if (security.protection == Protection::unknown) {
    const std::string reason = "what protects this session cannot be told: " + security.unknown_reason;
    return verdict(Kind::defer, smtp::Reply(451, "4.7.1", reason), {}, rule.rule, reason);
  }
  if (rule.demand == Demand::seal) {
    const std::string reason = "an NTLM sealed session is required from your network";
    return verdict(Kind::refuse, smtp::Reply(530, "5.7.10", reason), {}, rule.rule, reason);
  }
  const std::string reason = "authentication is required from your network";
  return verdict(Kind::refuse, smtp::Reply(530, "5.7.0", reason), {}, rule.rule, reason);
}

}  // namespace smtpseal::policy

#include "smtpseal/policy/sendmail_tables.hpp"

#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::policy {
namespace {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

// The host part of the answer where the domain is none: it names the session in Sendmail's log, no more.
constexpr std::string_view kNoDomain = "invalid";

// Ruleset 3 makes user@partner.example.UUCP of the bang path partner.example!user, unless FEATURE(nouucp) is
// set. A smart host could undo that, so it means the domain it was made of.
constexpr std::string_view kUucp = ".uucp";

std::string route(const MailerNames& mailers, const DomainRule* rule, std::string_view domain) {
  const auto& mailer = needs_seven_bit(rule) ? mailers.relay_seven_bit : mailers.relay;
  return mailer + ":" + std::string(domain);
}

// The rule by which mail to the domain goes to the relay; nullptr: it does not.
const DomainRule* securing_rule(const DomainMap& domains, std::string_view domain) {
  const auto* rule = domains.find(domain);
  if (rule != nullptr && rule->level != Level::none) return rule;
  if (!domain.ends_with(kUucp)) return nullptr;
  return securing_rule(domains, domain.substr(0, domain.size() - kUucp.size()));
}

}  // namespace

SocketmapReply mailertable_lookup(const PolicySet* set, const MailerNames& mailers, std::string_view key) {
  if (set == nullptr) return no_tables();
  // The first key of a recipient was its whole domain, and the answer to that knew the rules of all parents.
  // An answer here would undo an exception below a listed domain.
  if (key.starts_with('.')) return {SocketmapStatus::notfound, {}};
  const auto domain = canonical_domain(key);
  if (!domain && set->domains.secures_any()) {
    // It could be a listed domain in a spelling unknown here; the relay refuses it with the reason.
    return {SocketmapStatus::ok, route(mailers, nullptr, kNoDomain)};
  }
  const auto* rule = domain ? securing_rule(set->domains, *domain) : nullptr;
  if (rule == nullptr) return {SocketmapStatus::notfound, {}};
  return {SocketmapStatus::ok, route(mailers, rule, *domain)};
}

}  // namespace smtpseal::policy

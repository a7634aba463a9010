#include "smtpseal/policy/sendmail_tables.hpp"

#include <algorithm>
#include <unordered_set>

#include "exported_text.hpp"
#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::policy {
namespace {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

// The host part of the answer where the domain is none: it names the session in Sendmail's log, no more.
constexpr std::string_view kNoDomain = "invalid";

std::string route(const MailerNames& mailers, const DomainRule* rule, std::string_view domain) {
  const auto& mailer = needs_seven_bit(rule) ? mailers.relay_seven_bit : mailers.relay;
  return mailer + ":" + std::string(domain);
}

bool is_secured(const DomainRule* rule) {
  return rule != nullptr && rule->level != Level::none;
}

// What Sendmail's resolver takes for an IPv4 address, though it stands in no brackets: 192.0.2.1, 3221225985,
// 0xc0.0x2.513. A last label of digits is no name of a host (RFC 3696 section 2).
bool is_numeric(std::string_view domain) {
  std::string_view last = domain.substr(domain.find_last_of('.') + 1);
  const bool is_hexadecimal = last.starts_with("0x");
  if (is_hexadecimal) last.remove_prefix(2);
  const std::string_view digits = is_hexadecimal ? "0123456789abcdef" : "0123456789";
  return last.find_first_not_of(digits) == std::string_view::npos;
}

bool is_literal(std::string_view pattern) {
  return pattern.starts_with('[');
}

// Whether `holds` is true of a name above `name`, nearest first; the last one is "", which is above all.
template <typename Claim>
bool any_parent(std::string_view name, const Claim& holds) {
  const std::size_t first = is_literal(name) ? std::string_view::npos : name.find('.');
  for (std::size_t dot = first; dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (holds(name.substr(dot + 1))) return true;
  }
  return !name.empty() && holds(std::string_view());
}

// The domain that a pattern is about: itself, what its subdomains end in, "" for all.
std::string name_of(const std::string& pattern) {
  if (pattern == "*") return {};
  return pattern.starts_with('.') ? pattern.substr(1) : pattern;
}

class MailertableExport {
 public:
  MailertableExport(const DomainMap& domains, const MailerNames& mailers)
      : domains_(domains), mailers_(mailers) {}

  [[nodiscard]] std::string text() const {
    std::string lines;
    for (const auto& rule : domains_.rules()) {
      if (is_literal(rule.pattern) && is_secured(&rule))
        lines.append("# " + rule.pattern + ": never looked up (" + rule.origin.text() + ")\n");
      const auto value = value_of(rule);
      if (value.empty()) continue;
      for (const auto& spelling : spellings(rule.pattern == "*" ? "." : rule.pattern))
        lines.append(spelling).append("\t").append(value).append("\n");
    }
    return lines;
  }

 private:
  // Empty: the entry can be left out.
  [[nodiscard]] std::string value_of(const DomainRule& rule) const {
    if (is_literal(rule.pattern)) return {};
    if (is_secured(&rule)) return route(mailers_, &rule, host_of(rule.pattern));
    const bool is_exception = any_parent(name_of(rule.pattern), [this](std::string_view parent) {
      return is_secured(domains_.find("." + std::string(parent)));
    });
    return is_exception ? "esmtp:" + host_of(rule.pattern) : std::string();
  }

  // %1 is what the key left out of the domain.
  static std::string host_of(const std::string& pattern) {
    if (pattern == "*") return "%1";
    return pattern.starts_with('.') ? "%1" + pattern : pattern;
  }

  const DomainMap& domains_;
  const MailerNames& mailers_;
};

// Least strength of the seal. Level auth asks for a login, and a login of a Sendmail that takes this table
// always brings a seal, so that the least one says the same. 0: nothing is asked for.
unsigned bits(const DomainRule* rule) {
  if (!is_secured(rule)) return 0;
  return rule->level == Level::seal ? rule->strength : 40;
}

class AccessExport {
 public:
  explicit AccessExport(const DomainMap& domains) : domains_(domains) {
    for (const auto& rule : domains_.rules()) {
      if (is_secured(&rule)) secured_names_.insert(name_of(rule.pattern));
    }
  }

  [[nodiscard]] std::string text() && {
    std::unordered_set<std::string> seen;
    for (const auto& rule : domains_.rules()) {
      if (const auto name = name_of(rule.pattern); seen.insert(name).second) append_name(name);
    }
    append_ipv6();
    return std::move(text_);
  }

 private:
  void append(const std::string& key, unsigned strength) {
    const std::string value = strength == 0 ? "none" : std::to_string(strength);
    for (const auto& spelling : spellings(key))
      text_.append("SmtpSeal:").append(spelling).append("\t").append(value).append("\n");
  }

  // Whether "none" is needed, as an exception from something above. Elsewhere what the administrator asks for
  // by entries of his own holds.
  [[nodiscard]] bool is_below_secured(std::string_view name) const {
    return any_parent(
        name, [this](std::string_view parent) { return secured_names_.contains(std::string(parent)); });
  }

  void append_name(const std::string& name) {
    const bool has_subdomains = !name.empty() && !is_literal(name);
    const unsigned own = bits(domains_.find(name.empty() ? "*" : name));
    const auto* rule_below = domains_.find("." + name);
    const unsigned below = has_subdomains ? bits(rule_below) : own;
    if (below > own)
      text_.append("# " + name + " itself gets what its subdomains need (" + rule_below->origin.text() +
                   ")\n");
    const unsigned both = std::max(own, below);
    if (both != 0 || is_below_secured(name)) append(name, both);
    if (below != both) append("." + name, below);
  }

  // One IPv6 address has many spellings, of which Sendmail looks up the one it is given. It ends the search
  // at this key.
  void append_ipv6() {
    unsigned strictest = 0;
    for (const auto& rule : domains_.rules()) {
      if (rule.pattern.starts_with("[ipv6:")) strictest = std::max(strictest, bits(&rule));
    }
    if (strictest != 0) append("[ipv6]", strictest);
  }

  const DomainMap& domains_;
  std::unordered_set<std::string> secured_names_;
  std::string text_;
};

}  // namespace

SocketmapReply mailertable_lookup(const PolicySet* set, const MailerNames& mailers, std::string_view key) {
  if (set == nullptr) return no_tables();
  // The first key of a recipient was its whole domain, and the answer to that knew the rules of all parents.
  // An answer here would undo an exception below a listed domain.
  if (key.starts_with('.')) return {SocketmapStatus::notfound, {}};
  const auto domain = canonical_domain(key);
  if ((!domain || is_numeric(*domain)) && set->domains.secures_any()) {
    // It could be a listed domain in a spelling unknown here; the relay refuses it, or defers.
    return {SocketmapStatus::ok, route(mailers, nullptr, kNoDomain)};
  }
  const auto* rule = domain ? set->domains.find(*domain) : nullptr;
  if (rule == nullptr || rule->level == Level::none) return {SocketmapStatus::notfound, {}};
  return {SocketmapStatus::ok, route(mailers, rule, *domain)};
}

std::string export_mailertable(const PolicySet& set, const MailerNames& mailers) {
  std::string text = table_header(set, "Sendmail mailertable", "smtpseal export sendmail --mailertable");
  text +=
      "# Use: makemap hash FILE <FILE, with FEATURE(mailertable) and nocanonify; the mailers are those of "
      "smtpseal.m4.\n";
  return text + MailertableExport(set.domains, mailers).text();
}

std::string export_access(const PolicySet& set) {
  std::string text = table_header(set, "entries of Sendmail's access map", "smtpseal export sendmail");
  text +=
      "# Use: cat FILE /etc/mail/access.local | makemap hash /etc/mail/access, for a Sendmail that seals "
      "by\n";
  text +=
      "# itself (SMTPSEAL_OUTBOUND native of smtpseal.m4). Entries for a domain cover all domains below it\n";
  text +=
      "# too, and those that begin with a dot mean nothing, unless FEATURE(access_db) has lookupdotdomain.\n";
  return text + AccessExport(set.domains).text();
}

}  // namespace smtpseal::policy

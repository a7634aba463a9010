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

unsigned bits(const DomainRule* rule) {
  return rule != nullptr && rule->level == Level::seal ? rule->strength : 0;
}

// What Sendmail asks of a session by this rule; empty: nothing can be said. An access map cannot ask for a
// login, so that level auth is left with the requirement from above, if any.
std::string requirement(const DomainRule* rule) {
  if (!is_secured(rule)) return "OK";
  if (bits(rule) == 0) return {};
  return (rule->on_failure == OnFailure::bounce ? "PERM+ENCR:" : "ENCR:") + std::to_string(bits(rule));
}

class AccessExport {
 public:
  explicit AccessExport(const DomainMap& domains) : domains_(domains) {
    for (const auto& rule : domains_.rules()) {
      if (bits(&rule) != 0) sealed_names_.insert(name_of(rule.pattern));
    }
  }

  [[nodiscard]] std::string text() && {
    std::unordered_set<std::string> seen;
    for (const auto& rule : domains_.rules()) {
      if (rule.level == Level::auth)
        comment(rule.pattern + ": level auth cannot be said here (" + rule.origin.text() + ")");
      if (const auto name = name_of(rule.pattern); seen.insert(name).second) append_name(name);
    }
    append_ipv6();
    return std::move(text_);
  }

 private:
  void comment(const std::string& words) { text_.append("# ").append(words).append("\n"); }

  void append(const std::string& key, const std::string& entry) {
    for (const auto& spelling : spellings(key))
      text_.append("TLS_Rcpt:").append(spelling).append("\t").append(entry).append("\n");
  }

  // "OK" where nothing stands above from which it would have to be an exception is no entry, so that those of
  // the administrator hold.
  void append_needed(const std::string& key, std::string_view name, const std::string& entry) {
    const auto is_sealed = [this](std::string_view parent) {
      return sealed_names_.contains(std::string(parent));
    };
    const bool is_needed =
        key.starts_with('.') ? is_sealed(name) || any_parent(name, is_sealed) : any_parent(name, is_sealed);
    if (!entry.empty() && (entry != "OK" || is_needed)) append(key, entry);
  }

  void append_name(const std::string& name) {
    const bool has_subdomains = !name.empty() && !is_literal(name);
    const auto* own = domains_.find(name.empty() ? "*" : name);
    const auto* below = has_subdomains ? domains_.find("." + name) : own;
    // Level auth, of which nothing can be said, must not become an exception by its neighbour.
    const bool is_below_stricter =
        bits(below) > bits(own) || (bits(own) == 0 && is_secured(below) && !is_secured(own));
    const auto entry = requirement(is_below_stricter ? below : own);
    const auto entry_below = requirement(below);
    if (is_below_stricter && !entry.empty())
      comment(name + " itself needs what is asked of its subdomains (" + below->origin.text() + ")");
    append_needed(name, name, entry);
    if (entry_below != entry) append_needed("." + name, name, entry_below);
  }

  // One IPv6 address has many spellings, of which Sendmail looks up the one it is given. It ends the search
  // at this key.
  void append_ipv6() {
    unsigned strictest = 0;
    for (const auto& rule : domains_.rules()) {
      if (rule.pattern.starts_with("[ipv6:")) strictest = std::max(strictest, bits(&rule));
    }
    if (strictest != 0) append("[ipv6]", "ENCR:" + std::to_string(strictest));
  }

  const DomainMap& domains_;
  std::unordered_set<std::string> sealed_names_;  // those of which anything under them needs a seal
  std::string text_;
};

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
      "# itself (SMTPSEAL_OUTBOUND native). Entries for a domain cover all domains below it too, and those\n";
  text += "# that begin with a dot mean nothing, unless FEATURE(access_db) has lookupdotdomain.\n";
  return text + AccessExport(set.domains).text();
}

}  // namespace smtpseal::policy

#include "smtpseal/policy/policy_set.hpp"

#include <atomic>
#include <optional>

#include "smtpseal/policy/checked_file.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::policy {
namespace {

// Reads the three files into one set and collects what is wrong with them.
class SetLoader {
 public:
  SetLoader(const crypto::Engine& engine, const PolicyFiles& files) : engine_(engine), files_(files) {}

  PolicyLoad load() {
    load_domains();
    load_credentials();
    load_accounts();
    for (const auto& rule : set_->domains.rules()) check_rule(rule);
    for (const auto& account : set_->accounts.entries()) check_account(account);
    if (!load_.problems.empty()) return std::move(load_);
    if (!files_.keep_secrets) set_->accounts.forget_secrets();
    static std::atomic<std::uint64_t> generation{0};
    set_->generation = ++generation;
    load_.set = set_;
    return std::move(load_);
  }

 private:
  void refuse(Origin origin, std::string text) {
    load_.problems.push_back({std::move(origin), std::move(text)});
  }
  void warn(const Origin& origin, const std::string& text) {
    load_.warnings.push_back(origin.text() + ": " + text);
  }

  void load_domains() {
    const auto file = read_checked_file(files_.domains, Confidential::no);
    if (!file.text) return refuse({files_.domains, 0}, file.problem);
    set_->domains = DomainMap::parse(file.text->reveal(), files_.domains, load_.problems);
  }

  // The text of a file that may be absent: empty then, and what needs it is found missing rule by rule. No
  // value where the file is not wanted or not usable, so that there is nothing to check against.
  std::optional<SecretText> optional_text(const std::string& path) {
    if (path.empty()) return std::nullopt;
    auto file = read_checked_file(path, Confidential::yes);
    if (file.missing) return SecretText();
    if (!file.text) refuse({path, 0}, file.problem);
    return std::move(file.text);
  }

  void load_credentials() {
    const auto text = optional_text(files_.credentials);
    if (!text) return;
    set_->credentials = Credentials::parse(engine_, text->reveal(), files_.credentials, load_.problems);
    check_credentials_ = true;
  }

  void load_accounts() {
    const auto text = optional_text(files_.accounts);
    if (!text) return;
    set_->accounts = Accounts::parse(engine_, text->reveal(), files_.accounts, load_.problems);
    check_accounts_ = true;
  }

  void check_rule(const DomainRule& rule) {
    if (const auto weak = rule.weaknesses(); !weak.empty())
      warn(rule.origin, rule.pattern + " is weak: " + weak);
    if (rule.level == Level::auth && rule.tls.mode == TlsMode::none) {
      warn(rule.origin,
           rule.pattern + " is only authenticated (level auth): its mail can be read on the way");
    }
    if (rule.mode == Mode::report) {
      warn(rule.origin,
           rule.pattern + " has mode=report: inbound mail that breaks its rule is reported, not refused");
    }
    if (rule.level >= Level::auth && check_credentials_) check_credential(rule);
    if (rule.tls.mode == TlsMode::verify) check_certificates(rule);
    if (rule.inbound == InboundRule::require && check_accounts_) check_inbound(rule);
  }

  void check_credential(const DomainRule& rule) {
    const auto* credential = set_->credentials.find(rule.account);
    if (credential == nullptr) {
      return refuse(rule.origin, "account=" + shown(rule.account) + " has no line in " + files_.credentials +
                                     "; add it with: smtpseal credential set '" + rule.account + "'");
    }
    if (rule.shows_password() && !credential->secret.password) {
      refuse(rule.origin,
             "mechanisms= PLAIN and LOGIN need the password itself of account=" + shown(rule.account) +
                 ", of which " + credential->origin.text() +
                 " has a hash; write it with: smtpseal credential set --clear '" + rule.account + "'");
    }
    const bool lm_key = rule.level == Level::seal && rule.profile != Profile::modern && rule.strength < 128;
    if (lm_key && !credential->secret.lm_hash) {
      refuse(rule.origin, "profile=" + std::string(name(rule.profile)) +
                              " with strength=" + std::to_string(rule.strength) +
                              " needs the LM hash of account=" + shown(rule.account) + ", which " +
                              credential->origin.text() +
                              " lacks; write it with: smtpseal credential set --lm '" + rule.account +
                              "' (a password over 14 characters or not ASCII has no LM hash)");
    }
  }

  void check_certificates(const DomainRule& rule) {
    const bool names_nobody = !rule.nexthop || rule.nexthop->mx_lookup;
    if (names_nobody && rule.tls.name.empty() && rule.tls.fingerprints.empty())
      warn(rule.origin,
           rule.pattern +
               " takes the name that the certificate must have from DNS (MX), where it can be forged; "
               "nexthop=[host], tls_name= or fingerprint= says it");
    if (check_credentials_ && !rule.tls.ca_file.empty()) load_authorities(rule);
  }

  void load_authorities(const DomainRule& rule) {
    const std::string& path = rule.tls.ca_file;
    if (set_->authorities.contains(path)) return;
    const auto file = read_checked_file(path, Confidential::no);
    if (!file.text) return refuse(rule.origin, "ca_file=" + shown(path) + ": " + file.problem);
    auto parsed = tls::parse_trust_store(file.text->reveal());
    if (!parsed.store) return refuse(rule.origin, "ca_file=" + shown(path) + ": " + parsed.problem);
    set_->authorities.emplace(path, std::move(parsed.store));
  }

  void check_inbound(const DomainRule& rule) {
    if (rule.inbound_account.empty()) return check_any_bound(rule);
    const auto* account = set_->accounts.find(rule.inbound_account);
    if (account == nullptr) {
      return refuse(rule.origin, "inbound_account=" + shown(rule.inbound_account) + " has no line in " +
                                     files_.accounts + "; add it with: smtpseal account add '" +
                                     rule.inbound_account + "'");
    }
    if (!account->domains.empty() && !covers(*account, rule.pattern)) {
      warn(rule.origin, "inbound_account=" + shown(rule.inbound_account) + " is bound to other domains by " +
                            account->origin.text());
    }
  }

  // inbound=require without a name: some account must be bound to the domain, or nobody could ever send from
  // it.
  void check_any_bound(const DomainRule& rule) {
    for (const auto& account : set_->accounts.entries()) {
      if (covers(account, rule.pattern)) return;
    }
    refuse(rule.origin, "inbound=require, but no account is bound to " + rule.pattern +
                            "; name one with inbound_account=, or bind one with domains= in " +
                            files_.accounts);
  }

  static bool covers(const Account& account, const std::string& pattern) {
    for (const auto& bound : account.domains) {
      if (bound == pattern) return true;
    }
    return account.is_bound_to(pattern);
  }

  static std::string weakness(const Account& account) {
    std::string text;
    if (account.profile != Profile::modern)
      text = "NTLMv1 (profile=" + std::string(name(account.profile)) + ")";
    if (account.strength == 128) return text;
    const auto strength = std::to_string(account.strength);
    return text + (text.empty() ? "" : ", ") + strength + " bit (strength=" + strength + ")";
  }

  void check_account(const Account& account) {
    if (const auto weak = weakness(account); !weak.empty())
      warn(account.origin, account.account + " is weak: " + weak);
    const bool lm_key = account.profile != Profile::modern && account.strength < 128;
    if (lm_key && !account.secret.lm_hash) {
      warn(account.origin,
           account.account + " has no LM hash: LM_KEY then works only with clients that use an all-zero one");
    }
    if (account.relay) warn(account.origin, account.account + " may relay to any destination (relay=yes)");
  }

  const crypto::Engine& engine_;
  const PolicyFiles& files_;
  std::shared_ptr<PolicySet> set_ = std::make_shared<PolicySet>();
  PolicyLoad load_;
  bool check_credentials_ = false;
  bool check_accounts_ = false;
};

std::string tls_requirement(const TlsRule& rule) {
  if (rule.mode == TlsMode::none) return {};
  std::string text = "in TLS " + std::string(name(rule.least)) + " or later";
  if (rule.mode == TlsMode::encrypt) return text + " with any certificate";
  if (!rule.fingerprints.empty()) return text + " with a certificate of a known fingerprint";
  return text + " with a valid certificate" + (rule.name.empty() ? "" : " of " + rule.name);
}

std::string requirement(const DomainRule& rule) {
  const std::string tls = tls_requirement(rule.tls);
  if (rule.level == Level::tls) return "sent " + tls;
  std::string text = rule.level == Level::seal
                         ? "sealed with at least " + std::to_string(rule.strength) + " bit"
                         : std::string("authenticated");
  return text + " as " + rule.account + (tls.empty() ? "" : ", " + tls);
}

std::string shown_domain(const AddressDomains& address) {
  return address.domain.empty() ? "an address without domain" : address.domain;
}

Decision by_rule(const AddressDomains& address, const DomainRule* rule) {
  Decision decision;
  decision.domain = address.domain;
  decision.rule = rule;
  if (rule == nullptr) {
    decision.reason = shown_domain(address) + " is not listed";
  } else if (rule->level == Level::none) {
    decision.reason =
        address.domain + " is exempt: " + rule->pattern + " has level none (" + rule->origin.text() + ")";
  } else {
    decision.kind = Decision::Kind::secure;
    decision.reason = address.domain + " is listed as " + rule->pattern + ", to be " + requirement(*rule) +
                      " (" + rule->origin.text() + ")";
  }
  return decision;
}

// A listed domain in the local part would be reached by way of a hop that its rule says nothing of. Words
// without a dot are not taken for domains of "*": VERP and mailing list addresses use "%" and "!" too.
const DomainRule* hidden_rule(const DomainMap& domains, const AddressDomains& address,
                              const DomainRule* own) {
  for (const auto& hidden : address.hidden) {
    const auto* rule = domains.find(hidden);
    if (rule == nullptr || rule == own || rule->level == Level::none) continue;
    if (rule->pattern == "*" && hidden.find('.') == std::string::npos) continue;
    return rule;
  }
  return nullptr;
}

Decision refuse_form(std::string domain, const DomainRule* rule, std::string reason) {
  return {Decision::Kind::refuse_form, std::move(domain), rule, std::move(reason)};
}

}  // namespace

PolicyLoad load_policy(const crypto::Engine& engine, const PolicyFiles& files) {
  return SetLoader(engine, files).load();
}

Decision decide(const PolicySet& set, std::string_view address) {
  const auto domains = address_domains(address);
  if (!domains && !set.domains.secures_any()) return {{}, {}, nullptr, "no domain is listed"};
  if (!domains)
    return refuse_form({}, nullptr,
                       "the address could hide a listed domain: it is " + domains.error().message());

  const auto* own = set.domains.find(domains->domain);
  if (const auto* hidden = hidden_rule(set.domains, *domains, own)) {
    return refuse_form(domains->domain, hidden,
                       "the local part names a domain listed as " + hidden->pattern +
                           ", which may be reached only directly (" + hidden->origin.text() + ")");
  }
  return by_rule(*domains, own);
}

}  // namespace smtpseal::policy

#include "domain_words.hpp"

#include "smtpseal/policy/checked_file.hpp"
#include "smtpseal/policy/describe.hpp"

namespace smtpseal::cli {
namespace {

using policy::DomainRule;
using policy::Level;

std::string level_words(const DomainRule& rule) {
  switch (rule.level) {
    case Level::none:
      return "none: the mail server's own route, nothing is asked of it";
    case Level::tls:
      return "tls: TLS, and no login";
    case Level::auth:
      return "auth: a login; the content is encrypted only as TLS says";
    case Level::seal:
      return "seal: a login by NTLM, and everything after it encrypted with at least " +
             std::to_string(rule.strength) + " bit";
  }
  return {};
}

std::string tls_words(const policy::TlsRule& rule) {
  const auto least = "TLS " + std::string(name(rule.least)) + " or later, ";
  if (rule.mode == policy::TlsMode::none) return "none";
  if (rule.mode == policy::TlsMode::encrypt) return least + "with any certificate";
  if (!rule.fingerprints.empty()) return least + "with a certificate of a known fingerprint";
  return least + "with a certificate for " + (rule.name.empty() ? "the host's name" : rule.name) + " by " +
         (rule.ca_file.empty() ? "an authority the system trusts" : rule.ca_file);
}

std::string route_words(const DomainRule& rule) {
  if (!rule.nexthop) return "the MX hosts of the domain";
  const auto port = " port " + std::to_string(rule.nexthop->port);
  return rule.nexthop->mx_lookup ? "the MX hosts of " + rule.nexthop->host + port : rule.nexthop->host + port;
}

std::string login_words(const DomainRule& rule) {
  std::string mechanisms;
  for (const auto mechanism : rule.mechanisms)
    mechanisms += (mechanisms.empty() ? "" : ", ") + std::string(name(mechanism));
  return "as " + rule.account + " by " + mechanisms + ", profile " + std::string(name(rule.profile));
}

// The file holds secrets, which not everybody may read who may read the rules.
std::string credential_words(Context& context, const DomainRule& rule) {
  const auto file = context.files().credentials;
  const auto read = policy::read_checked_file(file, policy::Confidential::yes);
  if (!read.text && !read.missing) return "not known: " + file + " " + read.problem;
  std::vector<policy::Problem> ignored;
  const auto text = read.text ? read.text->reveal() : std::string_view();
  const auto credentials = policy::Credentials::parse(context.engine(), text, file, ignored);
  const auto* credential = credentials.find(rule.account);
  if (credential == nullptr) return "missing in " + file + "; smtpseal credential set '" + rule.account + "'";
  return "there (" + credential->origin.text() + ")";
}

}  // namespace

Facts domain_words(Context& context, const DomainRule& rule) {
  Facts facts;
  facts.add("pattern", rule.pattern);
  facts.add("written in", rule.origin.text());
  facts.add("level", level_words(rule));
  if (rule.level != Level::none) {
    facts.add("goes to", route_words(rule));
    if (rule.level >= Level::auth) {
      facts.add("login", login_words(rule));
      facts.add("credential", credential_words(context, rule));
    }
    facts.add("TLS", tls_words(rule.tls));
    facts.add("on failure",
              rule.on_failure == policy::OnFailure::bounce ? "bounce" : "keep it and try again");
    if (rule.body == policy::BodyRule::seven_bit) facts.add("8-bit mail", "is made 7-bit first");
  }
  const auto inbound = policy::inbound_requirement(rule);
  facts.add("mail from it", inbound.empty() ? "is taken as it comes" : inbound);
  if (const auto weak = rule.weaknesses(); !weak.empty()) facts.add("weak", weak);
  return facts;
}

}  // namespace smtpseal::cli

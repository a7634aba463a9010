#include "smtpseal/policy/tls_rule.hpp"

#include <algorithm>
#include <vector>

#include "choices.hpp"
#include "smtpseal/policy/table_text.hpp"
#include "tls_attributes.hpp"

namespace smtpseal::policy {
namespace {

constexpr std::array kModes{Choice<TlsMode>{"none", TlsMode::none},
                            Choice<TlsMode>{"encrypt", TlsMode::encrypt},
                            Choice<TlsMode>{"verify", TlsMode::verify}};
constexpr std::array kVersions{
    Choice<TlsVersion>{"1.0", TlsVersion::tls_1_0}, Choice<TlsVersion>{"1.1", TlsVersion::tls_1_1},
    Choice<TlsVersion>{"1.2", TlsVersion::tls_1_2}, Choice<TlsVersion>{"1.3", TlsVersion::tls_1_3}};
constexpr std::array kMechanisms{Choice<Mechanism>{"NTLM", Mechanism::ntlm},
                                 Choice<Mechanism>{"PLAIN", Mechanism::plain},
                                 Choice<Mechanism>{"LOGIN", Mechanism::login}};

std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const auto comma = text.find(',');
    words.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    text.remove_prefix(comma + 1);
  }
}

std::string mechanisms_text(const DomainRule& rule) {
  std::string text;
  for (const Mechanism mechanism : rule.mechanisms)
    text += (text.empty() ? "" : ",") + std::string(name(mechanism));
  return text;
}

}  // namespace

std::string_view name(TlsMode mode) {
  return name_of(kModes, mode);
}

std::string_view name(TlsVersion version) {
  return name_of(kVersions, version);
}

std::string_view name(Mechanism mechanism) {
  return name_of(kMechanisms, mechanism);
}

std::string TlsRule::text() const {
  std::string all(policy::name(mode));
  all.append(" ").append(policy::name(least)).append(" ").append(name).append("\t").append(ca_file);
  for (const auto& fingerprint : fingerprints) all += " " + tls::to_text(fingerprint);
  return all;
}

bool DomainRule::shows_password() const {
  return std::ranges::any_of(mechanisms, [](Mechanism each) { return each != Mechanism::ntlm; });
}

std::string apply_tls(DomainRule& rule, std::string_view value) {
  if (value == "only") {
    if (rule.level >= Level::auth)
      return "there is no login with it, so that the level is tls or none; a login inside verified TLS is "
             "tls=verify";
    rule.level = Level::tls;
    rule.tls.mode = TlsMode::verify;
    return {};
  }
  auto problem = choose(kModes, value, rule.tls.mode);
  if (!problem.empty()) return problem + ", only";
  const bool lacks_tls = rule.level == Level::tls && rule.tls.mode == TlsMode::none;
  return lacks_tls ? "at level tls allowed are encrypt, verify, only" : "";
}

std::string apply_tls_min(DomainRule& rule, std::string_view value) {
  return choose(kVersions, value, rule.tls.least);
}

std::string apply_tls_name(DomainRule& rule, std::string_view value) {
  auto pattern = parse_pattern(value);
  const bool is_host = pattern.problem.empty() && pattern.pattern != "*" &&
                       !pattern.pattern.starts_with('.') && !pattern.pattern.starts_with('[');
  if (!is_host) return "allowed is the name of a host";
  rule.tls.name = std::move(pattern.pattern);
  return {};
}

std::string apply_ca_file(DomainRule& rule, std::string_view value) {
  if (!value.starts_with('/')) return "allowed is an absolute path";
  rule.tls.ca_file = value;
  return {};
}

std::string apply_fingerprint(DomainRule& rule, std::string_view value) {
  for (const auto word : split_at_commas(value)) {
    const auto fingerprint = tls::parse_fingerprint(word);
    if (!fingerprint)
      return "allowed are SHA-256 fingerprints, as \"openssl x509 -noout -fingerprint -sha256\" shows them, "
             "separated "
             "by commas";
    rule.tls.fingerprints.push_back(*fingerprint);
  }
  return {};
}

std::string apply_mechanisms(DomainRule& rule, std::string_view value) {
  rule.mechanisms.clear();
  for (const auto word : split_at_commas(value)) {
    Mechanism mechanism{};
    if (auto problem = choose(kMechanisms, word, mechanism); !problem.empty())
      return problem + ", separated by commas";
    if (std::ranges::find(rule.mechanisms, mechanism) != rule.mechanisms.end())
      return std::string(word) + " is given twice";
    rule.mechanisms.push_back(mechanism);
  }
  return {};
}

std::string tls_contradiction(const DomainRule& rule, bool has_tls_min) {
  const TlsRule& tls = rule.tls;
  const bool has_check = !tls.name.empty() || !tls.ca_file.empty() || !tls.fingerprints.empty();
  if (has_check && tls.mode != TlsMode::verify)
    return "tls_name=, ca_file= and fingerprint= have a meaning only with tls=verify";
  if (!tls.fingerprints.empty() && (!tls.name.empty() || !tls.ca_file.empty()))
    return "fingerprint= takes the place of chain and name: leave tls_name= and ca_file= out";
  if (has_tls_min && tls.mode == TlsMode::none)
    return "tls_min= has a meaning only with tls=encrypt or tls=verify";
  if (!rule.shows_password()) return {};
  if (rule.level == Level::seal) return "only NTLM brings a seal: mechanisms= must be NTLM alone";
  if (tls.mode == TlsMode::none)
    return "PLAIN and LOGIN show the password: they need tls=verify, or tls=encrypt, which is weak";
  return {};
}

std::string tls_weakness(const DomainRule& rule) {
  std::string text;
  const bool is_unchecked = rule.tls.mode == TlsMode::encrypt && rule.level < Level::seal;
  if (is_unchecked && rule.shows_password())
    text = "the password is shown to whoever answers (mechanisms=" + mechanisms_text(rule) + ", tls=encrypt)";
  else if (is_unchecked)
    text = "the certificate is not checked (tls=encrypt)";
  if (rule.tls.least < TlsVersion::tls_1_2) {
    const std::string version(name(rule.tls.least));
    text += (text.empty() ? "" : ", ") + ("TLS " + version) + " (tls_min=" + version + ")";
  }
  return text;
}

}  // namespace smtpseal::policy

#include "smtpseal/policy/ntlm_settings.hpp"

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>

namespace smtpseal::policy {
namespace {

constexpr std::size_t kNetbiosNameLimit = 15;

// A NetBIOS name: at most 15 octets, upper case.
std::string netbios(std::string_view text) {
  return boost::algorithm::to_upper_copy(std::string(text.substr(0, kNetbiosNameLimit)));
}

}  // namespace

ntlm::ClientPolicy client_policy(Profile profile, bool seal, unsigned strength) {
  return profile == Profile::modern ? ntlm::modern_policy(seal, strength)
                                    : ntlm::exchange5_policy(seal, strength);
}

ntlm::ClientIdentity client_identity(const AccountName& name, const StoredSecret& secret,
                                     const std::string& hostname) {
  ntlm::ClientIdentity identity;
  identity.domain = name.domain;
  identity.user = name.user;
  identity.workstation = netbios(std::string_view(hostname).substr(0, hostname.find('.')));
  identity.nt_hash = secret.nt_hash.clone();
  if (secret.lm_hash) identity.lm_hash = secret.lm_hash->clone();
  return identity;
}

ntlm::ServerPolicy server_policy(const std::string& hostname, const std::string& netbios_domain) {
  const auto dot = std::min(hostname.find('.'), hostname.size());
  const std::string domain = hostname.substr(std::min(dot + 1, hostname.size()));
  ntlm::ServerPolicy server;
  server.netbios_computer = netbios(hostname.substr(0, dot));
  server.netbios_domain = netbios_domain.empty()
                              ? netbios(domain.empty() ? hostname : domain.substr(0, domain.find('.')))
                              : netbios_domain;
  server.dns_computer = hostname;
  server.dns_domain = domain.empty() ? hostname : domain;
  server.allow_lm_key = false;
  server.allow_56 = false;
  return server;
}

void admit(ntlm::ServerPolicy& server, Profile profile, unsigned strength) {
  if (strength >= 128) return;
  server.allow_56 = true;
  if (profile != Profile::modern) server.allow_lm_key = true;
}

ntlm::ServerPolicy server_policy(const std::string& hostname, const std::string& netbios_domain,
                                 const Accounts& accounts) {
  auto server = server_policy(hostname, netbios_domain);
  for (const auto& account : accounts.entries()) admit(server, account.profile, account.strength);
  return server;
}

ntlm::AccountRequirements requirements_of(Profile profile, unsigned strength) {
  ntlm::AccountRequirements required;
  if (profile != Profile::modern) required.minimum_response = ntlm::Response::ntlmv1;
  required.minimum_strength = strength;
  return required;
}

ntlm::AccountRequirements requirements_of(const Account* account) {
  return account == nullptr ? ntlm::AccountRequirements()
                            : requirements_of(account->profile, account->strength);
}

ntlm::AccountSecret secret_of(const StoredSecret& secret) {
  return {&secret.nt_hash, secret.lm_hash ? &*secret.lm_hash : nullptr};
}

std::optional<ntlm::AccountSecret> secret_of(const Account* account) {
  if (account == nullptr) return std::nullopt;
  return secret_of(account->secret);
}

}  // namespace smtpseal::policy

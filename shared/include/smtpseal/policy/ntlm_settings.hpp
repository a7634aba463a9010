// The NTLM settings that follow from rules, accounts and host names. Pure.
#pragma once

#include <optional>
#include <string>

#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/server.hpp"
#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::policy {

// What a profile offers and demands as a client, at least `strength` bits where it seals.
ntlm::ClientPolicy client_policy(Profile profile, bool seal, unsigned strength);

// Who we are as a client. The workstation is the NetBIOS name of `hostname`.
ntlm::ClientIdentity client_identity(const AccountName& name, const StoredSecret& secret,
                                     const std::string& hostname);

// A server of this name that grants nothing weaker than the default. An empty `netbios_domain` is made of the
// host name.
ntlm::ServerPolicy server_policy(const std::string& hostname, const std::string& netbios_domain);
// Lets it also grant what an account of this profile and strength may use. What is negotiated is judged per
// account all the same: requirements_of().
void admit(ntlm::ServerPolicy& server, Profile profile, unsigned strength);
// A server for these accounts: what none of them may use is not offered.
ntlm::ServerPolicy server_policy(const std::string& hostname, const std::string& netbios_domain,
                                 const Accounts& accounts);

// What a login of such an account must have.
ntlm::AccountRequirements requirements_of(Profile profile, unsigned strength);
// The same for an account; no account yields the default, so that it takes the same time.
ntlm::AccountRequirements requirements_of(const Account* account);
// Borrows from `secret`, or from the account; nullopt without one.
ntlm::AccountSecret secret_of(const StoredSecret& secret);
std::optional<ntlm::AccountSecret> secret_of(const Account* account);

}  // namespace smtpseal::policy

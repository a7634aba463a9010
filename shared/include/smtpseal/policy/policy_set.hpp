// The three tables loaded together, cross-checked, swapped as one. Immutable; shared by pointer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "smtpseal/policy/account_files.hpp"
#include "smtpseal/policy/domain_map.hpp"
#include "smtpseal/tls/trust_store.hpp"

namespace smtpseal::policy {

struct PolicyFiles {
  std::string domains = "/etc/smtpseal/domains";
  std::string credentials = "/etc/smtpseal/credentials";  // empty: not loaded (policyd needs none)
  std::string accounts = "/etc/smtpseal/accounts";        // empty: not loaded
  bool keep_secrets = true;                               // no: wiped once the tables are checked
};

struct PolicySet {
  DomainMap domains;
  Credentials credentials;
  Accounts accounts;
  std::map<std::string, tls::TrustStore> authorities;  // of every ca_file= (when credentials are loaded)
  std::uint64_t generation = 0;                        // process-wide count, grows with every successful load
};

struct PolicyLoad {
  std::shared_ptr<const PolicySet> set;  // null where there is any problem
  std::vector<Problem> problems;
  std::vector<std::string> warnings;  // weak entries, by file:line
};

// Reads and checks all files. Problems: unreadable, wrong mode (credentials or accounts readable or writable
// by others, any file writable by others), malformed lines, a seal or auth rule whose account has no
// credential (when credentials are loaded), inbound_account without such an account (when accounts are
// loaded), LM_KEY rules without an LM hash. A missing accounts or credentials file is a problem only where a
// rule needs it.
PolicyLoad load_policy(const crypto::Engine& engine, const PolicyFiles& files);

// What happens to mail for one address, and why: the value behind transport, query and the relay's own check.
struct Decision {
  enum class Kind {
    not_listed,   // no rule, or level none: the MTA's own route
    secure,       // through the relay, as `rule` says
    refuse_form,  // a hidden domain listed by another rule than the domain's own, or an unusable domain,
                  // while any domain is listed: the relay answers 550 5.1.3 with `reason` (printable ASCII)
  };
  Kind kind = Kind::not_listed;
  std::string domain;                // canonical
  const DomainRule* rule = nullptr;  // borrows from the set
  std::string reason;                // one sentence naming domain and rule (file:line)
};
Decision decide(const PolicySet& set, std::string_view address);

}  // namespace smtpseal::policy

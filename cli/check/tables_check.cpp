#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "../output.hpp"
#include "checks.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::cli {
namespace {

using policy::PolicySet;

// A problem of a table ends with what to do; the file is named in front.
void add_problem(const policy::Problem& problem, Findings& findings) {
  struct Ending {
    std::string_view before;
    std::string_view command;
    bool of_the_file;
  };
  constexpr std::array kEndings{
      Ending{"; add it with: ", "", false},
      Ending{"; write it with: ", "", false},
      Ending{": chmod ", "chmod ", true},
      Ending{": chown ", "chown ", true},
  };
  const auto message = problem.message();
  for (const auto& ending : kEndings) {
    const auto at = message.rfind(ending.before);
    if (at == std::string::npos) continue;
    auto mend = std::string(ending.command) + message.substr(at + ending.before.size());
    if (ending.of_the_file) mend += " " + problem.origin.file;
    return findings.problem(message.substr(0, at), std::move(mend));
  }
  const bool denied = problem.text.ends_with(std::generic_category().message(EACCES));
  findings.problem(message, denied && ::geteuid() != 0 ? "run smtpseal check as root" : "");
}

bool uses(const PolicySet& set, const policy::Credential& credential) {
  const auto account = policy::folded_account(credential.account);
  return std::ranges::any_of(set.domains.rules(), [&](const policy::DomainRule& rule) {
    return rule.level >= policy::Level::auth && policy::folded_account(rule.account) == account;
  });
}

bool is_named(const PolicySet& set, const policy::Account& account) {
  return std::ranges::any_of(set.domains.rules(), [&](const policy::DomainRule& rule) {
    return !rule.inbound_account.empty() && set.accounts.find(rule.inbound_account) == &account;
  });
}

void check_fit(const PolicySet& set, Findings& findings) {
  for (const auto& credential : set.credentials.entries()) {
    if (!uses(set, credential))
      findings.note(credential.origin.text() + ": no rule uses the credential of " + credential.account,
                    "smtpseal credential remove '" + credential.account + "', or name it with account=");
  }
  for (const auto& account : set.accounts.entries()) {
    if (account.domains.empty() && !is_named(set, account))
      findings.warning(
          account.origin.text() + ": " + account.account +
              " is bound to no domain: who has its password may send as any domain that no rule with "
              "inbound=require covers",
          "give it domains= in " + account.origin.file);
  }
}

}  // namespace

void check_tables(Context& context, const policy::PolicyLoad& load, Findings& findings) {
  findings.begin("tables");
  const auto files = context.files();
  if (load.set) {
    findings.ok(files.domains + ": " + counted(load.set->domains.rules().size(), "rule"));
    findings.ok(files.credentials + ": " + counted(load.set->credentials.entries().size(), "credential"));
    findings.ok(files.accounts + ": " + counted(load.set->accounts.entries().size(), "account"));
  }
  for (const auto& problem : load.problems) add_problem(problem, findings);
  for (const auto& warning : load.warnings) findings.warning(warning);
  if (load.set) check_fit(*load.set, findings);
}

}  // namespace smtpseal::cli

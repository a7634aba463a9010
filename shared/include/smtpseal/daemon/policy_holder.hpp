// The policy tables of a running daemon: loaded at start and at reload, swapped as one, the old set kept on
// error.
#pragma once

#include <memory>
#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::daemon {

class PolicyHolder {
 public:
  // `with_secrets`: load credentials and accounts too.
  PolicyHolder(std::shared_ptr<const crypto::Engine> engine, const config::Values& values, bool with_secrets);

  // Reads the files; logs every problem and warning. On any problem the current set stays. True: a new set is
  // in use.
  bool reload();

  // Null where no trustworthy set was ever loaded: then every answer must be "temporary", never "not listed".
  [[nodiscard]] std::shared_ptr<const policy::PolicySet> current() const { return current_; }
  // Why the last load failed, for temporary answers; empty where it did not.
  [[nodiscard]] const std::string& first_problem() const { return first_problem_; }

 private:
  std::shared_ptr<const crypto::Engine> engine_;
  policy::PolicyFiles files_;
  std::shared_ptr<const policy::PolicySet> current_;
  std::string first_problem_;
};

// The crypto engine, self-tested. Throws StartupError that names what to install.
std::shared_ptr<const crypto::Engine> make_engine();

// For --check-config: throws StartupError with every problem of the tables.
void check_policy(const config::Values& values, bool with_secrets);

}  // namespace smtpseal::daemon

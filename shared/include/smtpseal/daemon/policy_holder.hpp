// The policy tables of a running daemon: loaded at start and at reload, swapped as one, the old set kept on
// error.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/control/daemon_state.hpp"
#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::daemon {

// Which tables a daemon needs.
//   domains:  the domain map alone.
//   bindings: and the accounts, whose secrets are forgotten once read: who may send as what.
//   all:      and the credentials, with all secrets.
enum class Tables { domains, bindings, all };

class PolicyHolder {
 public:
  PolicyHolder(std::shared_ptr<const crypto::Engine> engine, const config::Values& values, Tables tables);

  // Reads the files; logs every problem and warning. On any problem the current set stays. True: a new set is
  // in use.
  bool reload();
  // Uses the set of another holder that knows more tables, instead of reading the same files again.
  void adopt(const PolicyHolder& other);

  // Null where no trustworthy set was ever loaded: then every answer must be "temporary", never "not listed".
  // Safe from any thread; everything else is for the thread that reloads.
  [[nodiscard]] std::shared_ptr<const policy::PolicySet> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  // Why the last load failed, for temporary answers; empty where it did not.
  [[nodiscard]] const std::string& first_problem() const { return first_problem_; }
  [[nodiscard]] control::TablesState state() const;

 private:
  std::shared_ptr<const crypto::Engine> engine_;
  Tables tables_;
  policy::PolicyFiles files_;
  // Not std::atomic<std::shared_ptr>: that of libstdc++ 12 unlocks its readers without a release.
  mutable std::mutex mutex_;
  std::shared_ptr<const policy::PolicySet> current_;
  control::Time loaded_ = 0;
  std::string first_problem_;
};

// The crypto engine, self-tested. Throws StartupError that names what to install.
std::shared_ptr<const crypto::Engine> make_engine();

// For --check-config: throws StartupError with every problem of the tables.
void check_policy(const config::Values& values, Tables tables);

}  // namespace smtpseal::daemon

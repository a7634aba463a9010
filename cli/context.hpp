// What every subcommand works with: the configuration, the crypto engine and the tables' places, each loaded
// on first use.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::cli {

enum ExitStatus : int { kSuccess = 0, kProblem = 1, kUsage = 2 };

// Ends the command with the text on standard error and exit status 1.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Context {
 public:
  // Option --config; empty: the default file, which need not exist.
  std::string config_file;
  // Set by the subcommand that ran.
  int status = kSuccess;
  // Option --no-reload of what edits tables.
  bool no_reload = false;

  // Throw Failure where the configuration has a problem or the engine cannot be made.
  const config::Values& values();
  const crypto::Engine& engine();

  [[nodiscard]] std::string config_path() const;
  policy::PolicyFiles files();
  // The domains file alone: what policyd loads too, so that no secret need be readable.
  policy::PolicyFiles domains_only();
  policy::PolicyLoad load(const policy::PolicyFiles& files);

 private:
  std::optional<config::Values> values_;
  std::shared_ptr<const crypto::Engine> engine_;
};

}  // namespace smtpseal::cli

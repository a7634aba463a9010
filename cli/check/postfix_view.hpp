// The daemons as the programs of Postfix see them: as their user, with its groups, from within their chroot
// and working directory, by the names that main.cf has.
#pragma once

#include <functional>
#include <optional>

#include "../postfix_setup.hpp"
#include "../run_as.hpp"
#include "findings.hpp"
#include "smtpseal/daemon/endpoint.hpp"

namespace smtpseal::cli {

class PostfixView {
 public:
  // Returns what is wrong; empty: nothing.
  using Question = std::function<std::string(const daemon::Endpoint&)>;

  PostfixView(const PostfixSetup& setup, Findings& findings);

  // Whether a program that runs as `service` gets an answer from `daemon` at `endpoint`, as main.cf writes
  // it. Adds ok or a problem; where this process may not try, nothing, and says so once.
  void try_out(const PostfixService& service, const std::string& endpoint, const std::string& daemon,
               const Question& question);

 private:
  [[nodiscard]] std::string mend(const PostfixService& service, const std::string& endpoint,
                                 const std::string& daemon, const std::string& problem) const;

  const PostfixSetup& setup_;
  Findings& findings_;
  std::optional<Identity> owner_;
  bool has_told_ = false;
};

}  // namespace smtpseal::cli

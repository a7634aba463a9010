#include "smtpseal/daemon/policy_holder.hpp"

#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {

PolicyHolder::PolicyHolder(std::shared_ptr<const crypto::Engine> engine, const config::Values& values, bool with_secrets)
    : engine_(std::move(engine)) {
  files_.domains = values.text("files.domains");
  files_.credentials = with_secrets ? values.text("files.credentials") : std::string();
  files_.accounts = with_secrets ? values.text("files.accounts") : std::string();
}

bool PolicyHolder::reload() {
  policy::PolicyLoad load = policy::load_policy(*engine_, files_);
  for (const auto& warning : load.warnings) log::warning("policy-weak").field("entry", warning);
  for (const auto& problem : load.problems) log::error("policy-problem").field("text", problem.message());
  if (!load.set) {
    first_problem_ = load.problems.empty() ? "policy not loaded" : load.problems.front().message();
    log::error("policy-not-loaded")
        .field("problems", load.problems.size())
        .field("in_use", current_ ? "the previous set" : "none: every answer is temporary");
    return false;
  }
  first_problem_.clear();
  current_ = std::move(load.set);
  log::info("policy-loaded")
      .field("domains", current_->domains.rules().size())
      .field("credentials", current_->credentials.entries().size())
      .field("accounts", current_->accounts.entries().size());
  return true;
}

}  // namespace smtpseal::daemon

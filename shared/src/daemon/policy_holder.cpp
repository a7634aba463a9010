#include "smtpseal/daemon/policy_holder.hpp"

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {
namespace {

policy::PolicyFiles policy_files(const config::Values& values, bool with_secrets) {
  return {values.text("files.domains"), with_secrets ? values.text("files.credentials") : std::string(),
          with_secrets ? values.text("files.accounts") : std::string()};
}

}  // namespace

PolicyHolder::PolicyHolder(std::shared_ptr<const crypto::Engine> engine, const config::Values& values,
                           bool with_secrets)
    : engine_(std::move(engine)), files_(policy_files(values, with_secrets)) {}

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

std::shared_ptr<const crypto::Engine> make_engine() {
  auto engine = crypto::Engine::create();
  if (!engine) throw StartupError(crypto::Engine::describe_failure(engine.error()));
  return *engine;
}

void check_policy(const config::Values& values, bool with_secrets) {
  const policy::PolicyLoad load = policy::load_policy(*make_engine(), policy_files(values, with_secrets));
  std::string text;
  for (const auto& problem : load.problems) text += (text.empty() ? "" : "\n") + problem.message();
  if (!load.set) throw StartupError(text);
}

}  // namespace smtpseal::daemon

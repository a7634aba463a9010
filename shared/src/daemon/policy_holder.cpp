#include "smtpseal/daemon/policy_holder.hpp"

#include <ctime>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {
namespace {

policy::PolicyFiles policy_files(const config::Values& values, Tables tables) {
  return {values.text("files.domains"),
          tables == Tables::all ? values.text("files.credentials") : std::string(),
          tables == Tables::domains ? std::string() : values.text("files.accounts"), tables == Tables::all};
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

PolicyHolder::PolicyHolder(std::shared_ptr<const crypto::Engine> engine, const config::Values& values,
                           Tables tables)
    : engine_(std::move(engine)), tables_(tables), files_(policy_files(values, tables)) {}

bool PolicyHolder::reload() {
  policy::PolicyLoad load = policy::load_policy(*engine_, files_);
  for (const auto& warning : load.warnings) log::warning("policy-weak").field("entry", warning);
  for (const auto& problem : load.problems) log::error("policy-problem").field("text", problem.message());
  if (!load.set) {
    first_problem_ = load.problems.empty() ? "policy not loaded" : load.problems.front().message();
    log::error("policy-not-loaded")
        .field("problems", load.problems.size())
        .field("in_use", current() ? "the previous set" : "none: every answer is temporary");
    return false;
  }
  first_problem_.clear();
  loaded_ = std::time(nullptr);
  log::info("policy-loaded")
      .field("domains", load.set->domains.rules().size())
      .field("credentials", load.set->credentials.entries().size())
      .field("accounts", load.set->accounts.entries().size());
  const std::lock_guard lock(mutex_);
  current_.swap(load.set);  // the old set goes after the lock
  return true;
}

void PolicyHolder::adopt(const PolicyHolder& other) {
  first_problem_.clear();
  loaded_ = other.loaded_;
  auto set = other.current();
  const std::lock_guard lock(mutex_);
  current_.swap(set);
}

control::TablesState PolicyHolder::state() const {
  const auto set = current();
  if (!set) return {0, {}, first_problem_};
  std::string content = counted(set->domains.rules().size(), "rule");
  if (tables_ == Tables::all) content += ", " + counted(set->credentials.entries().size(), "credential");
  if (tables_ != Tables::domains) content += ", " + counted(set->accounts.entries().size(), "account");
  return {loaded_, content, first_problem_};
}

std::shared_ptr<const crypto::Engine> make_engine() {
  auto engine = crypto::Engine::create();
  if (!engine) throw StartupError(crypto::Engine::describe_failure(engine.error()));
  return *engine;
}

void check_policy(const config::Values& values, Tables tables) {
  const policy::PolicyLoad load = policy::load_policy(*make_engine(), policy_files(values, tables));
  std::string text;
  for (const auto& problem : load.problems) text += (text.empty() ? "" : "\n") + problem.message();
  if (!load.set) throw StartupError(text);
}

}  // namespace smtpseal::daemon

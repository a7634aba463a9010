#include "context.hpp"

#include "output.hpp"

namespace smtpseal::cli {

std::string Context::config_path() const {
  return config_file.empty() ? config::kDefaultFile : config_file;
}

const config::Values& Context::values() {
  if (values_) return *values_;
  auto load = config::load_named_or_default(config_file);
  if (!load.values) {
    print_problems(std::cerr, load.problems);
    throw Failure("the configuration cannot be used");
  }
  values_ = std::move(load.values);
  return *values_;
}

const crypto::Engine& Context::engine() {
  if (engine_) return *engine_;
  auto engine = crypto::Engine::create();
  if (!engine) throw Failure(crypto::Engine::describe_failure(engine.error()));
  engine_ = std::move(*engine);
  return *engine_;
}

policy::PolicyFiles Context::files() {
  return {values().text("files.domains"), values().text("files.credentials"),
          values().text("files.accounts")};
}

policy::PolicyFiles Context::domains_only() {
  return {values().text("files.domains"), {}, {}};
}

policy::PolicyLoad Context::load(const policy::PolicyFiles& files) {
  return policy::load_policy(engine(), files);
}

}  // namespace smtpseal::cli

#include "context.hpp"

#include <unistd.h>

#include "output.hpp"

namespace smtpseal::cli {
namespace {

constexpr auto kDefaultConfig = "/etc/smtpseal/smtpseal.toml";

config::Load load_config(const std::string& given) {
  // The default file may be absent, since every parameter has a default; a file that was named may not.
  if (given.empty() && ::access(kDefaultConfig, F_OK) != 0) {
    return config::load_text("", kDefaultConfig, config::all_params());
  }
  return config::load_file(given.empty() ? kDefaultConfig : given, config::all_params());
}

}  // namespace

std::string Context::config_path() const {
  return config_file.empty() ? kDefaultConfig : config_file;
}

const config::Values& Context::values() {
  if (values_) return *values_;
  auto load = load_config(config_file);
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

#include "setup.hpp"

#include "utilities.hpp"

namespace smtpseal::sasl {
namespace {

LayerWish layer_wish(const std::string& word) {
  if (word == "require") return LayerWish::required;
  return word == "never" ? LayerWish::never : LayerWish::automatic;
}

}  // namespace

Setup::Setup(const sasl_utils_t& utils) {
  const auto engine = crypto::Engine::create();
  if (!engine) {
    problem_ = crypto::Engine::describe_failure(engine.error());
  } else {
    engine_ = *engine;
    load(option(utils, "smtpseal_config"));
  }
  if (!problem_.empty()) log(utils, SASL_LOG_ERR, "no login will work: " + problem_);
}

void Setup::load(const std::string& file) {
  const auto load = config::load_named_or_default(file);
  if (!load.values) {
    problem_ = load.problems.front().message();
    return;
  }
  const auto& values = *load.values;
  client_profile_ =
      values.text("sasl.client_profile") == "modern" ? policy::Profile::modern : policy::Profile::exchange_55;
  client_strength_ = static_cast<unsigned>(std::stoul(values.text("sasl.client_strength")));
  client_layer_ = layer_wish(values.text("sasl.client_layer"));
  client_framing_ = session::framing_from(values.text("sasl.client_framing")).value();
  ssf_limit_ = static_cast<unsigned>(values.number("sasl.ssf_limit"));
  netbios_domain_ = values.text("sasl.netbios_domain");
  accounts_file_ = values.text("files.accounts");
}

}  // namespace smtpseal::sasl

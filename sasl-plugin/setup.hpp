// What the plugin knows once it is loaded: the crypto engine and the settings of smtpseal.toml. Read early,
// since Postfix enters its chroot after loading plugins. Immutable; safe from any thread.
#pragma once

#include <memory>
#include <string>

#include "sasl_api.hpp"
#include "security_limits.hpp"
#include "smtpseal/config/params.hpp"
#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/policy/domain_map.hpp"
#include "smtpseal/session/framing.hpp"

namespace smtpseal::sasl {

class Setup {
 public:
  // Never fails: what is wrong is kept as problem(), and every login is refused with it. A plugin that did
  // not load would leave the field to another NTLM plugin. The configuration is the file that the SASL option
  // smtpseal_config names, else /etc/smtpseal/smtpseal.toml, which need not exist.
  explicit Setup(const sasl_utils_t& utils);

  [[nodiscard]] const std::string& problem() const { return problem_; }  // empty: usable

  // REQUIRES: no problem, for all of them.
  [[nodiscard]] const std::shared_ptr<const crypto::Engine>& engine() const { return engine_; }
  [[nodiscard]] policy::Profile client_profile() const { return client_profile_; }
  [[nodiscard]] unsigned client_strength() const { return client_strength_; }
  [[nodiscard]] LayerWish client_layer() const { return client_layer_; }
  [[nodiscard]] session::Framing client_framing() const { return client_framing_; }
  [[nodiscard]] unsigned ssf_limit() const { return ssf_limit_; }
  [[nodiscard]] const std::string& netbios_domain() const { return netbios_domain_; }
  [[nodiscard]] const std::string& accounts_file() const { return accounts_file_; }

 private:
  void load(const std::string& file);

  std::string problem_;
  std::shared_ptr<const crypto::Engine> engine_;
  policy::Profile client_profile_ = policy::Profile::modern;
  unsigned client_strength_ = 128;
  LayerWish client_layer_ = LayerWish::automatic;
  session::Framing client_framing_;
  unsigned ssf_limit_ = 128;
  std::string netbios_domain_;
  std::string accounts_file_;
};

}  // namespace smtpseal::sasl

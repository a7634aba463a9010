// Who a client logs on as: asked of the application by its callbacks, or of its user by prompts.
#pragma once

#include <string>
#include <vector>

#include "sasl_api.hpp"
#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::sasl {

class Credentials {
 public:
  // Collects what is missing. SASL_OK: complete. SASL_INTERACT: `prompts` tells the application what to ask
  // its user; call again with the answers. Else a SASL_* error, logged: no name, no password, a blank one.
  int collect(const crypto::Engine& engine, const sasl_client_params_t& params, sasl_interact_t** prompts);

  // REQUIRES: collect() returned SASL_OK.
  [[nodiscard]] const std::string& login() const { return login_; }  // as the application gave it
  // DOMAIN\user splits; a realm that the application gives (SASL_CB_GETREALM) stands for the domain of a name
  // without one; user@realm stays whole, as Windows takes it.
  [[nodiscard]] const policy::AccountName& name() const { return name_; }
  [[nodiscard]] const policy::StoredSecret& secret() const { return *secret_; }

 private:
  int ask_name(const sasl_client_params_t& params);
  int ask_password(const crypto::Engine& engine, const sasl_client_params_t& params);
  void ask_realm(const sasl_client_params_t& params);
  int take_password(const crypto::Engine& engine, const sasl_utils_t& utils, std::string_view password);
  int take_answers(const crypto::Engine& engine, const sasl_utils_t& utils, const sasl_interact_t* answers);
  sasl_interact_t* make_prompts(bool name, bool password);

  bool has_name_ = false;
  std::string login_;
  policy::AccountName name_;
  std::optional<policy::StoredSecret> secret_;
  std::vector<sasl_interact_t> prompts_;
};

}  // namespace smtpseal::sasl

// One login as a client: the mechanism's steps and, once it is through, its security layer.
#pragma once

#include <optional>

#include "connection.hpp"
#include "credentials.hpp"
#include "sasl_api.hpp"
#include "setup.hpp"
#include "smtpseal/ntlm/client.hpp"

namespace smtpseal::sasl {

class ClientLogin : public Connection {
 public:
  // `setup` has no problem and outlives the login; `plan` allows a login.
  ClientLogin(const Setup& setup, LayerPlan plan, const sasl_client_params_t& params)
      : Connection(*params.utils), setup_(setup), plan_(std::move(plan)) {}

  // mech_step of sasl_client_plug_t: SASL_CONTINUE with the NEGOTIATE message, then SASL_OK with the
  // AUTHENTICATE message, unless the server's CHALLENGE grants less than the plan. `output` is valid until
  // the next step.
  int step(const sasl_client_params_t& params, ByteSpan input, sasl_interact_t** prompts, ByteSpan& output,
           sasl_out_params_t& result);

 private:
  int begin(const sasl_client_params_t& params, sasl_interact_t** prompts, sasl_out_params_t& result);
  int answer(const sasl_client_params_t& params, ByteSpan challenge, sasl_out_params_t& result);
  int finish(const sasl_client_params_t& params, sasl_out_params_t& result);

  const Setup& setup_;
  const LayerPlan plan_;
  Credentials credentials_;
  std::optional<ntlm::Client> client_;
  bool is_over_ = false;  // succeeded or failed: no further step
  Bytes message_;         // the one handed out last
};

}  // namespace smtpseal::sasl

// One login as a server: the mechanism's steps and, once it is through, its security layer.
#pragma once

#include <optional>

#include "accounts_file.hpp"
#include "connection.hpp"
#include "sasl_api.hpp"
#include "setup.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace smtpseal::sasl {

// Where a server's accounts are, and on what terms.
struct AccountSource {
  std::shared_ptr<const policy::Accounts> file;  // null: auxprop
  // Of accounts from auxprop; those of the file have their own.
  policy::Profile profile = policy::Profile::modern;
  unsigned strength = 128;
};

class ServerLogin : public Connection {
 public:
  // `setup` has no problem and outlives the login; `plan` allows a login.
  ServerLogin(const Setup& setup, LayerPlan plan, AccountSource source, const sasl_server_params_t& params);

  // mech_step of sasl_server_plug_t: SASL_CONTINUE with the CHALLENGE message, then SASL_OK. An unknown
  // account and a wrong password give the same error after the same work. `output` is valid until the next
  // step.
  int step(sasl_server_params_t& params, ByteSpan input, ByteSpan& output, sasl_out_params_t& result);

 private:
  enum class State { wants_negotiate, wants_authenticate, over };
  int challenge(const sasl_server_params_t& params, ByteSpan negotiate);
  int judge(sasl_server_params_t& params, ByteSpan authenticate, sasl_out_params_t& result);
  Result<ntlm::Outcome> verify(sasl_server_params_t& params, const ntlm::Claim& claim,
                               sasl_out_params_t& result);
  int accept(const sasl_server_params_t& params, const ntlm::Outcome& outcome, sasl_out_params_t& result);

  const Setup& setup_;
  const LayerPlan plan_;
  const AccountSource source_;
  ntlm::Server server_;
  State state_ = State::wants_negotiate;
  std::string account_;  // as it is told to the application, and logged
  Bytes message_;
};

}  // namespace smtpseal::sasl

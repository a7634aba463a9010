#include "client.hpp"

#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"
#include "utilities.hpp"

namespace smtpseal::sasl {
namespace {

std::string text_of(const char* text) {
  return text == nullptr ? "" : text;
}

// Sendmail ends the server's name with a dot.
std::string server_name(const sasl_client_params_t& params) {
  std::string name = text_of(params.serverFQDN);
  if (name.ends_with('.')) name.pop_back();
  return name;
}

bool is_smtp(const sasl_client_params_t& params) {
  return text_of(params.service) == "smtp";
}

// The service principal name that NTLMv2 responses name ([MS-NLMP] 2.2.2.1 MsvAvTargetName).
std::string target_name(const sasl_client_params_t& params) {
  return (is_smtp(params) ? "SMTPSVC" : text_of(params.service)) + "/" + server_name(params);
}

}  // namespace

int ClientLogin::step(const sasl_client_params_t& params, ByteSpan input, sasl_interact_t** prompts,
                      ByteSpan& output, sasl_out_params_t& result) {
  output = {};
  if (is_over_) return fail(*params.utils, SASL_LOG_ERR, SASL_BADPROT, "the login is over");
  // The server's words before our first message mean nothing ("ntlm supported", [MS-SMTPNTLM] 2.2.1.2).
  const int status = client_ ? answer(params, input, result) : begin(params, prompts, result);
  is_over_ = status != SASL_CONTINUE && status != SASL_INTERACT;
  if (status == SASL_CONTINUE || status == SASL_OK) output = message_;
  return status;
}

int ClientLogin::begin(const sasl_client_params_t& params, sasl_interact_t** prompts,
                       sasl_out_params_t& result) {
  if (const int status = credentials_.collect(*setup_.engine(), params, prompts); status != SASL_OK)
    return status;
  const std::string& login = credentials_.login();
  if (const int status =
          params.canon_user(params.utils->conn, login.c_str(), static_cast<unsigned>(login.size()),
                            SASL_CU_AUTHID | SASL_CU_AUTHZID, &result);
      status != SASL_OK)
    return status;

  auto settings = policy::client_policy(setup_.client_profile(), plan_.seal, plan_.minimum_strength);
  apply(plan_, settings);
  if (setup_.client_profile() == policy::Profile::modern) settings.target_name = target_name(params);
  client_.emplace(
      setup_.engine(),
      policy::client_identity(credentials_.name(), credentials_.secret(), text_of(params.clientFQDN)),
      std::move(settings), ntlm::draw_nonces(*setup_.engine()));
  auto negotiate = client_->negotiate();
  if (!negotiate)
    return fail(*params.utils, SASL_LOG_ERR, SASL_FAIL,
                "account " + login + " cannot log in: " + negotiate.error().message());
  message_ = std::move(*negotiate);
  return SASL_CONTINUE;
}

int ClientLogin::answer(const sasl_client_params_t& params, ByteSpan challenge, sasl_out_params_t& result) {
  auto authenticate = client_->authenticate(challenge, ntlm::filetime_now());
  if (!authenticate)
    return fail(
        *params.utils, SASL_LOG_ERR, SASL_BADSERV,
        "the challenge of " + server_name(params) + " is not acceptable: " + authenticate.error().message());
  message_ = std::move(*authenticate);
  return finish(params, result);
}

int ClientLogin::finish(const sasl_client_params_t& params, sasl_out_params_t& result) {
  const ntlm::Outcome outcome = client_->take_outcome();
  if (const auto reason = objection(plan_, outcome); !reason.empty())
    return fail(*params.utils, SASL_LOG_ERR, SASL_TOOWEAK, server_name(params) + ": " + reason);
  if (outcome.sealed)
    install_layer(setup_.engine(), ntlm::Role::client, outcome, setup_.client_framing(),
                  is_smtp(params) ? OutputRule::at_most_4096 : OutputRule::any,
                  reported_ssf(outcome.strength, setup_.ssf_limit()), result);
  result.doneflag = 1;
  log(*params.utils, SASL_LOG_NOTE,
      "logging on to " + server_name(params) + " as " + credentials_.login() + " by " + describe(outcome));
  return SASL_OK;
}

}  // namespace smtpseal::sasl

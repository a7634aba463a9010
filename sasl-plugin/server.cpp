#include "server.hpp"

#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"
#include "utilities.hpp"

namespace smtpseal::sasl {
namespace {

// The property of the authenticated account; without "*" it would be that of the account it wants to act as.
constexpr const char* kPassword = "*userPassword";

std::string server_name(const sasl_server_params_t& params) {
  std::string name = params.serverFQDN == nullptr ? "" : params.serverFQDN;
  if (name.ends_with('.')) name.pop_back();
  return name;
}

std::string full_name(const ntlm::Claim& claim) {
  return claim.domain.empty() ? claim.user : claim.domain + "\\" + claim.user;
}

bool is_smtp(const sasl_server_params_t& params) {
  return params.service != nullptr && std::string_view(params.service) == "smtp";
}

ntlm::ServerPolicy settings_for(const Setup& setup, const AccountSource& source, const LayerPlan& plan,
                                const sasl_server_params_t& params) {
  const auto name = server_name(params);
  auto settings = source.file ? policy::server_policy(name, setup.netbios_domain(), *source.file)
                              : policy::server_policy(name, setup.netbios_domain());
  if (!source.file) policy::admit(settings, source.profile, source.strength);
  apply(plan, settings);
  // In other services than SMTP integrity would mean a layer that there is none of here.
  settings.allow_sign_alone = is_smtp(params);
  return settings;
}

bool is_sendmail(const sasl_server_params_t& params) {
  return params.appname != nullptr && std::string_view(params.appname) == "Sendmail";
}

int canonify(sasl_server_params_t& params, const std::string& user, unsigned flags,
             sasl_out_params_t& result) {
  return params.canon_user(params.utils->conn, user.c_str(), static_cast<unsigned>(user.size()),
                           SASL_CU_AUTHID | SASL_CU_AUTHZID | flags, &result);
}

// The password that auxprop found for the user that canonify() named: the first usable one of several, such
// as an LDAP entry can have. nullopt: there is none of use.
std::optional<policy::StoredSecret> auxprop_secret(const crypto::Engine& engine,
                                                   sasl_server_params_t& params) {
  const char* names[] = {kPassword, nullptr};
  propval found[2] = {};
  if (params.utils->prop_getnames(params.propctx, names, found) < 0 || found[0].values == nullptr)
    return std::nullopt;
  policy::SecretParse parsed;
  // Each value ends with a NUL; propval::valsize is the length of all of them.
  for (const char** value = found[0].values; *value != nullptr && !parsed.secret; ++value)
    parsed = policy::parse_secret(engine, *value);
  params.utils->prop_erase(params.propctx, kPassword);
  if (!parsed.problem.empty() && !parsed.secret)
    log(*params.utils, SASL_LOG_ERR, "userPassword is unusable: " + parsed.problem);
  return std::move(parsed.secret);
}

}  // namespace

ServerLogin::ServerLogin(const Setup& setup, LayerPlan plan, AccountSource source,
                         const sasl_server_params_t& params)
    : Connection(*params.utils),
      setup_(setup),
      plan_(std::move(plan)),
      source_(std::move(source)),
      server_(setup.engine(),
              std::make_shared<const ntlm::ServerPolicy>(settings_for(setup_, source_, plan_, params)),
              ntlm::draw_server_nonce(*setup.engine())) {
  const char* wanted[] = {kPassword, nullptr};
  if (!source_.file) params.utils->prop_request(params.propctx, wanted);
}

int ServerLogin::step(sasl_server_params_t& params, ByteSpan input, ByteSpan& output,
                      sasl_out_params_t& result) {
  output = {};
  if (state_ == State::over) return fail(*params.utils, SASL_LOG_ERR, SASL_BADPROT, "the login is over");
  // An AUTH line without initial response: the client speaks next (RFC 4422 section 5).
  if (state_ == State::wants_negotiate && input.empty()) return SASL_CONTINUE;
  const int status =
      state_ == State::wants_negotiate ? challenge(params, input) : judge(params, input, result);
  state_ = status == SASL_CONTINUE ? State::wants_authenticate : State::over;
  if (status == SASL_CONTINUE) output = message_;
  return status;
}

int ServerLogin::challenge(const sasl_server_params_t& params, ByteSpan negotiate) {
  auto message = server_.challenge(negotiate, ntlm::filetime_now());
  if (!message)
    return fail(*params.utils, SASL_LOG_FAIL, SASL_BADPROT,
                "the client's first message is unusable: " + message.error().message());
  message_ = std::move(*message);
  return SASL_CONTINUE;
}

int ServerLogin::judge(sasl_server_params_t& params, ByteSpan authenticate, sasl_out_params_t& result) {
  const auto claim = server_.claim(authenticate);
  if (!claim)
    return fail(*params.utils, SASL_LOG_FAIL, SASL_BADPROT,
                "the client's answer is unusable: " + claim.error().message());
  account_ = full_name(*claim);
  const auto outcome = verify(params, *claim, result);
  if (!outcome) {
    const bool too_weak = outcome.error() == make_error_code(ntlm::errc::weak_response) ||
                          outcome.error() == make_error_code(ntlm::errc::weak_strength);
    return fail(*params.utils, SASL_LOG_FAIL, too_weak ? SASL_TOOWEAK : SASL_BADAUTH,
                "login of " + account_ + " refused: " + outcome.error().message());
  }
  return accept(params, *outcome, result);
}

Result<ntlm::Outcome> ServerLogin::verify(sasl_server_params_t& params, const ntlm::Claim& claim,
                                          sasl_out_params_t& result) {
  const auto now = ntlm::filetime_now();
  if (source_.file) {
    const auto* account = source_.file->find(claim.domain, claim.user);
    // Every account that exists here was found here: auxprop need not know it.
    if (account != nullptr &&
        canonify(params, account_ = account->account, SASL_CU_EXTERNALLY_VERIFIED, result) != SASL_OK)
      account = nullptr;
    return server_.verify(policy::secret_of(account), policy::requirements_of(account), now);
  }
  std::optional<policy::StoredSecret> secret;
  if (canonify(params, claim.user, 0, result) == SASL_OK) secret = auxprop_secret(*setup_.engine(), params);
  return server_.verify(secret ? std::optional(policy::secret_of(*secret)) : std::nullopt,
                        policy::requirements_of(source_.profile, source_.strength), now);
}

int ServerLogin::accept(const sasl_server_params_t& params, const ntlm::Outcome& outcome,
                        sasl_out_params_t& result) {
  if (const auto reason = objection(plan_, outcome); !reason.empty())
    return fail(*params.utils, SASL_LOG_FAIL, SASL_TOOWEAK, "login of " + account_ + " refused: " + reason);
  if (outcome.sealed)
    install_layer(setup_.engine(), ntlm::Role::server, outcome, std::nullopt,
                  is_sendmail(params) ? OutputRule::spoil_when_left : OutputRule::any,
                  reported_ssf(outcome.strength, setup_.ssf_limit()), result);
  result.doneflag = 1;
  log(*params.utils, SASL_LOG_NOTE, account_ + " logged in by " + describe(outcome));
  return SASL_OK;
}

}  // namespace smtpseal::sasl

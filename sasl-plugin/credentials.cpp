#include "credentials.hpp"

#include "utilities.hpp"

namespace smtpseal::sasl {
namespace {

struct Callback {
  int status = SASL_FAIL;  // SASL_INTERACT: the application asks its user
  sasl_callback_ft function = nullptr;
  void* context = nullptr;
};

Callback find_callback(const sasl_client_params_t& params, unsigned long id) {
  Callback found;
  found.status = params.utils->getcallback(params.utils->conn, id, &found.function, &found.context);
  if (found.status == SASL_OK && found.function == nullptr) found.status = SASL_INTERACT;
  return found;
}

// What the callback is declared as in sasl.h; libsasl2 hands all of them out as one type. (g++ takes casts by
// way of void (*)() without a warning.)
template <class Function>
Function as(const Callback& callback) {
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(callback.function));
}

int no_answer(const sasl_client_params_t& params, int status, const char* what) {
  return fail(*params.utils, SASL_LOG_ERR, status, std::string("the application gives no ") + what);
}

// SASL_INTERACT where the application's user can be asked; else an error.
int missing(const sasl_client_params_t& params, const Callback& callback, const char* what) {
  return callback.status == SASL_INTERACT ? SASL_INTERACT : no_answer(params, callback.status, what);
}

sasl_interact_t prompt(unsigned long id, const char* challenge, const char* text) {
  sasl_interact_t made{};
  made.id = id;
  made.challenge = challenge;
  made.prompt = text;
  return made;
}

}  // namespace

int Credentials::collect(const crypto::Engine& engine, const sasl_client_params_t& params,
                         sasl_interact_t** prompts) {
  if (prompts != nullptr && *prompts != nullptr) {
    const int status = take_answers(engine, *params.utils, *prompts);
    *prompts = nullptr;
    if (status != SASL_OK) return status;
  }
  const int name_status = has_name_ ? SASL_OK : ask_name(params);
  const int password_status = secret_ ? SASL_OK : ask_password(engine, params);
  for (const int status : {name_status, password_status})
    if (status != SASL_OK && status != SASL_INTERACT) return status;

  if (name_status == SASL_INTERACT || password_status == SASL_INTERACT) {
    if (prompts == nullptr)
      return fail(*params.utils, SASL_LOG_ERR, SASL_FAIL, "the application gives no name or password");
    *prompts = make_prompts(name_status == SASL_INTERACT, password_status == SASL_INTERACT);
    return SASL_INTERACT;
  }
  name_ = policy::split_account(login_);
  if (name_.domain.empty() && login_.find('@') == std::string::npos) ask_realm(params);
  if (name_.user.empty())
    return fail(*params.utils, SASL_LOG_ERR, SASL_BADPARAM, "the application gives an empty account name");
  return SASL_OK;
}

// The authentication name, not SASL_CB_USER: NTLM has no second identity to act as.
int Credentials::ask_name(const sasl_client_params_t& params) {
  const auto callback = find_callback(params, SASL_CB_AUTHNAME);
  if (callback.status != SASL_OK) return missing(params, callback, "account name");
  const char* text = nullptr;
  unsigned length = 0;
  const int status = as<sasl_getsimple_t*>(callback)(callback.context, SASL_CB_AUTHNAME, &text, &length);
  if (status != SASL_OK) return no_answer(params, status, "account name");
  login_ = text == nullptr ? "" : text;
  has_name_ = true;
  return SASL_OK;
}

int Credentials::ask_password(const crypto::Engine& engine, const sasl_client_params_t& params) {
  const auto callback = find_callback(params, SASL_CB_PASS);
  if (callback.status != SASL_OK) return missing(params, callback, "password");
  sasl_secret_t* password = nullptr;
  const int status =
      as<sasl_getsecret_t*>(callback)(params.utils->conn, callback.context, SASL_CB_PASS, &password);
  if (status != SASL_OK || password == nullptr)
    return no_answer(params, status == SASL_OK ? SASL_BADPARAM : status, "password");
  return take_password(engine, *params.utils, {reinterpret_cast<const char*>(password->data), password->len});
}

void Credentials::ask_realm(const sasl_client_params_t& params) {
  const auto callback = find_callback(params, SASL_CB_GETREALM);
  if (callback.status != SASL_OK) return;  // no prompt: most partners need no domain
  const char* realms[] = {nullptr};
  const char* chosen = nullptr;
  if (as<sasl_getrealm_t*>(callback)(callback.context, SASL_CB_GETREALM, realms, &chosen) == SASL_OK &&
      chosen != nullptr)
    name_.domain = chosen;
}

int Credentials::take_password(const crypto::Engine& engine, const sasl_utils_t& utils,
                               std::string_view password) {
  auto parsed = policy::parse_secret(engine, password);
  if (!parsed.secret)
    return fail(utils, SASL_LOG_ERR, SASL_BADPARAM,
                "the application's password is unusable: " + parsed.problem);
  secret_ = std::move(parsed.secret);
  return SASL_OK;
}

int Credentials::take_answers(const crypto::Engine& engine, const sasl_utils_t& utils,
                              const sasl_interact_t* answers) {
  for (; answers->id != SASL_CB_LIST_END; ++answers) {
    const std::string_view text(static_cast<const char*>(answers->result),
                                answers->result == nullptr ? 0 : answers->len);
    if (answers->id == SASL_CB_AUTHNAME) {
      login_ = text;
      has_name_ = true;
    } else if (answers->id == SASL_CB_PASS) {
      if (const int status = take_password(engine, utils, text); status != SASL_OK) return status;
    }
  }
  return SASL_OK;
}

// The prompts belong to this object; the application keeps the pointer until its next step.
sasl_interact_t* Credentials::make_prompts(bool name, bool password) {
  prompts_.clear();
  if (name) prompts_.push_back(prompt(SASL_CB_AUTHNAME, "Authentication Name", "Please enter DOMAIN\\user"));
  if (password) prompts_.push_back(prompt(SASL_CB_PASS, "Password", "Please enter your password"));
  prompts_.push_back(prompt(SASL_CB_LIST_END, nullptr, nullptr));
  return prompts_.data();
}

}  // namespace smtpseal::sasl

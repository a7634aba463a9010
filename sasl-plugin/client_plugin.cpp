#include "client_plugin.hpp"

#include <memory>

#include "client.hpp"
#include "plug_table.hpp"
#include "utilities.hpp"

namespace smtpseal::sasl {
namespace {

// The table and what it points to, as one.
struct ClientPlugin {
  explicit ClientPlugin(const sasl_utils_t& utils);
  Setup setup;
  sasl_client_plug_t table{};
};

int new_login(void* plugin, sasl_client_params_t* params, void** login) {
  return guarded(*params->utils, [&] {
    Layer::spoil_leftovers();
    const Setup& setup = static_cast<ClientPlugin*>(plugin)->setup;
    // Refused here and not later: Sendmail then defers, while an error in a later step lets it go on in
    // clear.
    if (!setup.problem().empty()) return fail(*params->utils, SASL_LOG_ERR, SASL_FAIL, setup.problem());
    auto plan =
        plan_client(limits_of(*params), setup.client_layer(), setup.client_strength(), setup.ssf_limit());
    if (!plan.problem.empty()) return fail(*params->utils, SASL_LOG_ERR, SASL_TOOWEAK, plan.problem);
    *login = Connection::to_context(std::make_unique<ClientLogin>(setup, std::move(plan), *params));
    return SASL_OK;
  });
}

int step(void* login, sasl_client_params_t* params, const char* input, unsigned input_length,
         sasl_interact_t** prompts, const char** output, unsigned* output_length, sasl_out_params_t* result) {
  *output = nullptr;
  *output_length = 0;
  if (login == nullptr)
    return SASL_BADPROT;  // libsasl2 disposes of a login that failed, and may ask it again
  return guarded(*params->utils, [&] {
    ByteSpan message;
    const int status = Connection::from_context<ClientLogin>(login).step(
        *params, as_span(input, input_length), prompts, message, *result);
    if (status == SASL_OK || status == SASL_CONTINUE) hand_out(message, output, output_length);
    return status;
  });
}

void dispose(void* login, const sasl_utils_t* /*utils*/) {
  delete static_cast<Connection*>(login);
}

void unload(void* plugin, const sasl_utils_t* /*utils*/) {
  delete static_cast<ClientPlugin*>(plugin);
}

ClientPlugin::ClientPlugin(const sasl_utils_t& utils) : setup(utils) {
  table.mech_name = kMechanism;
  table.max_ssf = kBestSsf;
  table.security_flags = kSecurityFlags;
  table.features = SASL_FEAT_NEEDSERVERFQDN | SASL_FEAT_WANT_CLIENT_FIRST;
  table.glob_context = this;
  table.mech_new = &new_login;
  table.mech_step = &step;
  table.mech_dispose = &dispose;
  table.mech_free = &unload;
}

}  // namespace

int client_plug_init(const sasl_utils_t* utils, int max_version, int* out_version, sasl_client_plug_t** plugs,
                     int* count) {
  if (max_version < SASL_CLIENT_PLUG_VERSION) return SASL_BADVERS;
  return guarded(*utils, [&] {
    *plugs = &std::make_unique<ClientPlugin>(*utils).release()->table;
    *count = 1;
    *out_version = SASL_CLIENT_PLUG_VERSION;
    return SASL_OK;
  });
}

}  // namespace smtpseal::sasl

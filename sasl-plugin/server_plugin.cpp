#include "server_plugin.hpp"

#include <memory>

#include "plug_table.hpp"
#include "server.hpp"
#include "utilities.hpp"

namespace smtpseal::sasl {
namespace {

// The table and what it points to, as one.
struct ServerPlugin {
  explicit ServerPlugin(const sasl_utils_t& utils);
  Setup setup;
  AccountsFile accounts;
  sasl_server_plug_t table{};
};

// What a login needs; `problem` says why there can be none.
struct Prospect {
  LayerPlan plan;
  AccountSource source;
  std::string problem;
};

// Reads smtpseal_profile and smtpseal_strength, the terms of accounts from auxprop.
std::string read_terms(const sasl_utils_t& utils, AccountSource& source) {
  const std::string profile = option(utils, "smtpseal_profile");
  if (profile == "exchange-5.5")
    source.profile = policy::Profile::exchange_55;
  else if (!profile.empty() && profile != "modern")
    return "smtpseal_profile: " + profile + ": allowed are modern, exchange-5.5";
  const std::string strength = option(utils, "smtpseal_strength");
  if (strength == "40" || strength == "56" || strength == "128")
    source.strength = static_cast<unsigned>(std::stoul(strength));
  else if (!strength.empty())
    return "smtpseal_strength: " + strength + ": allowed are 40, 56, 128";
  return {};
}

Prospect look(ServerPlugin& plugin, const sasl_server_params_t& params) {
  Prospect prospect;
  prospect.problem = plugin.setup.problem();
  if (!prospect.problem.empty()) return prospect;
  prospect.plan = plan_server(limits_of(params), plugin.setup.ssf_limit());
  prospect.problem = prospect.plan.problem;
  if (!prospect.problem.empty()) return prospect;
  const std::string accounts = option(*params.utils, "smtpseal_accounts");
  if (accounts == "auxprop") {
    prospect.problem = read_terms(*params.utils, prospect.source);
  } else if (accounts.empty() || accounts == "file") {
    auto reading = plugin.accounts.current(*plugin.setup.engine());
    prospect.source.file = std::move(reading.accounts);
    prospect.problem = std::move(reading.problem);
  } else {
    prospect.problem = "smtpseal_accounts: " + accounts + ": allowed are file, auxprop";
  }
  return prospect;
}

// Whether AUTH NTLM is to be offered: only where a login can work.
int is_available(void* plugin, sasl_server_params_t* params, void** /*login*/) {
  return guarded(*params->utils, [&] {
    const auto prospect = look(*static_cast<ServerPlugin*>(plugin), *params);
    if (prospect.problem.empty()) return SASL_OK;
    return fail(*params->utils, SASL_LOG_ERR, SASL_NOMECH, "not offered: " + prospect.problem);
  });
}

int new_login(void* plugin, sasl_server_params_t* params, const char* /*challenge*/, unsigned /*length*/,
              void** login) {
  return guarded(*params->utils, [&] {
    Layer::spoil_leftovers();
    auto& self = *static_cast<ServerPlugin*>(plugin);
    auto prospect = look(self, *params);
    if (!prospect.problem.empty()) return fail(*params->utils, SASL_LOG_ERR, SASL_FAIL, prospect.problem);
    *login = Connection::to_context(std::make_unique<ServerLogin>(self.setup, std::move(prospect.plan),
                                                                  std::move(prospect.source), *params));
    return SASL_OK;
  });
}

int step(void* login, sasl_server_params_t* params, const char* input, unsigned input_length,
         const char** output, unsigned* output_length, sasl_out_params_t* result) {
  *output = nullptr;
  *output_length = 0;
  if (login == nullptr)
    return SASL_BADPROT;  // libsasl2 disposes of a login that failed, and may ask it again
  return guarded(*params->utils, [&] {
    ByteSpan message;
    const int status = Connection::from_context<ServerLogin>(login).step(
        *params, as_span(input, input_length), message, *result);
    if (status == SASL_CONTINUE) hand_out(message, output, output_length);
    return status;
  });
}

void dispose(void* login, const sasl_utils_t* /*utils*/) {
  delete static_cast<Connection*>(login);
}

void unload(void* plugin, const sasl_utils_t* /*utils*/) {
  delete static_cast<ServerPlugin*>(plugin);
}

ServerPlugin::ServerPlugin(const sasl_utils_t& utils) : setup(utils), accounts(setup.accounts_file()) {
  table.mech_name = kMechanism;
  table.max_ssf = kBestSsf;
  table.security_flags = kSecurityFlags;
  table.features = SASL_FEAT_WANT_CLIENT_FIRST;
  table.glob_context = this;
  table.mech_new = &new_login;
  table.mech_step = &step;
  table.mech_dispose = &dispose;
  table.mech_free = &unload;
  table.mech_avail = &is_available;
}

}  // namespace

int server_plug_init(const sasl_utils_t* utils, int max_version, int* out_version, sasl_server_plug_t** plugs,
                     int* count) {
  if (max_version < SASL_SERVER_PLUG_VERSION) return SASL_BADVERS;
  return guarded(*utils, [&] {
    auto plugin = std::make_unique<ServerPlugin>(*utils);
    // A server that forks for each connection reads the accounts once, here; what is wrong with them is
    // logged when somebody connects.
    if (plugin->setup.problem().empty()) static_cast<void>(plugin->accounts.current(*plugin->setup.engine()));
    *plugs = &plugin.release()->table;
    *count = 1;
    *out_version = SASL_SERVER_PLUG_VERSION;
    return SASL_OK;
  });
}

}  // namespace smtpseal::sasl

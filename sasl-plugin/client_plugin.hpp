// The mechanism NTLM as libsasl2 sees it on the client's side (sasl_client_plug_t).
#pragma once

#include "sasl_api.hpp"

namespace smtpseal::sasl {

// sasl_client_plug_init_t: what libsasl2 calls once it has loaded the plugin. The table handed out owns
// itself; libsasl2 ends it by mech_free.
int client_plug_init(const sasl_utils_t* utils, int max_version, int* out_version, sasl_client_plug_t** plugs,
                     int* count);

}  // namespace smtpseal::sasl

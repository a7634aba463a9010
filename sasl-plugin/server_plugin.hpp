// The mechanism NTLM as libsasl2 sees it on the server's side (sasl_server_plug_t).
#pragma once

#include "sasl_api.hpp"

namespace smtpseal::sasl {

// sasl_server_plug_init_t: what libsasl2 calls once it has loaded the plugin. The table handed out owns
// itself; libsasl2 ends it by mech_free.
int server_plug_init(const sasl_utils_t* utils, int max_version, int* out_version, sasl_server_plug_t** plugs,
                     int* count);

}  // namespace smtpseal::sasl

// The entry points by which libsasl2 knows a plugin.
#include "client_plugin.hpp"
#include "server_plugin.hpp"

extern "C" {

[[gnu::visibility("default")]] int sasl_client_plug_init(const sasl_utils_t* utils, int max_version,
                                                         int* out_version, sasl_client_plug_t** plugs,
                                                         int* count) {
  return smtpseal::sasl::client_plug_init(utils, max_version, out_version, plugs, count);
}

[[gnu::visibility("default")]] int sasl_server_plug_init(const sasl_utils_t* utils, int max_version,
                                                         int* out_version, sasl_server_plug_t** plugs,
                                                         int* count) {
  return smtpseal::sasl::server_plug_init(utils, max_version, out_version, plugs, count);
}
}

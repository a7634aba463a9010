#include <algorithm>

#include "../sasl_probe.hpp"
#include "checks.hpp"

namespace smtpseal::cli {

// Whoever sets a parameter of the SASL plugin expects that it is the plugin that is used.
void check_plugin(Context& context, Findings& findings) {
  findings.begin("SASL plugin");
  const auto& values = context.values();
  const bool is_expected = std::ranges::any_of(config::all_params(), [&](const config::Param& param) {
    return param.name.starts_with("sasl.") && !values.is_default(param.name);
  });
  if (!is_expected) return;
  const auto probe = probe_sasl({.config_file = context.config_file});
  if (probe.client.uses_ours() && probe.server.uses_ours())
    return findings.ok("NTLM in SASL programs of this host is smtpseal's");
  findings.warning("[sasl] is set, but NTLM in SASL programs of this host is not smtpseal's",
                   "smtpseal plugin status says why; smtpseal plugin enable");
}

}  // namespace smtpseal::cli

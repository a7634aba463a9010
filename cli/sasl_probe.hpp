// Which NTLM plugin a program that uses libsasl2 gets on this host. libsasl2 itself is asked, in a child
// process: a plugin that crashes or hangs takes no more than that down.
#pragma once

#include <string>
#include <vector>

namespace smtpseal::cli {

struct SaslProbeOptions {
  std::string plugin_dir = SMTPSEAL_SASL_PLUGIN_DIR;
  std::string config_file = {};  // smtpseal.toml for our plugin; empty: its default
  std::string application =
      "smtpseal";  // whose SASL configuration is read: "Sendmail" means /etc/sasl2/Sendmail.conf
};

struct SaslPlugin {
  std::string name;      // of the file, without "lib" and ".so", as libsasl2 tells it
  unsigned max_ssf = 0;  // strongest layer in bits; 0: none
};

// libsasl2 as a client, or as a server.
struct SaslSide {
  std::vector<SaslPlugin> ntlm;  // in libsasl2's order of preference: a program gets the first
  std::string problem;           // why a login cannot even begin; empty: it can
  [[nodiscard]] bool uses_ours() const { return !ntlm.empty() && ntlm.front().name == "smtpseal"; }
};

struct SaslProbe {
  SaslSide client;
  SaslSide server;
  std::string
      load_error;  // why libsmtpseal.so in that directory cannot be loaded; empty: it can, or is not there
  std::string failure;  // how the child ended, where that was not well
};

// Throws Failure where no child can be made. Takes ten seconds at most.
SaslProbe probe_sasl(const SaslProbeOptions& options);

}  // namespace smtpseal::cli

// The client's side of TLS: sessions made as a rule asks, and the verdict on the certificate that came.
#pragma once

#include <optional>
#include <string>

#include "smtpseal/daemon/tls_channel.hpp"
#include "smtpseal/policy/tls_rule.hpp"
#include "smtpseal/tls/trust_store.hpp"

namespace smtpseal::relay {

class TlsClient {
 public:
  // `ca_file`: the authorities of rules without ca_file=, before load(); empty: those the system trusts.
  explicit TlsClient(std::string ca_file);
  // Reads the authorities anew. Throws daemon::StartupError; the object stays as it was then.
  void load();
  // The same, but logs and returns what is wrong, and goes on with what it has.
  std::string reload();
  // Those of rules without ca_file=. Another object after every load.
  [[nodiscard]] const tls::TrustStore& authorities() const { return authorities_; }

  // A session that will hold to `rule`. `name` is the host's, for SNI and, where the rule has no name of its
  // own, to be found in the certificate. Errors: those of OpenSSL; where `authorities` are needed and null
  // too.
  [[nodiscard]] Result<daemon::SslSession> make_session(const policy::TlsRule& rule, const std::string& name,
                                                        const tls::TrustStore& authorities) const;

 private:
  std::string ca_file_;
  daemon::SslContext context_;
  tls::TrustStore authorities_;
};

// How a certificate was found good enough: "chain", "fingerprint", or "no", where the rule asks for neither.
struct CertificateVerdict {
  std::string verified;
  std::optional<std::string> problem;  // why it is not good enough
};
// `verify_result` is OpenSSL's on chain and name; `name` the one that was looked for. Pure.
CertificateVerdict judge_certificate(const policy::TlsRule& rule, const X509* certificate, long verify_result,
                                     const std::string& name);

}  // namespace smtpseal::relay

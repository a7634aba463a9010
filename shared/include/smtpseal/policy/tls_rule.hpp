// What a rule asks of TLS: tls= and the attributes that go with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/tls/certificate.hpp"

namespace smtpseal::policy {

enum class TlsMode {
  none,     // no STARTTLS
  encrypt,  // STARTTLS with whoever answers
  verify,   // and with the certificate checked
};
std::string_view name(TlsMode mode);

enum class TlsVersion { tls_1_0, tls_1_1, tls_1_2, tls_1_3 };
std::string_view name(TlsVersion version);  // "1.0"

struct TlsRule {
  TlsMode mode = TlsMode::none;
  TlsVersion least = TlsVersion::tls_1_2;
  std::string name;     // to be found in the certificate; empty: the host's
  std::string ca_file;  // PEM; empty: the system's authorities
  std::vector<tls::Fingerprint>
      fingerprints;  // where there are any, one must be the certificate's: no chain, no name

  // All of it in one line, so that equal rules, and only those, read alike.
  [[nodiscard]] std::string text() const;
};

}  // namespace smtpseal::policy

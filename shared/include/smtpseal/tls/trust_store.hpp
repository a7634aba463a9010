// The certificates that a peer's certificate chain may end in. Immutable once made; safe from any thread.
#pragma once

#include <openssl/x509_vfy.h>

#include <memory>
#include <string>
#include <string_view>

namespace smtpseal::tls {

using TrustStore = std::shared_ptr<X509_STORE>;

struct TrustStoreParse {
  TrustStore store;     // null where there is a problem
  std::string problem;  // what is wrong with the text, without the name of its file
};

// All certificates of a PEM text, each an anchor by itself: authorities, intermediate ones, or the very
// certificate of a server that signs its own. Text between them is ignored. At least one is needed, and a
// malformed one spoils all.
[[nodiscard]] TrustStoreParse parse_trust_store(std::string_view pem);

// The authorities that the system trusts: OpenSSL's default file and directory. Null where they cannot be
// used.
[[nodiscard]] TrustStore system_trust_store();

}  // namespace smtpseal::tls

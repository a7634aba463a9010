// A peer's certificate in DER, the text of a ca_file=, and fingerprint= of the domains file.
#include <openssl/err.h>
#include <openssl/x509.h>

#include <memory>

#include "fuzz.hpp"
#include "smtpseal/tls/certificate.hpp"
#include "smtpseal/tls/trust_store.hpp"

using namespace smtpseal;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = tls::parse_trust_store(fuzz::text(data, size));
  require((parsed.store == nullptr) == !parsed.problem.empty());
  if (const auto fingerprint = tls::parse_fingerprint(fuzz::text(data, size)))
    require(tls::parse_fingerprint(tls::to_text(*fingerprint)) == fingerprint);

  const unsigned char* der = data;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      d2i_X509(nullptr, &der, static_cast<long>(size)), X509_free);
  ERR_clear_error();
  if (!certificate) return 0;
  for (const char c : tls::names_of(*certificate)) require(c >= 0x20 && c < 0x7f);
  require(tls::names_of(*certificate).size() < 600);
  if (const auto binding = tls::end_point_binding(*certificate))
    require(as_text(*binding).starts_with("tls-server-end-point:"));
  (void)tls::fingerprint_of(*certificate);
  return 0;
}

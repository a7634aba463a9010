#include "smtpseal/tls/trust_store.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace smtpseal::tls {
namespace {

TrustStore new_store() {
  return {X509_STORE_new(), X509_STORE_free};
}

// Where reading has ended: behind the last certificate, or at one that is malformed.
bool ended_well() {
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

}  // namespace

TrustStoreParse parse_trust_store(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  TrustStoreParse result{new_store(), {}};
  int count = 0;
  const auto read = [&text] {
    return std::unique_ptr<X509, decltype(&X509_free)>(
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), X509_free);
  };
  ERR_clear_error();
  for (auto certificate = read(); certificate; certificate = read()) {
    X509_STORE_add_cert(result.store.get(), certificate.get());
    ++count;
  }
  if (!ended_well()) return {nullptr, "certificate " + std::to_string(count + 1) + " in it is malformed"};
  if (count == 0) return {nullptr, "there is no certificate in it (BEGIN CERTIFICATE, PEM)"};
  // Whoever names a certificate means that it is to be trusted, be it an authority's or not.
  X509_STORE_set_flags(result.store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  return result;
}

TrustStore system_trust_store() {
  auto store = new_store();
  return store && X509_STORE_set_default_paths(store.get()) == 1 ? store : nullptr;
}

}  // namespace smtpseal::tls

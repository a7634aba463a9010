// Certificates for tests, made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <utility>

namespace smtpseal::testing {

using TestKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using TestCertificate = std::unique_ptr<X509, decltype(&X509_free)>;

inline TestKey ec_key() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}
inline TestKey rsa_key() {
  return {EVP_RSA_gen(2048), EVP_PKEY_free};
}
inline TestKey ed25519_key() {
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free};
}

// Signs itself by `digest` (null for Ed25519); `names` as OpenSSL's configuration writes a subjectAltName,
// empty: none.
inline TestCertificate make_certificate(EVP_PKEY* key, const EVP_MD* digest, const std::string& names,
                                        bool with_pss = false) {
  TestCertificate certificate(X509_new(), X509_free);
  X509* made = certificate.get();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -60);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, key);
  X509_NAME* subject = X509_get_subject_name(made);
  const auto* common = reinterpret_cast<const unsigned char*>("common.example");
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, common, -1, -1, 0);
  X509_set_issuer_name(made, subject);
  if (!names.empty()) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
  }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* signing = nullptr;
  EVP_DigestSignInit(context, &signing, digest, nullptr, key);
  if (with_pss) EVP_PKEY_CTX_set_rsa_padding(signing, RSA_PKCS1_PSS_PADDING);
  X509_sign_ctx(made, context);
  EVP_MD_CTX_free(context);
  return certificate;
}

inline std::string pem_of(X509& certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(text.get(), &certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace smtpseal::testing

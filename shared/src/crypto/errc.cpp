#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::crypto {

namespace {

const char* text(int value) {
  switch (static_cast<errc>(value)) {
    case errc::legacy_provider_missing:
      return "OpenSSL's legacy provider cannot be loaded";
    case errc::algorithm_missing:
      return "OpenSSL offers no MD4, MD5, RC4 or DES";
    case errc::self_test_failed:
      return "a cryptographic self-test gave a wrong answer";
    case errc::operation_failed:
      return "an OpenSSL operation failed";
  }
  return "unknown crypto error";
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "crypto"; }
  std::string message(int value) const override { return text(value); }
};

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

std::string Engine::describe_failure(const ErrorCode& error) {
  std::string words = error.message();
  if (error == make_error_code(errc::legacy_provider_missing)) {
    words +=
        ": install the package openssl-provider-legacy (Debian 13) or libssl3 (Debian 12), "
        "which hold ossl-modules/legacy.so, and check OPENSSL_MODULES";
  } else if (error == make_error_code(errc::algorithm_missing)) {
    words += ": NTLM needs them, and a FIPS-only OpenSSL cannot provide them";
  } else if (error == make_error_code(errc::self_test_failed)) {
    words += ": do not use this OpenSSL build";
  }
  return words;
}

}  // namespace smtpseal::crypto

// What an Engine holds, for the classes of this folder only.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

#include <memory>
#include <new>

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::crypto {

template <auto function>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
template <class T, auto function>
using Owned = std::unique_ptr<T, Deleter<function>>;

// Declared in the order in which they depend on each other: algorithms go before providers, providers before
// the context.
struct Engine::Parts {
  Owned<OSSL_LIB_CTX, OSSL_LIB_CTX_free> library;
  Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload> base;
  Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload> legacy;
  Owned<EVP_MD, EVP_MD_free> md4;
  Owned<EVP_MD, EVP_MD_free> md5;
  Owned<EVP_CIPHER, EVP_CIPHER_free> rc4;
  Owned<EVP_CIPHER, EVP_CIPHER_free> des;
  Owned<EVP_KDF, EVP_KDF_free> scrypt;
};

// On a fetched algorithm and valid arguments OpenSSL fails for want of memory only.
inline void require(bool succeeded) {
  if (!succeeded) throw std::bad_alloc();
}

inline const unsigned char* octets(ByteSpan bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* writable_octets(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace smtpseal::crypto

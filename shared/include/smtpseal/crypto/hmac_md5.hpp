// HMAC-MD5 (RFC 2104) under one key that is used again and again: no allocation and no fetch per message.
// The engine must outlive it; for one thread at a time.
#pragma once

#include <openssl/types.h>

#include <array>
#include <initializer_list>
#include <memory>

#include "smtpseal/bytes.hpp"
#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/secret.hpp"

namespace smtpseal::crypto {

class HmacMd5 {
 public:
  // A key of any length. Throws std::bad_alloc only.
  HmacMd5(const Engine& engine, ByteSpan key);

  // The code over the concatenation of `parts`.
  Digest16 compute(std::initializer_list<ByteSpan> parts);

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  static constexpr std::size_t kBlock = 64;  // MD5's block, to which the key is padded

  std::unique_ptr<EVP_MD_CTX, Free> context_;
  SecretArray<kBlock> inner_;
  SecretArray<kBlock> outer_;
};

}  // namespace smtpseal::crypto

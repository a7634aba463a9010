// One RC4 key stream that goes on from call to call. The engine must outlive it; for one thread at a time.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <span>

#include "smtpseal/bytes.hpp"
#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::crypto {

class Rc4 {
 public:
  // REQUIRES: a key of 5 to 16 octets. The key itself is not kept. Throws std::bad_alloc only.
  Rc4(const Engine& engine, ByteSpan key);

  // Encrypts or decrypts the next octets of the stream. `in` and `out` are of equal size, and the same memory
  // or disjoint.
  void apply(ByteSpan in, std::span<std::byte> out);
  void apply(std::span<std::byte> data) { apply(data, data); }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const;
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

}  // namespace smtpseal::crypto

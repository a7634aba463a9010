// The algorithms NTLMSSP needs, fetched once from OpenSSL 3 into a library context of our own (default +
// legacy provider). The process's default context is never touched, so a host application sees no change.
// Thread rule: an Engine is immutable after create() and may be shared by threads; Rc4 and HmacMd5 objects
// made from it belong to one session and one thread at a time, and must not outlive it.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include "smtpseal/bytes.hpp"
#include "smtpseal/result.hpp"
#include "smtpseal/secret.hpp"

namespace smtpseal::crypto {

enum class errc {
  legacy_provider_missing =
      1,              // OpenSSL's legacy provider cannot be loaded; the message names the package to install
  algorithm_missing,  // a fetched algorithm is absent (FIPS-only configuration)
  self_test_failed,   // a known answer came out wrong: do not start
  operation_failed,   // OpenSSL refused an operation that cannot fail on valid arguments
};
const boost::system::error_category& category();
inline ErrorCode make_error_code(errc e) {
  return {static_cast<int>(e), category()};
}

using Digest16 = std::array<std::byte, 16>;
using Key16 = SecretArray<16>;

class Engine {
 public:
  // Loads the providers, fetches every algorithm, runs the known-answer self-test.
  // Errors: every errc above; describe_failure() says in words what to install.
  [[nodiscard]] static Result<std::shared_ptr<const Engine>> create();
  static std::string describe_failure(const ErrorCode& error);

  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // One-shot digests over the concatenation of `parts`. They throw std::bad_alloc only.
  Digest16 md4(std::initializer_list<ByteSpan> parts) const;
  Digest16 md5(std::initializer_list<ByteSpan> parts) const;
  Digest16 hmac_md5(ByteSpan key, std::initializer_list<ByteSpan> parts) const;
  // Whole-buffer RC4 with a key of 5 to 16 octets; in and out may be the same memory.
  void rc4(ByteSpan key, ByteSpan in, std::span<std::byte> out) const;
  // DES-ECB of one block under a 7-octet key spread over 8 with parity ([MS-NLMP] 6, DES()).
  std::array<std::byte, 8> des(std::span<const std::byte, 7> key, std::span<const std::byte, 8> block) const;
  // scrypt (RFC 7914) with N = 2^14, r = 8, p = 1: takes 16 MiB and tens of milliseconds, for whoever guesses
  // too.
  void scrypt(ByteSpan secret, ByteSpan salt, std::span<std::byte> out) const;
  // Cryptographically strong random octets from the DRBG of this context. Throws boost::system::system_error
  // (operation_failed) where the operating system gives no entropy: never returns octets that can be guessed.
  void random(std::span<std::byte> out) const;

 private:
  friend class Rc4;
  friend class HmacMd5;
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// CRC-32 as zlib computes it ([MS-NLMP] 3.4.4.1), continued from `crc` (0 at the start).
std::uint32_t crc32(std::uint32_t crc, ByteSpan data);

}  // namespace smtpseal::crypto

template <>
struct boost::system::is_error_code_enum<smtpseal::crypto::errc> : std::true_type {};

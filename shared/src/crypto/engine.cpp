#include "smtpseal/crypto/engine.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <bit>

#include "engine_parts.hpp"
#include "self_test.hpp"
#include "smtpseal/crypto/hmac_md5.hpp"
#include "smtpseal/crypto/rc4.hpp"

namespace smtpseal::crypto {

namespace {

using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using KdfContext = Owned<EVP_KDF_CTX, EVP_KDF_CTX_free>;

Digest16 digest(const EVP_MD* algorithm, std::initializer_list<ByteSpan> parts) {
  const DigestContext context(EVP_MD_CTX_new());
  require(context != nullptr);
  require(EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
  for (const ByteSpan part : parts) require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Digest16 result;
  require(EVP_DigestFinal_ex(context.get(), writable_octets(result), nullptr) == 1);
  return result;
}

// Seven bits a key octet, the eighth makes its parity odd.
SecretArray<8> spread_des_key(std::span<const std::byte, 7> key) {
  std::uint64_t bits = 0;
  for (const std::byte octet : key) bits = bits << 8 | std::to_integer<std::uint64_t>(octet);
  SecretArray<8> spread;
  for (unsigned i = 0; i < 8; ++i) {
    const auto seven = static_cast<std::uint8_t>((bits >> (49 - 7 * i) & 0x7f) << 1);
    spread.writable()[i] = static_cast<std::byte>(seven | (std::popcount(seven) % 2 == 0 ? 1 : 0));
  }
  wipe(&bits, sizeof bits);
  return spread;
}

// OpenSSL queues its reasons per thread; what failed here is told by our own codes.
struct ForgetOpensslErrors {
  ForgetOpensslErrors() { ERR_set_mark(); }
  ~ForgetOpensslErrors() { ERR_pop_to_mark(); }
  ForgetOpensslErrors(const ForgetOpensslErrors&) = delete;
  ForgetOpensslErrors& operator=(const ForgetOpensslErrors&) = delete;
};

}  // namespace

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Engine::~Engine() = default;

Result<std::shared_ptr<const Engine>> Engine::create() {
  const ForgetOpensslErrors guard;
  auto parts = std::make_unique<Parts>();
  parts->library.reset(OSSL_LIB_CTX_new());
  require(parts->library != nullptr);
  OSSL_LIB_CTX* const library = parts->library.get();

  parts->base.reset(OSSL_PROVIDER_load(library, "default"));
  if (!parts->base) return make_error_code(errc::algorithm_missing);
  parts->legacy.reset(OSSL_PROVIDER_load(library, "legacy"));
  if (!parts->legacy) return make_error_code(errc::legacy_provider_missing);

  parts->md4.reset(EVP_MD_fetch(library, "MD4", nullptr));
  parts->md5.reset(EVP_MD_fetch(library, "MD5", nullptr));
  parts->rc4.reset(EVP_CIPHER_fetch(library, "RC4", nullptr));
  parts->des.reset(EVP_CIPHER_fetch(library, "DES-ECB", nullptr));
  parts->scrypt.reset(EVP_KDF_fetch(library, "SCRYPT", nullptr));
  if (!parts->md4 || !parts->md5 || !parts->rc4 || !parts->des || !parts->scrypt)
    return make_error_code(errc::algorithm_missing);

  const std::shared_ptr<const Engine> engine(new Engine(std::move(parts)));
  if (!known_answers_hold(*engine)) return make_error_code(errc::self_test_failed);
  return engine;
}

Digest16 Engine::md4(std::initializer_list<ByteSpan> parts) const {
  return digest(parts_->md4.get(), parts);
}

Digest16 Engine::md5(std::initializer_list<ByteSpan> parts) const {
  return digest(parts_->md5.get(), parts);
}

Digest16 Engine::hmac_md5(ByteSpan key, std::initializer_list<ByteSpan> parts) const {
  return HmacMd5(*this, key).compute(parts);
}

void Engine::rc4(ByteSpan key, ByteSpan in, std::span<std::byte> out) const {
  Rc4(*this, key).apply(in, out);
}

std::array<std::byte, 8> Engine::des(std::span<const std::byte, 7> key,
                                     std::span<const std::byte, 8> block) const {
  const SecretArray<8> spread = spread_des_key(key);
  const CipherContext context(EVP_CIPHER_CTX_new());
  require(context != nullptr);
  require(EVP_EncryptInit_ex2(context.get(), parts_->des.get(), octets(spread.octets()), nullptr, nullptr) ==
          1);
  require(EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
  std::array<std::byte, 8> result{};
  int written = 0;
  require(EVP_EncryptUpdate(context.get(), writable_octets(result), &written, octets(block), 8) == 1);
  return result;
}

void Engine::scrypt(ByteSpan secret, ByteSpan salt, std::span<std::byte> out) const {
  const auto octet_string = [](const char* name, ByteSpan value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(value.data()), value.size());
  };
  std::uint64_t n = 1U << 14;
  std::uint32_t r = 8;
  std::uint32_t p = 1;
  const std::array parameters{octet_string(OSSL_KDF_PARAM_PASSWORD, secret),
                              octet_string(OSSL_KDF_PARAM_SALT, salt),
                              OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
                              OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
                              OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
                              OSSL_PARAM_construct_end()};
  const KdfContext context(EVP_KDF_CTX_new(parts_->scrypt.get()));
  require(context != nullptr);
  require(EVP_KDF_derive(context.get(), writable_octets(out), out.size(), parameters.data()) == 1);
}

void Engine::random(std::span<std::byte> out) const {
  if (RAND_bytes_ex(parts_->library.get(), writable_octets(out), out.size(), 0) != 1) {
    throw boost::system::system_error(make_error_code(errc::operation_failed));
  }
}

}  // namespace smtpseal::crypto

#include "smtpseal/crypto/hmac_md5.hpp"

#include <algorithm>

#include "engine_parts.hpp"

namespace smtpseal::crypto {

// Written out over MD5 because EVP_MAC allocates each time its keyed state is copied, which is once a
// message.

void HmacMd5::Free::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

HmacMd5::HmacMd5(const Engine& engine, ByteSpan key) : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  require(EVP_DigestInit_ex2(context_.get(), engine.parts_->md5.get(), nullptr) == 1);

  SecretArray<kBlock> padded;
  if (key.size() > kBlock) {
    Digest16 digest = engine.md5({key});
    std::ranges::copy(digest, padded.writable().begin());
    wipe(digest.data(), digest.size());
  } else {
    std::ranges::copy(key, padded.writable().begin());
  }
  for (std::size_t i = 0; i < kBlock; ++i) {
    inner_.writable()[i] = padded.octets()[i] ^ std::byte{0x36};
    outer_.writable()[i] = padded.octets()[i] ^ std::byte{0x5c};
  }
}

Digest16 HmacMd5::compute(std::initializer_list<ByteSpan> parts) {
  EVP_MD_CTX* const context = context_.get();
  Digest16 digest;
  require(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1);
  require(EVP_DigestUpdate(context, inner_.octets().data(), kBlock) == 1);
  for (const ByteSpan part : parts) require(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
  require(EVP_DigestFinal_ex(context, writable_octets(digest), nullptr) == 1);

  require(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1);
  require(EVP_DigestUpdate(context, outer_.octets().data(), kBlock) == 1);
  require(EVP_DigestUpdate(context, digest.data(), digest.size()) == 1);
  require(EVP_DigestFinal_ex(context, writable_octets(digest), nullptr) == 1);
  return digest;
}

}  // namespace smtpseal::crypto

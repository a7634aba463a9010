#include "smtpseal/crypto/rc4.hpp"

#include <algorithm>
#include <limits>

#include "engine_parts.hpp"

namespace smtpseal::crypto {

void Rc4::Free::operator()(EVP_CIPHER_CTX* context) const {
  EVP_CIPHER_CTX_free(context);
}

Rc4::Rc4(const Engine& engine, ByteSpan key) : context_(EVP_CIPHER_CTX_new()) {
  require(context_ != nullptr);
  EVP_CIPHER_CTX* const context = context_.get();
  require(EVP_EncryptInit_ex2(context, engine.parts_->rc4.get(), nullptr, nullptr, nullptr) == 1);
  require(EVP_CIPHER_CTX_set_key_length(context, static_cast<int>(key.size())) == 1);
  require(EVP_EncryptInit_ex2(context, nullptr, octets(key), nullptr, nullptr) == 1);
}

void Rc4::apply(ByteSpan in, std::span<std::byte> out) {
  constexpr std::size_t longest = std::numeric_limits<int>::max();
  while (!in.empty()) {
    const std::size_t part = std::min(in.size(), longest);
    int written = 0;
    require(EVP_EncryptUpdate(context_.get(), writable_octets(out), &written, octets(in),
                              static_cast<int>(part)) == 1);
    in = in.subspan(part);
    out = out.subspan(part);
  }
}

}  // namespace smtpseal::crypto

#include "smtpseal/secret.hpp"

#include <openssl/crypto.h>

namespace smtpseal {

void wipe(void* memory, std::size_t size) {
  OPENSSL_cleanse(memory, size);
}

bool equal_in_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// A short string lives inside the object, so moving it away leaves its octets behind.
SecretText::SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)) {
  wipe(other.text_.data(), other.text_.capacity());
}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this != &other) {
    wipe(text_.data(), text_.capacity());
    text_ = std::move(other.text_);
    wipe(other.text_.data(), other.text_.capacity());
    other.text_.clear();
  }
  return *this;
}

SecretText::~SecretText() {
  wipe(text_.data(), text_.capacity());
}

}  // namespace smtpseal

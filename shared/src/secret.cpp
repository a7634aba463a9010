#include "smtpseal/secret.hpp"

#include <openssl/crypto.h>

namespace smtpseal {

void wipe(void* memory, std::size_t size) {
  OPENSSL_cleanse(memory, size);
}

bool equal_in_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

namespace {

// Takes `from` over and leaves nothing in it. A short string lives inside the object, so its octets stay
// there otherwise.
void take_over(std::string& to, std::string& from) {
  to.swap(from);
  wipe(from.data(), from.capacity());
  from.clear();
}

}  // namespace

SecretText::SecretText(std::string&& text) {
  take_over(text_, text);
}

SecretText::SecretText(SecretText&& other) noexcept {
  take_over(text_, other.text_);
}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this != &other) take_over(text_, other.text_);
  return *this;
}

SecretText::~SecretText() {
  wipe(text_.data(), text_.capacity());
}

}  // namespace smtpseal

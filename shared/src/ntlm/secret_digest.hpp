// A digest that is a key: moved into the type that wipes itself, and wiped where it was.
#pragma once

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::ntlm {

inline crypto::Key16 to_key(crypto::Digest16&& digest) {
  crypto::Key16 key{std::span<const std::byte, 16>(digest)};
  wipe(digest.data(), digest.size());
  return key;
}

}  // namespace smtpseal::ntlm

#include "smtpseal/ntlm/channel_bindings.hpp"

#include <array>

namespace smtpseal::ntlm {

crypto::Digest16 channel_bindings_hash(const crypto::Engine& engine, ByteSpan application_data) {
  // Type and length of the initiator's address, and of the acceptor's: none is given.
  constexpr std::array<std::byte, 16> kNoAddresses{};
  std::array<std::byte, 4> size{};
  store_u32le(static_cast<std::uint32_t>(application_data.size()), size.data());
  return engine.md5({kNoAddresses, size, application_data});
}

}  // namespace smtpseal::ntlm

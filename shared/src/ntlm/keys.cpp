#include "smtpseal/ntlm/keys.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "secret_digest.hpp"
#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr std::string_view kClientSigning = "session key to client-to-server signing key magic constant";
constexpr std::string_view kServerSigning = "session key to server-to-client signing key magic constant";
constexpr std::string_view kClientSealing = "session key to client-to-server sealing key magic constant";
constexpr std::string_view kServerSealing = "session key to server-to-client sealing key magic constant";

// The constants are hashed with their final NUL.
crypto::Key16 derive(const crypto::Engine& engine, ByteSpan key, std::string_view magic) {
  constexpr std::array<std::byte, 1> nul{};
  return to_key(engine.md5({key, as_bytes(magic), nul}));
}

SealKey seal_key_lm(std::uint32_t flags, ByteSpan session_key) {
  constexpr std::array salt_56{std::byte{0xa0}};
  constexpr std::array salt_40{std::byte{0xe5}, std::byte{0x38}, std::byte{0xb0}};
  const ByteSpan salt = (flags & k56) != 0 ? ByteSpan(salt_56) : ByteSpan(salt_40);
  SealKey key;
  key.size = 8;
  const auto rest =
      std::ranges::copy(session_key.first(key.size - salt.size()), key.octets.writable().begin()).out;
  std::ranges::copy(salt, rest);
  return key;
}

crypto::Key16 lm_key(const crypto::Engine& engine, const crypto::Key16& lm_hash,
                     std::span<const std::byte, 8> lm_response) {
  SecretArray<7> second;
  std::ranges::fill(second.writable(), std::byte{0xbd});
  second.writable()[0] = lm_hash.octets()[7];
  crypto::Key16 key;
  std::ranges::copy(engine.des(lm_hash.octets().first<7>(), lm_response), key.writable().begin());
  std::ranges::copy(engine.des(second.octets(), lm_response), key.writable().last<8>().begin());
  return key;
}

std::size_t octets_of_strength(unsigned strength) {
  return strength == 128 ? 16 : strength / 8;
}

}  // namespace

crypto::Key16 session_base_key_v1(const crypto::Engine& engine, const crypto::Key16& nt_hash) {
  return to_key(engine.md4({nt_hash.octets()}));
}

crypto::Key16 session_base_key_lm(const crypto::Key16& lm_hash) {
  crypto::Key16 key;
  std::ranges::copy(lm_hash.octets().first<8>(), key.writable().begin());
  return key;
}

crypto::Key16 key_exchange_key(const crypto::Engine& engine, const KeyExchangeInput& input,
                               const crypto::Key16& session_base_key) {
  if (input.response == Response::ntlmv2) return session_base_key.clone();
  if ((input.flags & kExtendedSessionSecurity) != 0) {
    return to_key(
        engine.hmac_md5(session_base_key.octets(), {input.server_challenge, input.lm_response.first<8>()}));
  }
  if ((input.flags & kLmKey) == 0) return session_base_key.clone();
  const crypto::Key16 absent;
  return lm_key(engine, input.lm_hash != nullptr ? *input.lm_hash : absent, input.lm_response.first<8>());
}

bool is_public_lm_hash(const crypto::Key16& lm_hash) {
  constexpr std::array<std::byte, 16> absent{};
  constexpr std::array<unsigned char, 8> half_of_blank{0xaa, 0xd3, 0xb4, 0x35, 0xb5, 0x14, 0x04, 0xee};
  const auto blank = std::as_bytes(std::span(half_of_blank));
  // KXKEY takes its secret from the first half alone, so that half decides.
  return equal_in_constant_time(lm_hash.octets(), absent) ||
         equal_in_constant_time(lm_hash.octets().first<8>(), blank);
}

crypto::Key16 sign_key(const crypto::Engine& engine, ByteSpan exported_session_key, Role sender) {
  return derive(engine, exported_session_key, sender == Role::client ? kClientSigning : kServerSigning);
}

SealKey seal_key(const crypto::Engine& engine, std::uint32_t flags, ByteSpan exported_session_key,
                 Role sender) {
  if ((flags & kExtendedSessionSecurity) != 0) {
    const ByteSpan part = exported_session_key.first(octets_of_strength(seal_strength(flags)));
    return {.octets = derive(engine, part, sender == Role::client ? kClientSealing : kServerSealing)};
  }
  if ((flags & kLmKey) != 0) return seal_key_lm(flags, exported_session_key);
  return {.octets = crypto::Key16(exported_session_key.first<16>())};
}

}  // namespace smtpseal::ntlm

// From hashes to the keys of a session ([MS-NLMP] 3.4.5). Pure; safe from any thread. Every function that
// makes a secret returns it in a type that wipes itself.
#pragma once

#include <cstdint>

#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/ntlm/seal_context.hpp"

namespace smtpseal::ntlm {

// The session base key of NTLMv1 and NTLM2 session responses: MD4 of the NT hash (3.3.1).
crypto::Key16 session_base_key_v1(const crypto::Engine& engine, const crypto::Key16& nt_hash);
// The same for an LM response without an NT response: the first half of the LM hash, then zeros.
crypto::Key16 session_base_key_lm(const crypto::Key16& lm_hash);

// What KXKEY (3.4.5.1) looks at.
struct KeyExchangeInput {
  std::uint32_t flags = 0;
  Response response = Response::ntlmv2;
  std::span<const std::byte, 8> server_challenge;
  ByteSpan lm_response;  // REQUIRES: 8 octets or more, except with NTLMv2
  // With LM_KEY and no extended session security. nullptr stands for a hash that is not stored, which is
  // taken as all zeros, as Windows does it (observed); such a key is no secret.
  const crypto::Key16* lm_hash = nullptr;
};
// KXKEY: the key under which the client sends the exported session key, or that key itself without KEY_EXCH.
crypto::Key16 key_exchange_key(const crypto::Engine& engine, const KeyExchangeInput& input,
                               const crypto::Key16& session_base_key);

// True where the LM hash is no secret: all zero, or that of the blank password, which Windows stores in place
// of an LM hash that is undefined. LM_KEY with it would be readable by any listener.
bool is_public_lm_hash(const crypto::Key16& lm_hash);

// SIGNKEY (3.4.5.2) for records that `sender` sends. REQUIRES: extended session security.
crypto::Key16 sign_key(const crypto::Engine& engine, ByteSpan exported_session_key, Role sender);

// A sealing key: 16 octets, or 8 with LM_KEY.
struct SealKey {
  crypto::Key16 octets;
  std::size_t size = 16;
  [[nodiscard]] ByteSpan span() const { return octets.octets().first(size); }
};
// SEALKEY (3.4.5.3) for records that `sender` sends; without extended session security both directions have
// the same key.
SealKey seal_key(const crypto::Engine& engine, std::uint32_t flags, ByteSpan exported_session_key,
                 Role sender);

}  // namespace smtpseal::ntlm

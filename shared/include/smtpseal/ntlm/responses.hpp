// The responses to a challenge ([MS-NLMP] 3.3 and 2.2.2.3 to 2.2.2.8). Pure; safe from any thread. Responses
// travel in the clear, so they are plain octets.
#pragma once

#include <array>
#include <cstdint>

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::ntlm {

using Challenge8 = std::array<std::byte, 8>;
using Response24 = std::array<std::byte, 24>;

inline constexpr std::size_t kProofSize = 16;      // NTProofStr, which the NTLMv2 client challenge follows
inline constexpr std::size_t kBlobFixedSize = 28;  // NTLMv2_CLIENT_CHALLENGE up to its AV pairs

// LMv1 and NTLMv1: DESL of the challenge under the LM or the NT hash.
Response24 classic_response(const crypto::Engine& engine, const crypto::Key16& hash,
                            const Challenge8& server_challenge);

// NTLM2 session (NTLMv1 with extended session security): the NT response is a DESL over a digest of both
// challenges, and the LM field carries the client's challenge.
Response24 ntlm2_session_response(const crypto::Engine& engine, const crypto::Key16& nt_hash,
                                  const Challenge8& server_challenge,
                                  std::span<const std::byte, 8> client_challenge);
Response24 ntlm2_session_lm_field(const Challenge8& client_challenge);

// NTLMv2_CLIENT_CHALLENGE (2.2.2.7), called temp in 3.3.2. `av_pairs` ends with MsvAvEOL. The four zero
// octets that 3.3.2 puts behind them are written.
Bytes ntlmv2_blob(std::uint64_t timestamp, const Challenge8& client_challenge, ByteSpan av_pairs);
// NTProofStr: HMAC-MD5 under the NTLMv2 hash over the server's challenge and the blob.
crypto::Digest16 ntlmv2_proof(const crypto::Engine& engine, const crypto::Key16& ntlmv2_hash,
                              const Challenge8& server_challenge, ByteSpan blob);
// The session base key that goes with a proof.
crypto::Key16 ntlmv2_session_base_key(const crypto::Engine& engine, const crypto::Key16& ntlmv2_hash,
                                      const crypto::Digest16& proof);
// LMv2: the proof over the client's challenge alone, then that challenge.
Response24 lmv2_response(const crypto::Engine& engine, const crypto::Key16& ntlmv2_hash,
                         const Challenge8& server_challenge, const Challenge8& client_challenge);

}  // namespace smtpseal::ntlm

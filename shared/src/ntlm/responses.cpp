#include "smtpseal/ntlm/responses.hpp"

#include <algorithm>

#include "secret_digest.hpp"

namespace smtpseal::ntlm {

namespace {

// DESL ([MS-NLMP] 6): the hash, filled up with five zeros, is three DES keys.
Response24 desl(const crypto::Engine& engine, const crypto::Key16& hash,
                std::span<const std::byte, 8> block) {
  SecretArray<21> keys;
  std::ranges::copy(hash.octets(), keys.writable().begin());
  Response24 response{};
  auto to = response.begin();
  to = std::ranges::copy(engine.des(keys.octets().subspan<0, 7>(), block), to).out;
  to = std::ranges::copy(engine.des(keys.octets().subspan<7, 7>(), block), to).out;
  std::ranges::copy(engine.des(keys.octets().subspan<14, 7>(), block), to);
  return response;
}

}  // namespace

Response24 classic_response(const crypto::Engine& engine, const crypto::Key16& hash,
                            const Challenge8& server_challenge) {
  return desl(engine, hash, server_challenge);
}

Response24 ntlm2_session_response(const crypto::Engine& engine, const crypto::Key16& nt_hash,
                                  const Challenge8& server_challenge,
                                  std::span<const std::byte, 8> client_challenge) {
  const crypto::Digest16 both = engine.md5({server_challenge, client_challenge});
  return desl(engine, nt_hash, std::span(both).first<8>());
}

Response24 ntlm2_session_lm_field(const Challenge8& client_challenge) {
  Response24 field{};
  std::ranges::copy(client_challenge, field.begin());
  return field;
}

Bytes ntlmv2_blob(std::uint64_t timestamp, const Challenge8& client_challenge, ByteSpan av_pairs) {
  Bytes blob;
  blob.reserve(kBlobFixedSize + av_pairs.size() + 4);
  append_u16le(blob, 0x0101);
  blob.resize(8);
  append_u64le(blob, timestamp);
  append(blob, client_challenge);
  append_u32le(blob, 0);
  append(blob, av_pairs);
  append_u32le(blob, 0);
  return blob;
}

crypto::Digest16 ntlmv2_proof(const crypto::Engine& engine, const crypto::Key16& ntlmv2_hash,
                              const Challenge8& server_challenge, ByteSpan blob) {
  return engine.hmac_md5(ntlmv2_hash.octets(), {server_challenge, blob});
}

crypto::Key16 ntlmv2_session_base_key(const crypto::Engine& engine, const crypto::Key16& ntlmv2_hash,
                                      const crypto::Digest16& proof) {
  return to_key(engine.hmac_md5(ntlmv2_hash.octets(), {proof}));
}

Response24 lmv2_response(const crypto::Engine& engine, const crypto::Key16& ntlmv2_hash,
                         const Challenge8& server_challenge, const Challenge8& client_challenge) {
  Response24 response{};
  const auto proof = engine.hmac_md5(ntlmv2_hash.octets(), {server_challenge, client_challenge});
  std::ranges::copy(client_challenge, std::ranges::copy(proof, response.begin()).out);
  return response;
}

}  // namespace smtpseal::ntlm

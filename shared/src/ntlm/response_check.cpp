#include "response_check.hpp"

#include <algorithm>

#include "smtpseal/ntlm/hashes.hpp"
#include "smtpseal/ntlm/keys.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr std::size_t kClassicSize = sizeof(Response24);

ResponseCheck check_ntlmv2(const crypto::Engine& engine, const ResponseInput& input,
                           const crypto::Key16& nt_hash) {
  const ByteSpan blob = input.nt_response.subspan(kProofSize);
  const crypto::Key16 hash = ntlmv2_hash(engine, nt_hash, input.user, input.domain);
  const crypto::Digest16 proof = ntlmv2_proof(engine, hash, input.server_challenge, blob);
  return {.is_right = equal_in_constant_time(proof, input.nt_response.first(kProofSize)),
          .session_base_key = ntlmv2_session_base_key(engine, hash, proof)};
}

ResponseCheck check_ntlm2_session(const crypto::Engine& engine, const ResponseInput& input,
                                  const crypto::Key16& nt_hash) {
  const Response24 want =
      ntlm2_session_response(engine, nt_hash, input.server_challenge, input.lm_response.first<8>());
  return {.is_right = equal_in_constant_time(want, input.nt_response),
          .session_base_key = session_base_key_v1(engine, nt_hash)};
}

ResponseCheck check_ntlmv1(const crypto::Engine& engine, const ResponseInput& input,
                           const crypto::Key16& nt_hash) {
  const Response24 want = classic_response(engine, nt_hash, input.server_challenge);
  return {.is_right = equal_in_constant_time(want, input.nt_response),
          .session_base_key = session_base_key_v1(engine, nt_hash)};
}

ResponseCheck check_lm(const crypto::Engine& engine, const ResponseInput& input,
                       const crypto::Key16& lm_hash) {
  const Response24 want = classic_response(engine, lm_hash, input.server_challenge);
  // A hash that anybody knows proves nothing.
  const bool is_secret = !is_public_lm_hash(lm_hash);
  return {.is_right = equal_in_constant_time(want, input.lm_response) && is_secret,
          .session_base_key = session_base_key_lm(lm_hash)};
}

}  // namespace

Result<Response> classify_response(const Authenticate& message, std::uint32_t flags) {
  const std::size_t lm_size = message.lm_response.size();
  const std::size_t nt_size = message.nt_response.size();
  const bool has_ess = (flags & kExtendedSessionSecurity) != 0;
  if (nt_size >= kProofSize + kBlobFixedSize) return Response::ntlmv2;
  if (nt_size == kClassicSize && lm_size == kClassicSize)
    return has_ess ? Response::ntlm2_session : Response::ntlmv1;
  if (nt_size == kClassicSize && lm_size == 0 && !has_ess && (flags & kLmKey) == 0) return Response::ntlmv1;
  if (nt_size == 0 && lm_size == kClassicSize && !has_ess) return Response::lm;
  // An anonymous client sends no NT response and at most one octet as LM response (3.2.5.1.2).
  return make_error_code(nt_size == 0 && lm_size <= 1 ? errc::anonymous : errc::truncated);
}

ResponseCheck check_response(const crypto::Engine& engine, const ResponseInput& input,
                             const crypto::Key16& nt_hash, const crypto::Key16& lm_hash) {
  switch (input.kind) {
    case Response::ntlmv2:
      return check_ntlmv2(engine, input, nt_hash);
    case Response::ntlm2_session:
      return check_ntlm2_session(engine, input, nt_hash);
    case Response::ntlmv1:
      return check_ntlmv1(engine, input, nt_hash);
    case Response::lm:
      return check_lm(engine, input, lm_hash);
  }
  return {};
}

}  // namespace smtpseal::ntlm

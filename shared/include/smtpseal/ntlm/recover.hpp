// What a recorded NTLMSSP exchange was, for somebody who knows the account's secret: `smtpseal analyze`.
// Nothing is accepted by it and no rule is applied: that is Server's. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "smtpseal/ntlm/mic.hpp"
#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace smtpseal::ntlm {

// What the AUTHENTICATE message says, which anybody can read.
struct RecordedClaim {
  Claim claim;
  Response response = Response::lm;
  std::uint32_t flags = 0;              // agreed: those of AUTHENTICATE that CHALLENGE granted
  std::uint32_t flags_not_granted = 0;  // claimed all the same
  bool announces_mic = false;
  std::optional<std::uint64_t> time;                  // of an NTLMv2 response, a FILETIME
  std::optional<std::array<std::byte, 16>> bindings;  // none, or zeros, which mean none
  std::optional<std::string> target_name;             // MsvAvTargetName
};
// Errors: the decoding ones, anonymous, no_common_encoding.
[[nodiscard]] Result<RecordedClaim> read_claim(const Transcript& messages);

struct Recovered {
  bool secret_is_right = false;      // where it is not, the rest has no meaning
  bool lm_hash_is_missing = false;   // LM_KEY or an LM response was used, which need it
  std::optional<bool> mic_is_right;  // where one is announced
  unsigned strength = 0;             // of the seal
  crypto::Key16 exported_session_key;
};
// Checks the response against the secret and derives the key of the session. Errors: those of read_claim().
// REQUIRES: secret.nt_hash is set.
[[nodiscard]] Result<Recovered> recover(const crypto::Engine& engine, const Transcript& messages,
                                        const AccountSecret& secret);

}  // namespace smtpseal::ntlm

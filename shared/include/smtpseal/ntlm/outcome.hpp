// What a finished NTLMSSP exchange agreed on. Plain values; the session key is a secret and moves with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::ntlm {

// Kinds of response, weakest first: comparable with <.
enum class Response { lm, ntlmv1, ntlm2_session, ntlmv2 };
std::string_view name(Response response);  // "LM", "NTLMv1", "NTLM2-session", "NTLMv2"

struct Outcome {
  std::uint32_t flags = 0;  // those of AUTHENTICATE that CHALLENGE granted
  Response response = Response::lm;
  bool sealed = false;  // SEAL was agreed: everything after 235 is encrypted
  unsigned strength =
      0;  // effective key strength of the seal in bits: 40, 56 or 128; 0 where nothing is sealed
  bool mic_verified = false;
  std::string user;  // UTF-8, as sent
  std::string domain;
  std::string workstation;
  crypto::Key16 exported_session_key;
};

// The effective strength that [MS-NLMP] 3.4.5.3 SEALKEY gives under `flags`.
unsigned seal_strength(std::uint32_t flags);

// False where the seal's key depends on the password alone (NTLMv1 without ESS, LM_KEY and KEY_EXCH: 3.4.5.1
// KXKEY gives the session base key): all sessions of the account then share one RC4 key stream.
bool has_fresh_key(std::uint32_t flags);

}  // namespace smtpseal::ntlm

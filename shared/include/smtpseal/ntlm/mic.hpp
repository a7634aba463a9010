// The MIC of an AUTHENTICATE_MESSAGE ([MS-NLMP] 3.1.5.1.2 and 3.2.5.1.2), which protects all three messages.
// Pure.
#pragma once

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::ntlm {

struct Transcript {
  ByteSpan negotiate;
  ByteSpan challenge;
  ByteSpan authenticate;
};

// HMAC-MD5 under the exported session key over the three messages, the MIC itself taken as zeros.
// REQUIRES: the AUTHENTICATE message has room for a MIC.
crypto::Digest16 compute_mic(const crypto::Engine& engine, const crypto::Key16& exported_session_key,
                             const Transcript& messages);

}  // namespace smtpseal::ntlm

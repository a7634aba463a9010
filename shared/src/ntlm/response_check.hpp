// The server's view of a response: what kind it is, and whether an account's secret gives the same
// ([MS-NLMP] 3.2.5.1.2).
#pragma once

#include <cstdint>

#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/ntlm/responses.hpp"

namespace smtpseal::ntlm {

// Tells the kind by the lengths of the fields and by `flags`, the agreed ones.
// Errors: anonymous where there is no response at all, truncated where the lengths fit no kind.
[[nodiscard]] Result<Response> classify_response(const Authenticate& message, std::uint32_t flags);

struct ResponseInput {
  Response kind = Response::ntlmv2;
  Challenge8 server_challenge{};
  ByteSpan lm_response;
  ByteSpan nt_response;
  ByteSpan user;  // UTF-16LE, as sent
  ByteSpan domain;
};

struct ResponseCheck {
  bool is_right = false;
  crypto::Key16 session_base_key;  // of no meaning where the response is wrong
};

// Compares in constant time. REQUIRES: the kind is what classify_response() said of the same fields.
ResponseCheck check_response(const crypto::Engine& engine, const ResponseInput& input,
                             const crypto::Key16& nt_hash, const crypto::Key16& lm_hash);

}  // namespace smtpseal::ntlm

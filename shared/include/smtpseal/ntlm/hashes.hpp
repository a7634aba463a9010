// The one-way functions from passwords to the hashes that stand for them ([MS-NLMP] 3.3). Pure; safe from any
// thread.
#pragma once

#include <optional>
#include <string_view>

#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/ntlm/errc.hpp"

namespace smtpseal::ntlm {

// NTOWFv1 (3.3.1): MD4 of the password in UTF-16LE. Errors: bad_string where it is not valid UTF-8.
[[nodiscard]] Result<crypto::Key16> nt_hash(const crypto::Engine& engine, std::string_view password);

// LMOWFv1 (3.3.1): DES under the upper-cased password. nullopt where it is undefined: more than 14
// characters, or any outside ASCII.
[[nodiscard]] std::optional<crypto::Key16> lm_hash(const crypto::Engine& engine, std::string_view password);

// NTOWFv2 (3.3.2), which is LMOWFv2 too, for names in UTF-16LE as they are sent. The user is upper-cased
// here, the domain is taken as it is.
crypto::Key16 ntlmv2_hash(const crypto::Engine& engine, const crypto::Key16& nt_hash, ByteSpan user,
                          ByteSpan domain);

}  // namespace smtpseal::ntlm

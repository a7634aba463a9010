// The flags on which the protection of a session depends: a peer may take them away, never add them.
#pragma once

#include <cstdint>

#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

inline constexpr std::uint32_t kProtectionFlags =
    kSeal | kLmKey | kExtendedSessionSecurity | k128 | k56 | kKeyExch | kDatagram | kRequestNonNtSessionKey;

// The bits of `claimed` that `granted` lacks, among those that matter.
inline std::uint32_t flags_added(std::uint32_t claimed, std::uint32_t granted) {
  return claimed & kProtectionFlags & ~granted;
}

// With extended session security LM_KEY means nothing ([MS-NLMP] 2.2.2.5): cleared, so that nothing looks at
// it.
inline std::uint32_t without_idle_flags(std::uint32_t flags) {
  return (flags & kExtendedSessionSecurity) != 0 ? flags & ~std::uint32_t{kLmKey} : flags;
}

}  // namespace smtpseal::ntlm

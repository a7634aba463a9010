// CHALLENGE_MESSAGE ([MS-NLMP] 2.2.1.2): decode and encode. Pure functions; safe from any thread.
// Bounded: longer than kMaxMessage is refused before any field is read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "smtpseal/bytes.hpp"
#include "smtpseal/ntlm/errc.hpp"
#include "smtpseal/ntlm/version.hpp"

namespace smtpseal::ntlm {

struct Challenge {
  std::uint32_t flags = 0;
  std::array<std::byte, 8> server_challenge{};
  ByteSpan target_name;            // UTF-16LE or OEM text, as the flags say
  ByteSpan target_info;            // an AV pair list, present where kTargetInfo is set
  std::optional<Version> version;  // written where set; not read
};

// The result borrows from `wire`, which must outlive it. A message of the short form without TargetInfo is
// taken where its flags announce none. Errors: too_long, truncated, bad_signature, bad_offset.
[[nodiscard]] Result<Challenge> decode_challenge(ByteSpan wire);
[[nodiscard]] Bytes encode_challenge(const Challenge& message);

}  // namespace smtpseal::ntlm

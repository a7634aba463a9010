// NEGOTIATE_MESSAGE ([MS-NLMP] 2.2.1.1): decode and encode. Pure functions; safe from any thread.
// Bounded: longer than kMaxMessage is refused before any field is read.
#pragma once

#include <cstdint>
#include <optional>

#include "smtpseal/bytes.hpp"
#include "smtpseal/ntlm/errc.hpp"
#include "smtpseal/ntlm/version.hpp"

namespace smtpseal::ntlm {

struct Negotiate {
  std::uint32_t flags = 0;
  ByteSpan domain;                 // OEM text, present where kOemDomainSupplied is set
  ByteSpan workstation;            // OEM text, present where kOemWorkstationSupplied is set
  std::optional<Version> version;  // written where set; not read, since nothing may depend on it
};

// The result borrows from `wire`, which must outlive it.
// Errors: too_long, truncated, bad_signature, bad_offset.
[[nodiscard]] Result<Negotiate> decode_negotiate(ByteSpan wire);
[[nodiscard]] Bytes encode_negotiate(const Negotiate& message);

}  // namespace smtpseal::ntlm

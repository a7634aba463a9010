// AUTHENTICATE_MESSAGE ([MS-NLMP] 2.2.1.3): decode and encode. Pure functions; safe from any thread.
// Bounded: longer than kMaxMessage is refused before any field is read.
#pragma once

#include <cstdint>
#include <optional>

#include "smtpseal/bytes.hpp"
#include "smtpseal/ntlm/errc.hpp"
#include "smtpseal/ntlm/version.hpp"

namespace smtpseal::ntlm {

inline constexpr std::size_t kMicOffset = 72;
inline constexpr std::size_t kMicSize = 16;

struct Authenticate {
  std::uint32_t flags = 0;
  ByteSpan lm_response;
  ByteSpan nt_response;
  ByteSpan domain;  // UTF-16LE or OEM text, as the flags say
  ByteSpan user;
  ByteSpan workstation;
  ByteSpan encrypted_session_key;
  std::optional<Version> version;  // written where set, and before a MIC in any case; not read
  // Decoding: whether there is room for a MIC before the payload. Only MsvAvFlags says whether what is there
  // is one. Encoding: whether to leave room for it, filled with zeros.
  bool has_mic_room = false;
};

// How the payload is laid out. The meaning is the same; the order is for those who compare octets.
enum class PayloadOrder {
  names_first,      // domain, user, workstation, LM, NT, key: Windows, Exchange 5.5 (observed)
  responses_first,  // LM, NT, domain, user, workstation, key: Samba, gss-ntlmssp
};

// The result borrows from `wire`, which must outlive it.
// Errors: too_long, truncated, bad_signature, bad_offset.
[[nodiscard]] Result<Authenticate> decode_authenticate(ByteSpan wire);
[[nodiscard]] Bytes encode_authenticate(const Authenticate& message,
                                        PayloadOrder order = PayloadOrder::names_first);

}  // namespace smtpseal::ntlm

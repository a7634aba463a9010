// Names on the NTLMSSP wire: UTF-16LE, or OEM text where Unicode was not negotiated. Inside smtpseal text is
// UTF-8. Pure: independent of the locale of the process. Safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/bytes.hpp"
#include "smtpseal/ntlm/errc.hpp"

namespace smtpseal::ntlm {

enum class Charset { unicode, oem };

// From UTF-8 (a name, a password). Errors: bad_string for text that is not valid UTF-8, or for OEM not ASCII:
// which code page the peer means is nowhere said.
[[nodiscard]] Result<Bytes> encode_text(std::string_view utf8, Charset charset);
// A name of a peer, as UTF-8. Errors: bad_string for an odd number of octets, lone surrogates, octets outside
// ASCII in OEM text, and control characters (C0, DEL, C1), which no name has and which would reach logs.
[[nodiscard]] Result<std::string> decode_text(ByteSpan wire, Charset charset);

// Simple upper-casing of UTF-16LE text, unit by unit, as NTOWFv2 (3.3.2) wants it for the user name.
void make_upper_case(Bytes& utf16le);

}  // namespace smtpseal::ntlm

// What can be wrong with an NTLMSSP exchange. Every enumerator says when it happens; none is ever "the
// password may be right": wrong_credentials is the only verdict on a secret.
#pragma once

#include "smtpseal/result.hpp"

namespace smtpseal::ntlm {

enum class errc {
  truncated = 1,        // the message ends before a fixed field or a declared one
  bad_signature,        // it does not begin NTLMSSP\0, or has another message type
  bad_offset,           // a field's offset or length points outside the message or into its fixed part
  bad_av_pairs,         // TargetInfo without MsvAvEOL, or a value of the wrong size
  bad_string,           // a name that is not valid UTF-16LE / OEM text, or contains a control character
  too_long,             // longer than kMaxMessage
  out_of_order,         // a step called in the wrong state: a final failure of this exchange
  anonymous,            // the client asks to be anonymous or names no user: never accepted
  no_common_encoding,   // neither Unicode nor OEM was negotiated
  weak_response,        // the response kind (LM, NTLMv1, …) is below what the rule allows
  weak_strength,        // the negotiated key strength is below what the rule requires
  seal_not_negotiated,  // the rule requires encryption and the peer did not grant SEAL
  flags_changed,  // AUTHENTICATE claims flags that the CHALLENGE did not grant, or the CHALLENGE ones never
                  // asked for
  lm_hash_unavailable,  // LM_KEY or an LM response needs an LM hash, and none exists (long or non-ASCII
                        // password)
  wrong_credentials,    // unknown user or wrong password; the two are not told apart
  mic_mismatch,         // a message was altered in transit
  mic_missing,          // MsvAvFlags announces a MIC and none is there
  challenge_changed,    // the client answered another CHALLENGE than ours: it was altered in transit
  bindings_mismatch,    // channel bindings are required and missing or different
  stale_timestamp,      // the NTLMv2 time stamp is too far from ours
  record_too_short,     // a sealed record shorter than its signature
  record_mismatch,  // a sealed record's signature or sequence number is wrong: altered, replayed, reordered
};
const boost::system::error_category& category();
inline ErrorCode make_error_code(errc e) {
  return {static_cast<int>(e), category()};
}

}  // namespace smtpseal::ntlm

template <>
struct boost::system::is_error_code_enum<smtpseal::ntlm::errc> : std::true_type {};

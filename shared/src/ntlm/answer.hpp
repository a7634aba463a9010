// An AUTHENTICATE_MESSAGE as the accepting side reads it ([MS-NLMP] 3.2.5.1.2): what it claims, and what the
// hashes of an account make of it. Pure. Call order: decode(), interpret(), then the rest.
#pragma once

#include <cstdint>
#include <optional>

#include "response_check.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace smtpseal::ntlm {

// Borrowed; `lm` is all zeros where there is no LM hash.
struct Hashes {
  const crypto::Key16* nt;
  const crypto::Key16* lm;
};

// The flags of a session by what AUTHENTICATE says and CHALLENGE granted.
// admitted_flags(): what may be agreed on with such a response, which is what was granted; Samba uses ESS
// with NTLMv2 even where CHALLENGE did not grant it (observed). It adds protection; the strength that comes
// out of it is judged like any other.
std::uint32_t admitted_flags(const Authenticate& message, std::uint32_t granted);

class Answer {
 public:
  // Keeps a copy of `wire`. Errors: those of decode_authenticate().
  [[nodiscard]] Result<> decode(ByteSpan wire);
  [[nodiscard]] const Authenticate& message() const { return message_; }
  // Reads names and responses under the agreed flags. Errors: no_common_encoding, anonymous, truncated,
  // bad_string, bad_av_pairs, mic_missing.
  [[nodiscard]] Result<> interpret(std::uint32_t flags);

  [[nodiscard]] std::uint32_t flags() const { return flags_; }
  [[nodiscard]] Response kind() const { return kind_; }
  [[nodiscard]] const Claim& claim() const { return claim_; }
  [[nodiscard]] const std::optional<AvPairs>& av_pairs() const { return av_pairs_; }  // of an NTLMv2 response
  [[nodiscard]] std::uint64_t response_time() const { return response_time_; }
  [[nodiscard]] bool announces_mic() const {
    return av_pairs_ && (av_pairs_->flags() & kAvFlagMicPresent) != 0;
  }
  // The channel bindings sent; zeros mean that the client has no channel to bind to (2.2.2.1).
  [[nodiscard]] std::optional<ByteSpan> bindings() const;

  [[nodiscard]] ResponseCheck check(const crypto::Engine& engine, const Challenge8& server_challenge,
                                    const Hashes& hashes) const;
  [[nodiscard]] crypto::Key16 exported_key(const crypto::Engine& engine, const Challenge8& server_challenge,
                                           const Hashes& hashes, const crypto::Key16& session_base_key) const;
  // REQUIRES: announces_mic().
  [[nodiscard]] bool mic_is_right(const crypto::Engine& engine, const crypto::Key16& exported,
                                  ByteSpan negotiate, ByteSpan challenge) const;
  // Of the seal. LM_KEY under an LM hash that anybody knows gives a key that any listener can compute, so it
  // counts as no strength at all.
  [[nodiscard]] unsigned strength(const Hashes& hashes) const;

 private:
  Result<> read_names();
  Result<> read_ntlmv2_blob();

  Bytes wire_;
  Authenticate message_;  // borrows from it
  std::uint32_t flags_ = 0;
  Response kind_ = Response::lm;
  Claim claim_;
  Bytes user_;  // the same in UTF-16LE, which NTOWFv2 is over whatever the character set of the message
  Bytes domain_;
  std::optional<AvPairs> av_pairs_;
  std::uint64_t response_time_ = 0;
};

}  // namespace smtpseal::ntlm

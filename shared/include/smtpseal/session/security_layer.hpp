// The security layer of one session after 235: a stream of plaintext becomes records, a stream of wire octets
// becomes plaintext. Sans I/O. Bounded: at most one partial record is buffered, and a declared length above
// the limit is refused before anything is allocated for it. Records of any chunking are taken: many a read,
// one octet a read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/ntlm/seal_context.hpp"
#include "smtpseal/session/framing.hpp"

namespace smtpseal::session {

enum class errc {
  record_too_long = 1,   // a declared length above `max_record`
  record_too_short,      // a declared length below the signature's 16 octets
  unrecognised_framing,  // accepting side: no variant fits the first record (wrong key, or not a sealed peer)
  record_mismatch,       // altered, replayed, reordered or truncated record, or a peer without the key
  layer_dead,            // used after a failure
};
const boost::system::error_category& category();
inline ErrorCode make_error_code(errc e) {
  return {static_cast<int>(e), category()};
}

struct LayerLimits {
  std::size_t send_data = 4096;  // plaintext octets in one record of ours (Sendmail peers take no more)
  std::size_t max_record = 65536 + 16;  // longest accepted record: signature and data, without the length
};

class SecurityLayer {
 public:
  // An initiating side names the framing. An accepting side passes nullopt and takes it from the first
  // record, by trying the variants on a copy of the state. `engine` must outlive the layer. REQUIRES:
  // `outcome` is sealed; send_data is not 0.
  SecurityLayer(std::shared_ptr<const crypto::Engine> engine, ntlm::Role role, const ntlm::Outcome& outcome,
                std::optional<Framing> framing, LayerLimits limits = {});
  ~SecurityLayer();
  SecurityLayer(SecurityLayer&&) noexcept;
  SecurityLayer& operator=(SecurityLayer&&) noexcept;

  // Initiating side without ESS only, before the first unwrap(): lets the peer keep one RC4 state for each
  // direction, as Heimdal does, where its first record shows that it does. Default: such a peer is a
  // record_mismatch. With separate states both directions use the same key stream, so whoever guesses what we
  // sent can forge what comes back: records of the peer prove nothing then, and part of ours can be read.
  // Only for measuring a peer, or where the domain entry asks for it by name.
  void accept_separate_state();

  // Appends to `wire` the records that carry `plain`. Empty input makes no record. Nothing is appended after
  // an error, nor on an accepting side before the first record was unwrapped: the framing is not known, and
  // the client speaks first. REQUIRES on a half-duplex session: no partial record is buffered. The peer
  // sealed it without knowing of ours.
  void wrap(ByteSpan plain, Bytes& wire);

  // Consumes all of `wire`, appends the plaintext of every complete record to `plain`. A partial record is
  // kept. Any error is final; `plain` then holds the records before the one that failed, and nothing of that
  // one.
  [[nodiscard]] Result<> unwrap(ByteSpan wire, std::string& plain);

  // nullopt until known.
  [[nodiscard]] std::optional<Framing> framing() const;
  // True where a partial record is buffered: the connection must not end here.
  [[nodiscard]] bool has_partial_record() const;
  // Both directions share one state: the two sides must never have records in flight at once.
  [[nodiscard]] bool is_half_duplex() const;
  // How a session without ESS keeps its RC4 state; see accept_separate_state().
  [[nodiscard]] ntlm::HalfDuplexState half_duplex_state() const;
  // Plaintext octets that went through the seal: the proof behind every status line.
  [[nodiscard]] std::uint64_t octets_sealed() const;
  [[nodiscard]] std::uint64_t octets_unsealed() const;

 private:
  ErrorCode fail(ErrorCode error);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpseal::session

template <>
struct boost::system::is_error_code_enum<smtpseal::session::errc> : std::true_type {};

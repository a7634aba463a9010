// Sealing and unsealing of single records ([MS-NLMP] 3.4): signature and RC4 over caller-owned memory. No
// allocation and no algorithm fetch per record. One object is one side of one session, for one thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/ntlm/errc.hpp"

namespace smtpseal::ntlm {

inline constexpr std::size_t kSignatureSize = 16;  // NTLMSSP_MESSAGE_SIGNATURE, 2.2.2.9

enum class Role { client, server };

// How a session without ESS keeps its RC4 state. `shared`: one stream and one counter for both directions,
// the default. `separate`: one each way, as Heimdal does; both start from the same key, so that a listener
// gets the XOR of what the two sides say. Which of the two Exchange 5.5 does is not known (inferred: shared).
enum class HalfDuplexState { shared, separate };

class SealContext {
 public:
  // REQUIRES: `flags` agreed on SEAL; `exported_session_key` has 16 octets; `engine` outlives the context.
  // The key is not kept, only keys derived from it.
  SealContext(const crypto::Engine& engine, Role role, std::uint32_t flags, ByteSpan exported_session_key,
              HalfDuplexState state = HalfDuplexState::shared);
  ~SealContext();
  SealContext(SealContext&&) noexcept;
  SealContext& operator=(SealContext&&) noexcept;

  // Encrypts `data` in place and writes its signature. data may be empty. A dead context writes zeros, which
  // no peer accepts and which tell nothing.
  void seal(std::span<std::byte> data, std::span<std::byte, kSignatureSize> signature);
  // As above, from `plain` to `sealed` of the same size; the two must not overlap unless identical.
  void seal(ByteSpan plain, std::span<std::byte> sealed, std::span<std::byte, kSignatureSize> signature);
  // Decrypts `data` in place and checks its signature. RandomPad (octets 4 to 7 of a signature without ESS)
  // is ignored, since peers differ in what they send there. On record_mismatch the context is dead: every
  // further call fails, and what `data` holds then must not be used.
  [[nodiscard]] Result<> unseal(std::span<std::byte> data,
                                std::span<const std::byte, kSignatureSize> signature);

  // True without ESS where both directions share one state: records must never be in flight both ways at
  // once.
  [[nodiscard]] bool is_half_duplex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpseal::ntlm

// The accepting side of NTLMSSP ([MS-NLMP] 3.2.5) without I/O, clock or entropy of its own.
// Call order: challenge(), claim(), verify(). Any failure is final for the exchange.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/ntlm/errc.hpp"
#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

// What this host says of itself and what it can agree to. What an account may use is decided in verify().
struct ServerPolicy {
  std::string netbios_domain;  // TargetName and MsvAvNbDomainName, UTF-8
  std::string netbios_computer;
  std::string dns_computer;
  std::string dns_domain;
  bool allow_seal = true;  // grant SEAL when asked
  // Grant SIGN without SEAL when asked. In SMTP nothing comes of it, but clients that want integrity give up
  // where it is withheld.
  bool allow_sign_alone = true;
  bool allow_lm_key =
      true;  // grant LM_KEY when asked and ESS was not (what comes of it is judged per account)
  bool allow_56 = true;
  bool allow_128 = true;
  // AV pairs with a time stamp, so that NTLMv2 clients send a MIC. An NTLMv2 response must repeat it.
  bool send_target_info = true;
  std::optional<crypto::Digest16> channel_bindings;  // expected inside TLS
  bool require_channel_bindings = false;
  // There is no TLS at our end, or none that could be bound to: a client that binds its login to a channel
  // has one with somebody in between. Without it bindings that cannot be checked are ignored.
  bool refuse_foreign_bindings = false;
};

// The secret of the account that the client claims to be.
struct AccountSecret {
  const crypto::Key16* nt_hash = nullptr;
  // May be absent. Then LM_KEY uses an all-zero LM hash as Windows does (observed). Any listener can compute
  // that key, so a seal under it counts as 0 bits and meets no requirement.
  const crypto::Key16* lm_hash = nullptr;
};

// What this account may use; the default refuses everything weaker than NTLMv2 and 128 bits.
struct AccountRequirements {
  Response minimum_response = Response::ntlmv2;
  unsigned minimum_strength = 128;  // of the seal, where one was negotiated
};

struct Claim {
  std::string user;  // UTF-8
  std::string domain;
  std::string workstation;
};

struct ServerNonce {
  std::array<std::byte, 8> server_challenge{};
};
ServerNonce draw_server_nonce(const crypto::Engine& engine);

class Server {
 public:
  Server(std::shared_ptr<const crypto::Engine> engine, std::shared_ptr<const ServerPolicy> policy,
         ServerNonce nonce);
  ~Server();
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;

  // The CHALLENGE_MESSAGE for a NEGOTIATE_MESSAGE: flags are the intersection of both sides. `now` is a
  // FILETIME.
  [[nodiscard]] Result<Bytes> challenge(ByteSpan negotiate, std::uint64_t now);
  // Decodes the AUTHENTICATE_MESSAGE (kept for verify()) and says who the client claims to be.
  // Errors: the decoding ones, anonymous, flags_changed, out_of_order.
  [[nodiscard]] Result<Claim> claim(ByteSpan authenticate);
  // Checks the responses and the MIC against the account's secret; nullopt (no such account) costs the same
  // time as a wrong password and yields the same error. A right secret below the requirements is
  // weak_response or weak_strength. challenge_changed: an NTLMv2 response to another CHALLENGE than ours. The
  // time stamp of an NTLMv2 response must lie within 30 minutes of `now`
  // ([MS-NLMP] 3.2.5.1.2 is laxer).
  [[nodiscard]] Result<Outcome> verify(const std::optional<AccountSecret>& secret,
                                       const AccountRequirements& required, std::uint64_t now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpseal::ntlm

// The initiating side of NTLMSSP ([MS-NLMP] 3.1.5) without I/O, clock or entropy of its own.
// Call order: negotiate(), authenticate(), then take_outcome(). Any failure is final.
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

// Who we are at the partner. The LM hash is absent where it is undefined (password over 14 characters or not
// ASCII) or not stored; then LM_KEY cannot be used.
struct ClientIdentity {
  std::string domain;  // UTF-8
  std::string user;
  std::string workstation;
  crypto::Key16 nt_hash;
  std::optional<crypto::Key16> lm_hash;
};

// What may be negotiated and what must come out. Nothing below `minimum_*` ever gets an AUTHENTICATE message:
// the check is made on the CHALLENGE, before the response to it leaves.
struct ClientPolicy {
  Response response =
      Response::ntlmv2;  // the kind sent, never a weaker one; an LM response alone is never sent
  bool seal = true;      // ask for SIGN | SEAL and refuse a CHALLENGE without them
  bool extended_session_security =
      true;                  // offer ESS; always offered, and required, for ntlm2_session and ntlmv2
  bool lm_key = false;       // offer LM_KEY (needs identity.lm_hash)
  bool key_exchange = true;  // offer KEY_EXCH where SEAL is asked for
  bool offer_128 = true;
  bool offer_56 = false;
  unsigned minimum_strength = 128;  // 40, 56 or 128; looked at only when seal
  bool send_version = true;         // the VERSION structure (2.2.2.10); Exchange 5.x did not send it
  bool oem_names_in_negotiate =
      false;  // offer OEM text and name the domain in NEGOTIATE, as Exchange 5.5 did
  bool echo_target_type =
      false;                // repeat TARGET_TYPE_* of the CHALLENGE in AUTHENTICATE, as Exchange 5.5 did
  std::string target_name;  // MsvAvTargetName such as "SMTPSVC/mail.partner.example"; empty: none
  // The name came from a source that anybody may have forged, such as an MX record: the server is told so,
  // and takes the name for no proof of where we meant to log on (3.1.5.1.2, UnverifiedTargetName).
  bool target_name_is_unverified = false;
  // MsvAvChannelBindings: MD5 of gss_channel_bindings_struct (3.1.1.2); zeros are sent where there are none.
  std::optional<crypto::Digest16> channel_bindings;
};
ClientPolicy modern_policy(bool seal, unsigned minimum_strength);
// NTLMv1 without ESS; flags as the Q262945 transcript shows (observed), plus 128 and 56 as the strength asks.
// With minimum_strength 128 LM_KEY is not offered, since LM_KEY means 56 bits at most.
ClientPolicy exchange5_policy(bool seal, unsigned minimum_strength);

// Values that must be unpredictable, drawn by the caller so that tests can fix them.
struct ClientNonces {
  std::array<std::byte, 8> client_challenge{};
  crypto::Key16 random_session_key;
};
ClientNonces draw_nonces(const crypto::Engine& engine);

class Client {
 public:
  // `engine` is shared; identity and policy are taken over.
  Client(std::shared_ptr<const crypto::Engine> engine, ClientIdentity identity, ClientPolicy policy,
         ClientNonces nonces);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // The NEGOTIATE_MESSAGE. Errors: lm_hash_unavailable (an LM hash that anybody knows counts as none),
  // weak_response (an LM response alone was asked for), out_of_order.
  [[nodiscard]] Result<Bytes> negotiate();
  // The AUTHENTICATE_MESSAGE for a CHALLENGE_MESSAGE. `now` is a FILETIME (100 ns since 1601-01-01 UTC), used
  // where the CHALLENGE carries no time stamp. Errors: the decoding ones; weak_response where ESS is needed
  // and not granted; seal_not_negotiated, weak_strength; flags_changed where the CHALLENGE grants what was
  // not offered; no_common_encoding; bad_string for an identity that the agreed character set cannot write;
  // out_of_order.
  [[nodiscard]] Result<Bytes> authenticate(ByteSpan challenge, std::uint64_t now);
  // REQUIRES: authenticate() succeeded. Moves the result out.
  [[nodiscard]] Outcome take_outcome();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpseal::ntlm

// What a session had: the one source for status headers, log lines, Received comments and rule checks. A
// value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "smtpseal/ntlm/outcome.hpp"

namespace smtpseal::session {

// `authenticated` and `sealed` say nothing about TLS, which may be there as well (SessionSecurity::tls).
// `unknown`: something that could tell was in the path, and cannot be asked.
enum class Protection { none, tls, authenticated, sealed, unknown };
std::string_view name(Protection protection);
// The protection of that name; nullopt where there is none.
std::optional<Protection> protection_from(std::string_view text);

struct Tls {
  std::string version;  // "TLSv1.3", as the TLS library names it
  std::string cipher;   // "TLS_AES_256_GCM_SHA384"
  unsigned bits = 0;    // of the cipher's key
  friend bool operator==(const Tls&, const Tls&) = default;
};

struct SessionSecurity {
  Protection protection = Protection::none;
  std::string mechanism;                   // of SASL, upper case; empty without authentication
  std::string account;                     // DOMAIN\user or user; empty without authentication
  std::optional<ntlm::Response> response;  // of an NTLM login; empty where an MTA did it, which does not tell
  unsigned bits = 0;                       // effective strength of the seal; 0 without
  std::uint32_t flags = 0;                 // negotiated NTLMSSP flags
  std::uint64_t octets_sealed = 0;         // sent through the seal so far
  std::uint64_t octets_unsealed = 0;       // received through it so far
  std::string peer_name;                   // as known to this host; empty where it is not
  std::string peer_address;
  std::optional<Tls> tls;
  std::string unknown_reason;  // why it is not known; only with Protection::unknown
  std::string session_id;      // of the relay, in its log; empty where it did not carry the session

  // "sealed" counts only when octets went through the seal both ways.
  [[nodiscard]] bool is_proven_sealed() const {
    return protection == Protection::sealed && octets_sealed > 0 && octets_unsealed > 0;
  }
};

}  // namespace smtpseal::session

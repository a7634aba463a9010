// What a session had: the one source for status headers, log lines, Received comments and rule checks. A
// value.
#pragma once

#include <cstdint>
#include <string>

#include "smtpseal/ntlm/outcome.hpp"

namespace smtpseal::session {

enum class Protection { none, tls, authenticated, sealed, unknown };
std::string_view name(Protection protection);

struct SessionSecurity {
  Protection protection = Protection::none;
  std::string account;                           // DOMAIN\user or user; empty without authentication
  ntlm::Response response = ntlm::Response::lm;  // meaningful when authenticated or sealed
  unsigned bits = 0;                             // effective strength of the seal; 0 without
  std::uint32_t flags = 0;                       // negotiated NTLMSSP flags
  std::uint64_t octets_sealed = 0;               // sent through the seal so far
  std::uint64_t octets_unsealed = 0;             // received through it so far
  std::string peer_name;                         // as known to this host
  std::string peer_address;

  // "sealed" counts only when octets went through the seal both ways.
  [[nodiscard]] bool is_proven_sealed() const {
    return protection == Protection::sealed && octets_sealed > 0 && octets_unsealed > 0;
  }
};

}  // namespace smtpseal::session

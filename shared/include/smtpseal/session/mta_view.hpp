// What an MTA tells a milter (macros) or a policy server (attributes) about the session it is in. Pure.
#pragma once

#include <string>

#include "smtpseal/session/session_security.hpp"

namespace smtpseal::session {

// Every field may be empty: the MTA did not say. {auth_type} and so on are the milter macros of Sendmail and
// Postfix; sasl_method and so on the attributes of Postfix's policy delegation protocol.
struct MtaView {
  std::string auth_type;    // {auth_type}, sasl_method
  std::string auth_authen;  // {auth_authen}, sasl_username
  std::string auth_ssf;     // {auth_ssf}: strength of a SASL security layer in bits (Sendmail)
  std::string tls_version;  // {tls_version}, encryption_protocol
  std::string cipher;       // {cipher}, encryption_cipher
  std::string cipher_bits;  // {cipher_bits}, encryption_keysize
  // auth_authen is xtext (RFC 3461 section 4), as Sendmail writes it: INTELLINET+5CDOUG.
  bool account_is_xtext = false;
};

// What the MTA knows from its own: `sealed` where a SASL NTLM login has a security layer of at least 40 bit,
// else `authenticated`, `tls`, `none`. An auth_type of XCLIENT is hearsay and counts for nothing: the relay
// is asked about such sessions. The octet counts are 1 where the MTA says that there is a layer: the command
// that is being judged came through it. Numbers that are none count as 0.
[[nodiscard]] SessionSecurity security_of(const MtaView& view);

}  // namespace smtpseal::session

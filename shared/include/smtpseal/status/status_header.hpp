// X-SmtpSeal-Status: what protected the session that brought a message, for people and programs to read.
//   X-SmtpSeal-Status: sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128; account="INTELLINET\\DOUG";
//       peer=mail.partner.example[192.0.2.7]; by=mx.example.com
// docs/howto-read-status.md explains every value. Pure; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/session/session_security.hpp"

namespace smtpseal::status {

inline constexpr std::string_view kStatusHeader = "X-SmtpSeal-Status";

struct Status {
  session::SessionSecurity security;
  std::string by;            // authserv-id of the host that says so
  std::string would_reject;  // mode=report: why the message would have been refused; empty: it would not
};

enum class ShowAccount { no, yes };

// The value: a protection, then "; name=value" in fixed order: mech, auth, cipher, bits, tls, tls-cipher,
// tls-bits, account, would-reject, reason, peer, by. A parameter without a value is left out. Values that are
// no token (RFC 2045, plus what peer needs) stand in double quotes with \ before \ and "; control characters
// and octets that are not ASCII become "?"; each value is cut at 255 octets. `sealed` is written only for a
// security that is_proven_sealed(); one that is sealed but not proven is written as authenticated. With
// `ShowAccount::no` the account is left out. No line breaks.
[[nodiscard]] std::string format_status(const Status& status, ShowAccount show);

// The same, broken with "\n\t" before parameters so that lines stay within 78 octets where they can, for a
// header field of `name_length` octets.
[[nodiscard]] std::string fold(std::string_view value, std::size_t name_length);

// Reads what format_status() writes, folded or not, and what format_session() writes. nullopt for anything
// else, since both are written by programs: unknown protection, unknown, repeated or misplaced parameter, bad
// number, needless or unbalanced quotes, trailing text, more than 4096 octets. Both octet counts are 1 where
// a header says `sealed`, which it does of nothing unproven.
[[nodiscard]] std::optional<Status> parse_status(std::string_view value);

// What the relay answers to `session`: as a header, but `sealed` also before the seal is proven, then with
// the octet counts, "; sealed=N; unsealed=N", and the session's id, "; id=X", before peer=, and without by=.
// Values are neither cut nor reduced to ASCII (control characters still become "?"): two accounts must not
// become one.
[[nodiscard]] std::string format_session(const session::SessionSecurity& security);

}  // namespace smtpseal::status

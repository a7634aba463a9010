// SMTP and LMTP commands (RFC 5321 4.1, RFC 2033, RFC 3030, RFC 4954, Postfix XFORWARD): from a line to a
// value. Pure; the values own their text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/result.hpp"
#include "smtpseal/smtp/errc.hpp"

namespace smtpseal::smtp {

enum class Verb {
  helo,
  ehlo,
  lhlo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  quit,
  vrfy,
  expn,
  help,
  auth,
  xauth,
  starttls,
  etrn,
  xclient,
  xforward,
  xexch50,
  unknown
};

// A line split at its first space: `argument` is what follows, without leading and trailing blanks.
struct Command {
  Verb verb = Verb::unknown;
  std::string_view name;      // as written; borrows from the line
  std::string_view argument;  // borrows from the line
};
Command parse_command(std::string_view line);
std::string_view name(Verb verb);  // upper case

struct Parameter {
  std::string keyword;  // upper case
  std::string value;    // as written; empty without "="
  bool has_value = false;
};

// MAIL FROM:<path> params, RCPT TO:<path> params (RFC 5321 4.1.2). The path is without angle brackets,
// exactly as written (source routes included); empty is the null sender, allowed in MAIL only.
struct Envelope {
  std::string path;
  std::vector<Parameter> parameters;
  [[nodiscard]] const Parameter* find(std::string_view keyword) const;
};
inline constexpr std::size_t kMaxParameters = 32;
// `argument` is what followed MAIL or RCPT. Blanks behind the colon are let through, and a local part
// alone. Errors: bad_syntax, bad_path, bad_parameter (a repeated keyword too).
[[nodiscard]] Result<Envelope> parse_mail(std::string_view argument);
[[nodiscard]] Result<Envelope> parse_rcpt(std::string_view argument);
// `prefix` ("MAIL FROM:"), "<path>" and " KEY=value" for each parameter: the inverse, for the next hop.
std::string format_envelope(std::string_view prefix, const Envelope& envelope);

// BDAT size [LAST] (RFC 3030). Errors: bad_syntax; bad_parameter where the size is beyond 64 bits.
struct BdatArgument {
  std::uint64_t size = 0;
  bool last = false;
};
[[nodiscard]] Result<BdatArgument> parse_bdat(std::string_view argument);

// xtext of RFC 3461 section 4. Errors: bad_parameter.
std::string to_xtext(std::string_view text);
[[nodiscard]] Result<std::string> from_xtext(std::string_view text);

// base64 (RFC 4648). Decoding forgives "=" or "A=" behind the last whole group, which Exchange 5.5 sent
// (observed Q262945), and nothing else: padding is required, left-over bits are zero. Errors: bad_base64.
std::string to_base64(std::string_view octets);
[[nodiscard]] Result<std::string> from_base64(std::string_view text);

}  // namespace smtpseal::smtp

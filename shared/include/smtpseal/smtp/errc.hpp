// What can be wrong with SMTP input.
#pragma once

#include "smtpseal/result.hpp"

namespace smtpseal::smtp {

enum class errc {
  line_too_long = 1,  // no line end within the limit: final
  stray_line_end,     // a CR or LF that is not part of CRLF (RFC 5321 2.3.8): final, never passed on
  nul_octet,          // a NUL in a command or reply line
  bad_syntax,         // a command's arguments do not follow RFC 5321
  bad_path,           // the argument of MAIL FROM or RCPT TO is not a path
  bad_parameter,      // an ESMTP parameter is malformed, repeated or out of range
  malformed_reply,    // a peer's reply is not NNN[ -]text, or its code changes between lines
  reply_too_long,     // more lines or octets than a reply may have
  bad_base64,         // not base64 (RFC 4648), after a superfluous trailing = was forgiven
  parser_finished,    // fed after an error or after its end
};
const boost::system::error_category& category();
inline ErrorCode make_error_code(errc e) {
  return {static_cast<int>(e), category()};
}

}  // namespace smtpseal::smtp

template <>
struct boost::system::is_error_code_enum<smtpseal::smtp::errc> : std::true_type {};

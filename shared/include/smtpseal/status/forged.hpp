// Which header fields of an incoming message pretend to come from us. Pure; safe from any thread.
#pragma once

#include <string_view>

namespace smtpseal::status {

// True for a field that this host would have to have written, and did not, since the message has only just
// arrived:
//  - Authentication-Results whose authserv-id is ours, or which names ours in a comment before it, since
//    readers disagree about where such a comment ends. Where the authserv-id cannot be told: if the value
//    mentions ours anywhere, in any case, quoting and folding, or has octets that are not ASCII or an encoded
//    word (RFC 2047), either of which can spell it;
//  - X-SmtpSeal-Status whose by= names us; and any that is not strictly what format_status() writes with the
//    by= of another host.
// Field names are compared without case and without blanks before the colon. Fields of other hosts are
// theirs, and stay (RFC 8601 section 5).
[[nodiscard]] bool is_forged(std::string_view name, std::string_view value, std::string_view authserv_id);

// Whether a field's value is one to every reader: CR stands only before LF, and LF only before a blank or a
// tab. Some MTAs pass other line ends on, and some readers take what follows for a field of its own.
[[nodiscard]] bool is_one_field(std::string_view value);

// Whether `name` is one of the two fields, so that its occurrences must be counted.
[[nodiscard]] bool is_status_field(std::string_view name);

}  // namespace smtpseal::status

// The text form of "value; name=value; name=value" that both header fields have: quoting, splitting and line
// breaks. Pure. Private to the status sources.
#pragma once

#include <string>
#include <string_view>

namespace smtpseal::status {

inline constexpr std::size_t kMaxParameter = 255;  // octets of one value; longer ones are cut

// RFC 2045 5.1, tspecials: what a token may not hold, besides blanks, controls and what is not ASCII.
inline constexpr std::string_view kTokenSpecials = "()<>@,;:\\\"/[]?=";
// In X-SmtpSeal-Status host[address] needs no quotes, with an IPv6 address neither.
inline constexpr std::string_view kStatusSpecials = "()<>@,;\\\"/?=";

[[nodiscard]] bool is_token(std::string_view text, std::string_view specials);

// `text` as a header may hold it: cut to kMaxParameter, "?" for control characters and octets that are not
// ASCII.
[[nodiscard]] std::string printable(std::string_view text);

// `text` with "?" for control characters only: programs tell accounts apart by it.
[[nodiscard]] std::string without_controls(std::string_view text);

// `text`; where it is no token, in double quotes, with a backslash before every backslash and quote.
[[nodiscard]] std::string quoted_if_needed(std::string_view text, std::string_view specials);

// The text that quoted_if_needed() made this of. Of what it did not make, a text of which it makes something
// else: so bad quoting shows when the text is written again.
[[nodiscard]] std::string unquoted(std::string_view text);

// Takes the octets up to and with the next ";" outside quotes off the front of `text`; all where there is
// none.
[[nodiscard]] std::string_view take_piece(std::string_view& text);

// On one line again: one blank behind every ";" outside quotes, none at the ends.
[[nodiscard]] std::string unfolded(std::string_view value);

}  // namespace smtpseal::status

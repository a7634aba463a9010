// Authentication-Results (RFC 8601), method auth (SMTP AUTH, section 2.7.4). Pure; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/session/session_security.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::status {

inline constexpr std::string_view kResultsHeader = "Authentication-Results";

// The value: "mx.example.com; auth=pass (NTLM, sealed 128 bits) smtp.auth=DOUG". pass: authenticated or
// sealed (the comment says which, and names TLS); none: no login, TLS or not; temperror: unknown. smtp.auth=
// is the user part of the account, quoted where it is no token; left out with ShowAccount::no. Comments hold
// no foreign text. `authserv_id` must be a token or a dot-atom (is_authserv_id()).
[[nodiscard]] std::string format_results(std::string_view authserv_id,
                                         const session::SessionSecurity& security, ShowAccount show);

// Whether a text can be written as authserv-id without quotes: letters, digits, "-", "_", "."; 1 to 255.
[[nodiscard]] bool is_authserv_id(std::string_view text);

// The authserv-id that a field claims: comments and folding skipped (RFC 5322 CFWS, nested, with
// quoted-pair), quoted-string unquoted. nullopt where it cannot be told.
[[nodiscard]] std::optional<std::string> authserv_id_of(std::string_view value);

// Whether two authserv-ids name the same host: case and a trailing dot aside, U-labels as A-labels.
[[nodiscard]] bool is_same_host(std::string_view one, std::string_view other);

}  // namespace smtpseal::status

// UTF-8 as files and terminals give it, UTF-16 as NTLM hashes it ([MS-NLMP] 2.2: Unicode strings are
// UTF-16LE).
#pragma once

#include <optional>
#include <string_view>

#include "smtpseal/bytes.hpp"

namespace smtpseal::policy {

// Well-formed UTF-8 as RFC 3629 defines it: no over-long forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

// Empty where `text` is not UTF-8. The caller wipes the result where it is a secret; it is allocated once, so
// that no copy of it stays behind.
[[nodiscard]] std::optional<Bytes> utf16le(std::string_view text);

}  // namespace smtpseal::policy

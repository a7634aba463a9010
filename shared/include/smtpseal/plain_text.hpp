// Foreign text that may be shown and kept.
#pragma once

#include <string>
#include <string_view>

namespace smtpseal {

// Printable ASCII, the rest as "?", at most kMaxPlainText octets.
inline constexpr std::size_t kMaxPlainText = 300;
std::string plain_text(std::string_view foreign);

}  // namespace smtpseal

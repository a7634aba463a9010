// Text that somebody else wrote, made fit for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace smtpseal::cli {

// Control characters, those of ISO 6429 that UTF-8 can spell (U+0080 to U+009F) too, and octets that are no
// UTF-8 as "?", so that a terminal shows what is there and obeys nothing. A tab is a blank.
std::string printable(std::string_view text);

}  // namespace smtpseal::cli

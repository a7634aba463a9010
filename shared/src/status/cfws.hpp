// Comments and folding white space of header fields (RFC 5322 3.2.2): what a reader passes over. Pure and
// linear in the text. Private to the status sources.
#pragma once

#include <string_view>

namespace smtpseal::status {

// Takes the comment off the front of `text`, which starts with "("; comments nest, and a quoted-pair hides a
// parenthesis. False where its end is missing: `text` is empty then.
[[nodiscard]] bool skip_comment(std::string_view& text);

// Takes blanks, line ends and comments off the front of `text`. False as skip_comment().
[[nodiscard]] bool skip_cfws(std::string_view& text);

}  // namespace smtpseal::status

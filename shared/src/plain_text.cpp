#include "smtpseal/plain_text.hpp"

#include <algorithm>

namespace smtpseal {

std::string plain_text(std::string_view foreign) {
  std::string text(foreign.substr(0, kMaxPlainText));
  std::ranges::replace_if(
      text, [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return text;
}

}  // namespace smtpseal

#include "cfws.hpp"

#include <algorithm>

namespace smtpseal::status {

bool skip_comment(std::string_view& text) {
  // A counter, not recursion: the depth is the sender's choice.
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')' && --depth == 0) {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  text = {};
  return false;
}

bool skip_cfws(std::string_view& text) {
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!text.starts_with('(')) return true;
    if (!skip_comment(text)) return false;
  }
  return true;
}

}  // namespace smtpseal::status

#include "printable.hpp"

#include <algorithm>

namespace smtpseal::cli {
namespace {

// Octets of a code point beyond ASCII by its first one; 0: none begins so (RFC 3629).
std::size_t length_by(unsigned char first) {
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

// What of the beginning of `text` may be shown as it is. A form that is longer than need be may hide a
// control character.
std::size_t shown_length(std::string_view text) {
  const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  if (octet(0) < 0x80) return octet(0) >= 0x20 && octet(0) != 0x7F ? 1 : 0;
  const std::size_t length = length_by(octet(0));
  if (length == 0 || text.size() < length) return 0;
  const auto is_tail = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; };
  if (!std::ranges::all_of(text.substr(1, length - 1), is_tail)) return 0;
  const bool is_control = octet(0) == 0xC2 && octet(1) < 0xA0;
  const bool is_too_long = (octet(0) == 0xE0 && octet(1) < 0xA0) || (octet(0) == 0xF0 && octet(1) < 0x90);
  return is_control || is_too_long ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = shown_length(text);
    if (length > 0)
      result += text.substr(0, length);
    else
      result += text.front() == '\t' ? ' ' : '?';
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

}  // namespace smtpseal::cli

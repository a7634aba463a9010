#include <algorithm>

#include "ascii.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::smtp {

namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

// xchar of RFC 3461 section 4.
bool is_xchar(char c) {
  return ascii::is_visible(c) && c != '+' && c != '=';
}

// The value of two hexadecimal digits at the front of `text`, or nothing. RFC 3461 has upper case only; lower
// case is seen in the wild and cannot be misunderstood.
std::optional<char> hex_octet(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const std::size_t high = kHexDigits.find(ascii::upper(text[0]));
  const std::size_t low = kHexDigits.find(ascii::upper(text[1]));
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

}  // namespace

std::string to_xtext(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_xchar(c)) {
      encoded.push_back(c);
    } else {
      const auto octet = static_cast<unsigned char>(c);
      encoded.push_back('+');
      encoded.push_back(kHexDigits[octet / 16]);
      encoded.push_back(kHexDigits[octet % 16]);
    }
  }
  return encoded;
}

Result<std::string> from_xtext(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (is_xchar(c)) {
      decoded.push_back(c);
      continue;
    }
    const auto octet = c == '+' ? hex_octet(text) : std::nullopt;
    if (!octet) return make_error_code(errc::bad_parameter);
    decoded.push_back(*octet);
    text.remove_prefix(2);
  }
  return decoded;
}

}  // namespace smtpseal::smtp

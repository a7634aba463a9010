#include "unicode.hpp"

#include <cstdint>

namespace smtpseal::policy {
namespace {

struct Lead {
  std::size_t length = 0;  // 0: cannot start a sequence
  char32_t bits = 0;
  char32_t least = 0;  // a smaller code point in so many octets is an over-long form
};

Lead classify(unsigned char octet) {
  if (octet < 0x80) return {1, octet, 0};
  if (octet >= 0xC2 && octet <= 0xDF) return {2, octet & 0x1FU, 0x80};
  if (octet >= 0xE0 && octet <= 0xEF) return {3, octet & 0x0FU, 0x800};
  if (octet >= 0xF0 && octet <= 0xF4) return {4, octet & 0x07U, 0x10000};
  return {};
}

bool is_scalar_value(char32_t point, char32_t least) {
  return point >= least && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

// Takes one code point from the front of `text`, which is not empty.
std::optional<char32_t> take_code_point(std::string_view& text) {
  const Lead lead = classify(static_cast<unsigned char>(text.front()));
  if (lead.length == 0 || lead.length > text.size()) return std::nullopt;
  char32_t point = lead.bits;
  for (std::size_t i = 1; i < lead.length; ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if ((octet & 0xC0U) != 0x80) return std::nullopt;
    point = (point << 6) | (octet & 0x3FU);
  }
  if (!is_scalar_value(point, lead.least)) return std::nullopt;
  text.remove_prefix(lead.length);
  return point;
}

void append_utf16le(Bytes& to, char32_t point) {
  if (point < 0x10000) return append_u16le(to, static_cast<std::uint16_t>(point));
  const char32_t offset = point - 0x10000;
  append_u16le(to, static_cast<std::uint16_t>(0xD800 + (offset >> 10)));
  append_u16le(to, static_cast<std::uint16_t>(0xDC00 + (offset & 0x3FF)));
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      text.remove_prefix(1);
    } else if (!take_code_point(text)) {
      return false;
    }
  }
  return true;
}

std::optional<Bytes> utf16le(std::string_view text) {
  Bytes result;
  result.reserve(2 * text.size());  // an octet of UTF-8 never becomes more than one unit of UTF-16
  while (!text.empty()) {
    const auto point = take_code_point(text);
    if (!point) return std::nullopt;
    append_utf16le(result, *point);
  }
  return result;
}

}  // namespace smtpseal::policy

// Hexadecimal digits in tables. Private to the sources of this library.
#pragma once

namespace smtpseal {

// The value of a digit of either case; -1 where it is none.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace smtpseal

// Hexadecimal octets for the tables of the NTLM and crypto tests.
#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

#include "smtpseal/bytes.hpp"
#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::testing {

inline Bytes unhex(std::string_view text) {
  const auto digit = [](char c) -> unsigned {
    const auto position = std::string_view("0123456789abcdef").find(c);
    if (position == std::string_view::npos) throw std::invalid_argument("not a hexadecimal digit");
    return static_cast<unsigned>(position);
  };
  if (text.size() % 2 != 0) throw std::invalid_argument("odd number of hexadecimal digits");
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return bytes;
}

inline std::string hex(ByteSpan bytes) {
  std::string text;
  for (const std::byte octet : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(octet >> 4)];
    text += "0123456789abcdef"[std::to_integer<unsigned>(octet & std::byte{15})];
  }
  return text;
}

template <std::size_t N>
std::array<std::byte, N> unhex_array(std::string_view text) {
  const Bytes bytes = unhex(text);
  std::array<std::byte, N> octets{};
  if (bytes.size() != N) throw std::invalid_argument("wrong number of octets");
  std::copy(bytes.begin(), bytes.end(), octets.begin());
  return octets;
}

inline crypto::Key16 unhex_key(std::string_view text) {
  return crypto::Key16(std::span<const std::byte, 16>(unhex_array<16>(text)));
}

// One Engine for all tests.
inline std::shared_ptr<const crypto::Engine> shared_engine() {
  static const std::shared_ptr<const crypto::Engine> engine = crypto::Engine::create().value();
  return engine;
}

}  // namespace smtpseal::testing

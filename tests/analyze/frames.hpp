// Frames as a capture has them, for the tests of what reads captures.
#pragma once

#include <algorithm>
#include <string_view>

#include "analyze/conversation.hpp"

namespace smtpseal::testing {

inline void append_u16be(Bytes& to, unsigned value) {
  const std::array octets{static_cast<std::byte>(value >> 8U), static_cast<std::byte>(value & 0xFFU)};
  append(to, octets);
}

// From one port to another on hosts of their own, as IPv4 or IPv6.
struct TcpFrame {
  unsigned from = 40000;
  unsigned to = 25;
  std::uint32_t sequence = 0;
  unsigned flags = 0x10;  // ACK
  std::string_view payload = {};

  [[nodiscard]] Bytes tcp() const {
    Bytes wire;
    append_u16be(wire, from);
    append_u16be(wire, to);
    wire.resize(8);
    store_u32be(sequence, wire.data() + 4);
    wire.resize(12);
    append_u16be(wire, 0x5000U | flags);
    wire.resize(20);
    append(wire, as_bytes(payload));
    return wire;
  }
  [[nodiscard]] Bytes ipv4() const {
    const Bytes segment = tcp();
    Bytes wire{std::byte{0x45}, std::byte{0}};
    append_u16be(wire, static_cast<unsigned>(20 + segment.size()));
    wire.resize(9);
    wire.push_back(std::byte{6});
    wire.resize(20);
    wire[15] = static_cast<std::byte>(from == 25 ? 2 : 1);
    wire[19] = static_cast<std::byte>(from == 25 ? 1 : 2);
    append(wire, segment);
    return wire;
  }
  [[nodiscard]] Bytes ipv6() const {
    const Bytes segment = tcp();
    Bytes wire{std::byte{0x60}, std::byte{0}, std::byte{0}, std::byte{0}};
    append_u16be(wire, static_cast<unsigned>(segment.size()));
    wire.push_back(std::byte{6});
    wire.resize(40);
    wire[23] = static_cast<std::byte>(from == 25 ? 2 : 1);
    wire[39] = static_cast<std::byte>(from == 25 ? 1 : 2);
    append(wire, segment);
    return wire;
  }
};

inline Bytes ethernet(unsigned type, const Bytes& packet) {
  Bytes wire;
  wire.resize(12);
  append_u16be(wire, type);
  append(wire, packet);
  return wire;
}

}  // namespace smtpseal::testing

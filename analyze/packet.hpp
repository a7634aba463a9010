// From a captured frame to a TCP segment: link layer, IP, TCP. Pure. Frames are whatever was on the wire, so
// every length in them is checked.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "smtpseal/bytes.hpp"

namespace smtpseal::analyze {

// What a frame begins with. `loopback`: four octets of address family (BSD).
enum class LinkType { ethernet, linux_sll, linux_sll2, raw_ip, loopback };

struct Endpoint {
  std::array<std::byte, 16> address{};  // IPv4: the first four octets
  bool is_v6 = false;
  std::uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
  // "192.0.2.1:25", "[2001:db8::1]:25".
  [[nodiscard]] std::string text() const;
};

struct Segment {
  Endpoint source;
  Endpoint destination;
  std::uint32_t sequence = 0;
  bool is_syn = false;
  bool is_ack = false;
  ByteSpan payload;     // borrows from the frame
  std::size_t cut = 0;  // octets of payload that were on the wire behind it, and are not in the capture
};

// What a frame is to us.
//   foreign: not TCP over IP. fragment: part of an IP packet; they are not put together.
//   unreadable: the capture has too little of it, or it contradicts itself.
enum class FrameKind { tcp, foreign, fragment, unreadable };

struct Frame {
  FrameKind kind = FrameKind::foreign;
  Segment segment;  // of kind tcp
};

// `captured` are the octets at hand, `wire_size` is how many there were. The result borrows from `captured`.
[[nodiscard]] Frame read_frame(LinkType link, ByteSpan captured, std::size_t wire_size);

}  // namespace smtpseal::analyze

#include "packet.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace smtpseal::analyze {

namespace {

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86DD;
constexpr unsigned kTcp = 6;
constexpr int kMaxTags = 4;
constexpr int kMaxExtensions = 8;

bool is_vlan_tag(std::uint16_t type) {
  return type == 0x8100 || type == 0x88A8 || type == 0x9100;
}

unsigned u8(ByteSpan from, std::size_t at) {
  return std::to_integer<unsigned>(from[at]);
}

std::uint16_t u16(ByteSpan from, std::size_t at) {
  return static_cast<std::uint16_t>(u8(from, at) << 8U | u8(from, at + 1));
}

// What is left of a frame: the octets at hand, and how many there were.
struct Rest {
  ByteSpan data;
  std::size_t wire_size;

  [[nodiscard]] bool has(std::size_t size) const { return data.size() >= size; }
  // REQUIRES: has(size).
  void skip(std::size_t size) {
    data = data.subspan(size);
    wire_size -= size;
  }
  // What is behind `size` octets is padding.
  void limit(std::size_t size) {
    wire_size = std::min(wire_size, size);
    data = data.first(std::min(data.size(), wire_size));
  }
};

Frame only(FrameKind kind) {
  return {kind, {}};
}

// Ports, sequence number, flags and payload, where the addresses are known.
Frame read_tcp(Rest rest, Segment segment) {
  if (!rest.has(20)) return only(FrameKind::unreadable);
  const std::size_t header = std::size_t{4} * (u8(rest.data, 12) >> 4U);
  if (header < 20 || header > rest.wire_size) return only(FrameKind::unreadable);
  segment.source.port = u16(rest.data, 0);
  segment.destination.port = u16(rest.data, 2);
  segment.sequence = load_u32be(rest.data.data() + 4);
  const unsigned flags = u8(rest.data, 13);
  segment.is_syn = (flags & 0x02U) != 0;
  segment.is_ack = (flags & 0x10U) != 0;
  const std::size_t at_hand = std::min(header, rest.data.size());
  segment.payload = rest.data.subspan(at_hand);
  segment.cut = rest.wire_size - header - segment.payload.size();
  return {FrameKind::tcp, segment};
}

Endpoint endpoint(ByteSpan address) {
  Endpoint end;
  std::ranges::copy(address, end.address.begin());
  end.is_v6 = address.size() == 16;
  return end;
}

Frame read_ipv4(Rest rest) {
  if (!rest.has(20)) return only(FrameKind::unreadable);
  const std::size_t header = std::size_t{4} * (u8(rest.data, 0) & 15U);
  std::size_t total = u16(rest.data, 2);
  // Captured before the network card has cut a large segment up, the length may be missing.
  if (total == 0) total = rest.wire_size;
  if (header < 20 || total < header) return only(FrameKind::unreadable);
  if (u8(rest.data, 9) != kTcp) return only(FrameKind::foreign);
  if ((u16(rest.data, 6) & 0x3FFFU) != 0) return only(FrameKind::fragment);
  if (!rest.has(header)) return only(FrameKind::unreadable);
  Segment segment;
  segment.source = endpoint(rest.data.subspan(12, 4));
  segment.destination = endpoint(rest.data.subspan(16, 4));
  rest.limit(total);
  rest.skip(header);
  return read_tcp(rest, segment);
}

// Steps over the extension headers (RFC 8200 section 4); what is not TCP behind them stays `foreign`.
Frame read_ipv6_payload(Rest rest, unsigned next, const Segment& segment) {
  for (int i = 0; i < kMaxExtensions; ++i) {
    if (next == kTcp) return read_tcp(rest, segment);
    const bool is_option = next == 0 || next == 43 || next == 60;
    const bool is_fragment = next == 44;
    if (!is_option && !is_fragment) return only(FrameKind::foreign);
    if (!rest.has(8)) return only(FrameKind::unreadable);
    if (is_fragment && (u16(rest.data, 2) & 0xFFF9U) != 0) return only(FrameKind::fragment);
    const std::size_t size = is_fragment ? 8 : std::size_t{8} * (1 + u8(rest.data, 1));
    if (!rest.has(size)) return only(FrameKind::unreadable);
    next = u8(rest.data, 0);
    rest.skip(size);
  }
  return only(FrameKind::foreign);
}

Frame read_ipv6(Rest rest) {
  if (!rest.has(40)) return only(FrameKind::unreadable);
  std::size_t payload = u16(rest.data, 4);
  const unsigned next = u8(rest.data, 6);
  Segment segment;
  segment.source = endpoint(rest.data.subspan(8, 16));
  segment.destination = endpoint(rest.data.subspan(24, 16));
  rest.skip(40);
  if (payload == 0) payload = rest.wire_size;
  rest.limit(payload);
  return read_ipv6_payload(rest, next, segment);
}

Frame read_ip(Rest rest) {
  if (!rest.has(1)) return only(FrameKind::unreadable);
  const unsigned version = u8(rest.data, 0) >> 4U;
  if (version == 4) return read_ipv4(rest);
  return version == 6 ? read_ipv6(rest) : only(FrameKind::foreign);
}

// By EtherType; `rest` is what follows it, VLAN tags included.
Frame read_ether_payload(std::uint16_t type, Rest rest) {
  for (int i = 0; i < kMaxTags && is_vlan_tag(type); ++i) {
    if (!rest.has(4)) return only(FrameKind::unreadable);
    type = u16(rest.data, 2);
    rest.skip(4);
  }
  return type == kEtherIpv4 || type == kEtherIpv6 ? read_ip(rest) : only(FrameKind::foreign);
}

// A link layer header of `size` octets that has the EtherType at `type_at`.
Frame read_typed(Rest rest, std::size_t size, std::size_t type_at) {
  if (!rest.has(size)) return only(FrameKind::unreadable);
  const std::uint16_t type = u16(rest.data, type_at);
  rest.skip(size);
  return read_ether_payload(type, rest);
}

}  // namespace

std::string Endpoint::text() const {
  std::array<char, INET6_ADDRSTRLEN> name{};
  ::inet_ntop(is_v6 ? AF_INET6 : AF_INET, address.data(), name.data(), name.size());
  const std::string host = is_v6 ? "[" + std::string(name.data()) + "]" : std::string(name.data());
  return host + ":" + std::to_string(port);
}

Frame read_frame(LinkType link, ByteSpan captured, std::size_t wire_size) {
  Rest rest{captured, std::max(wire_size, captured.size())};
  switch (link) {
    case LinkType::ethernet:
      return read_typed(rest, 14, 12);
    case LinkType::linux_sll:
      return read_typed(rest, 16, 14);
    case LinkType::linux_sll2:
      return read_typed(rest, 20, 0);
    case LinkType::loopback:
      if (!rest.has(4)) return only(FrameKind::unreadable);
      rest.skip(4);
      return read_ip(rest);
    case LinkType::raw_ip:
      return read_ip(rest);
  }
  return only(FrameKind::foreign);
}

}  // namespace smtpseal::analyze

#include "smtpseal/bytes.hpp"

namespace smtpseal {

ByteSpan ByteReader::take(std::size_t count) {
  if (!ok_ || count > remaining()) {
    ok_ = false;
    return {};
  }
  const ByteSpan taken = data_.subspan(position_, count);
  position_ += count;
  return taken;
}

std::uint64_t ByteReader::little_endian(std::size_t width) {
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::byte octet : take(width)) {
    value |= std::to_integer<std::uint64_t>(octet) << shift;
    shift += 8;
  }
  return value;
}

std::uint32_t load_u32le(const std::byte* from) {
  return std::to_integer<std::uint32_t>(from[0]) | std::to_integer<std::uint32_t>(from[1]) << 8 |
         std::to_integer<std::uint32_t>(from[2]) << 16 | std::to_integer<std::uint32_t>(from[3]) << 24;
}

std::uint32_t load_u32be(const std::byte* from) {
  return std::to_integer<std::uint32_t>(from[0]) << 24 | std::to_integer<std::uint32_t>(from[1]) << 16 |
         std::to_integer<std::uint32_t>(from[2]) << 8 | std::to_integer<std::uint32_t>(from[3]);
}

void store_u32le(std::uint32_t value, std::byte* to) {
  for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

void store_u32be(std::uint32_t value, std::byte* to) {
  for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

void append_u16le(Bytes& to, std::uint16_t value) {
  for (unsigned i = 0; i < 2; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void append_u32le(Bytes& to, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void append_u64le(Bytes& to, std::uint64_t value) {
  for (unsigned i = 0; i < 8; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void append(Bytes& to, ByteSpan data) {
  to.insert(to.end(), data.begin(), data.end());
}

}  // namespace smtpseal

// Octets in, octets out: a bounded cursor over untrusted input and the little- and big-endian stores that every codec
// here uses. No casts onto wire structs anywhere. Pure; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace smtpseal {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads from a borrowed buffer, which must outlive it. It remembers its first error: after a read past the end every
// further read yields zero or an empty span, and ok() stays false; so a decoder checks once, at its end.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan data) : data_(data) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return data_.size() - position_; }

  std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian(1)); }
  std::uint16_t u16le() { return static_cast<std::uint16_t>(little_endian(2)); }
  std::uint32_t u32le() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u64le() { return little_endian(8); }
  ByteSpan take(std::size_t count);

 private:
  std::uint64_t little_endian(std::size_t width);

  ByteSpan data_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

std::uint32_t load_u32le(const std::byte* from);
std::uint32_t load_u32be(const std::byte* from);
void store_u32le(std::uint32_t value, std::byte* to);
void store_u32be(std::uint32_t value, std::byte* to);

void append_u16le(Bytes& to, std::uint16_t value);
void append_u32le(Bytes& to, std::uint32_t value);
void append_u64le(Bytes& to, std::uint64_t value);
void append(Bytes& to, ByteSpan data);

}  // namespace smtpseal

#include "self_test.hpp"

#include <algorithm>
#include <cstdint>

#include "smtpseal/crypto/hmac_md5.hpp"
#include "smtpseal/crypto/rc4.hpp"

namespace smtpseal::crypto {

namespace {

template <std::size_t N>
using Octets = std::array<std::uint8_t, N>;

template <std::size_t N>
ByteSpan span_of(const Octets<N>& octets) {
  return std::as_bytes(std::span(octets));
}

template <std::size_t N>
bool equals(ByteSpan got, const Octets<N>& want) {
  return std::ranges::equal(got, span_of(want));
}

// RFC 1320 A.5 and RFC 1321 A.5, "abc".
bool digests_hold(const Engine& engine) {
  constexpr Octets<16> md4_abc{0xa4, 0x48, 0x01, 0x7a, 0xaf, 0x21, 0xd8, 0x52,
                               0x5f, 0xc1, 0x0a, 0xe8, 0x7a, 0xa6, 0x72, 0x9d};
  constexpr Octets<16> md5_abc{0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                               0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
  return equals(engine.md4({as_bytes("ab"), as_bytes("c")}), md4_abc) &&
         equals(engine.md5({as_bytes("ab"), as_bytes("c")}), md5_abc);
}

// RFC 2202, test case 2, twice from one object: its state must start afresh.
bool hmac_holds(const Engine& engine) {
  constexpr Octets<16> want{0x75, 0x0c, 0x78, 0x3e, 0x6a, 0xb0, 0xb5, 0x03,
                            0xea, 0xa8, 0x6e, 0x31, 0x0a, 0x5d, 0xb7, 0x38};
  HmacMd5 hmac(engine, as_bytes("Jefe"));
  const ByteSpan data = as_bytes("what do ya want for nothing?");
  return equals(hmac.compute({data}), want) && equals(hmac.compute({data.first(7), data.subspan(7)}), want);
}

// RFC 6229, 40-bit and 128-bit keys, the first octets of the key stream.
bool rc4_holds(const Engine& engine) {
  constexpr Octets<16> key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  constexpr Octets<16> stream_40{0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27,
                                 0xcc, 0xc3, 0x52, 0x4a, 0x0a, 0x11, 0x18, 0xa8};
  constexpr Octets<16> stream_128{0x9a, 0xc7, 0xcc, 0x9a, 0x60, 0x9d, 0x1e, 0xf7,
                                  0xb2, 0x93, 0x28, 0x99, 0xcd, 0xe4, 0x1b, 0x97};
  std::array<std::byte, 16> data{};
  engine.rc4(span_of(key).first(5), data, data);
  if (!equals(data, stream_40)) return false;

  data = {};
  Rc4 rc4(engine, span_of(key));
  rc4.apply(std::span(data).first(3));
  rc4.apply(std::span(data).subspan(3));
  return equals(data, stream_128);
}

// The first half of the LM hash of "PASSWORD".
bool des_holds(const Engine& engine) {
  constexpr Octets<8> want{0xe5, 0x2c, 0xac, 0x67, 0x41, 0x9a, 0x9a, 0x22};
  return equals(engine.des(as_bytes("PASSWOR").first<7>(), as_bytes("KGS!@#$%").first<8>()), want);
}

bool crc32_holds() {
  return crc32(crc32(0, as_bytes("12345")), as_bytes("6789")) == 0xcbf43926;
}

}  // namespace

bool known_answers_hold(const Engine& engine) {
  return digests_hold(engine) && hmac_holds(engine) && rc4_holds(engine) && des_holds(engine) &&
         crc32_holds();
}

}  // namespace smtpseal::crypto

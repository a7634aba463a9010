#include "smtpseal/bytes.hpp"

#include <array>
#include <boost/test/unit_test.hpp>

#include "ntlm/hex.hpp"

using namespace smtpseal;
using smtpseal::testing::hex;
using smtpseal::testing::unhex;

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(reads_little_endian_numbers_in_turn) {
  const Bytes data = unhex("01020304050607ff02030405060708");
  ByteReader reader(data);
  BOOST_TEST(reader.u8() == 0x01);
  BOOST_TEST(reader.u16le() == 0x0302);
  BOOST_TEST(reader.u32le() == 0x07060504U);
  BOOST_TEST(reader.u64le() == 0x08070605040302ffU);
  BOOST_TEST(reader.remaining() == 0U);
  BOOST_TEST(reader.ok());
}

BOOST_AUTO_TEST_CASE(remembers_a_read_past_the_end) {
  const Bytes data = unhex("010203");
  ByteReader reader(data);
  BOOST_TEST(reader.u32le() == 0U);
  BOOST_TEST(!reader.ok());
  BOOST_TEST(reader.u8() == 0);  // there are octets left, but nothing after an error is believed
  BOOST_TEST(reader.take(0).empty());
  BOOST_TEST(!reader.ok());
}

BOOST_AUTO_TEST_CASE(takes_what_is_there_and_not_more) {
  const Bytes data = unhex("010203");
  ByteReader reader(data);
  BOOST_TEST(hex(reader.take(3)) == "010203");
  BOOST_TEST(reader.ok());
  BOOST_TEST(reader.take(static_cast<std::size_t>(-1)).empty());
  BOOST_TEST(!reader.ok());
}

BOOST_AUTO_TEST_CASE(stores_and_loads_in_both_byte_orders) {
  std::array<std::byte, 4> place{};
  store_u32le(0x01020380, place.data());
  BOOST_TEST(hex(place) == "80030201");
  BOOST_TEST(load_u32le(place.data()) == 0x01020380U);
  BOOST_TEST(load_u32be(place.data()) == 0x80030201U);
  store_u32be(0xf1020380, place.data());
  BOOST_TEST(hex(place) == "f1020380");
  BOOST_TEST(load_u32be(place.data()) == 0xf1020380U);
}

BOOST_AUTO_TEST_CASE(appends_little_endian_numbers) {
  Bytes data;
  append_u16le(data, 0x0102);
  append_u32le(data, 0x03040506);
  append_u64le(data, 0x0708090a0b0c0d0e);
  append(data, as_bytes("x"));
  BOOST_TEST(hex(data) == "0201060504030e0d0c0b0a09080778");
  BOOST_TEST(as_text(ByteSpan(data).last(1)) == "x");
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/ntlm/challenge.hpp"

#include <boost/test/unit_test.hpp>

#include "hex.hpp"
#include "smtpseal/ntlm/wire.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using smtpseal::testing::hex;
using smtpseal::testing::unhex;
using smtpseal::testing::unhex_array;

namespace {

Bytes good() {
  return encode_challenge({.flags = kUnicode | kTargetInfo,
                           .server_challenge = unhex_array<8>("0123456789abcdef"),
                           .target_name = as_bytes("T.E."),
                           .target_info = as_bytes("INFO"),
                           .version = std::nullopt});
}

Bytes with_u32(Bytes wire, std::size_t at, std::uint32_t value) {
  store_u32le(value, wire.data() + at);
  return wire;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_challenge)

BOOST_AUTO_TEST_CASE(reads_what_it_wrote) {
  const Bytes wire = good();
  const auto message = decode_challenge(wire);
  BOOST_REQUIRE(message.has_value());
  BOOST_TEST(message->flags == (kUnicode | kTargetInfo));
  BOOST_TEST(hex(message->server_challenge) == "0123456789abcdef");
  BOOST_TEST(as_text(message->target_name) == "T.E.");
  BOOST_TEST(as_text(message->target_info) == "INFO");
}

BOOST_AUTO_TEST_CASE(takes_the_short_form_of_old_servers) {
  const Bytes wire = unhex("4e544c4d53535000020000000000000000000000010200000123456789abcdef");
  BOOST_REQUIRE(decode_challenge(wire).has_value());
  BOOST_TEST(hex(decode_challenge(wire)->server_challenge) == "0123456789abcdef");
}

BOOST_AUTO_TEST_CASE(target_info_without_its_flag_is_ignored) {
  const Bytes wire = with_u32(with_u32(good(), 20, kUnicode), 44, 0xffffffff);
  BOOST_REQUIRE(decode_challenge(wire).has_value());
  BOOST_TEST(decode_challenge(wire)->target_info.empty());
}

BOOST_AUTO_TEST_CASE(refuses_a_message_cut_at_any_octet) {
  const Bytes wire = good();
  for (std::size_t size = 0; size < wire.size(); ++size) {
    const auto want = size < 48 ? errc::truncated : errc::bad_offset;
    BOOST_CHECK(decode_challenge(ByteSpan(wire).first(size)).error() == make_error_code(want));
  }
}

BOOST_AUTO_TEST_CASE(refuses_fields_that_point_elsewhere) {
  struct Row {
    std::size_t at;
    std::uint32_t value;
  };
  const Row rows[] = {
      {16, 0},  {16, 47}, {16, 53}, {16, 0xffffffff}, {16, 0xfffffffc}, {12, 0xffff},
      {44, 12}, {44, 55}, {44, 56}, {44, 0x80000000}, {40, 5},          {44, 50},
  };
  for (const Row& row : rows) {
    BOOST_CHECK(decode_challenge(with_u32(good(), row.at, row.value)).error() ==
                make_error_code(errc::bad_offset));
  }
}

BOOST_AUTO_TEST_CASE(refuses_other_messages) {
  for (std::size_t i = 0; i < 12; ++i) {
    Bytes wire = good();
    wire[i] ^= std::byte{1};
    BOOST_CHECK(decode_challenge(wire).error() == make_error_code(errc::bad_signature));
  }
}

BOOST_AUTO_TEST_SUITE_END()

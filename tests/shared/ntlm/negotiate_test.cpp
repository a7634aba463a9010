#include "smtpseal/ntlm/negotiate.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "hex.hpp"
#include "smtpseal/ntlm/wire.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using smtpseal::testing::hex;

namespace {

Bytes good() {
  return encode_negotiate({.flags = kUnicode | kOemDomainSupplied | kOemWorkstationSupplied,
                           .domain = as_bytes("TIMDUMP"),
                           .workstation = as_bytes("TIMNTS20"),
                           .version = std::nullopt});
}

Bytes with_u32(Bytes wire, std::size_t at, std::uint32_t value) {
  store_u32le(value, wire.data() + at);
  return wire;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_negotiate)

BOOST_AUTO_TEST_CASE(reads_what_it_wrote) {
  const Bytes wire = good();
  const auto message = decode_negotiate(wire);
  BOOST_REQUIRE(message.has_value());
  BOOST_TEST(message->flags == (kUnicode | kOemDomainSupplied | kOemWorkstationSupplied));
  BOOST_TEST(as_text(message->domain) == "TIMDUMP");
  BOOST_TEST(as_text(message->workstation) == "TIMNTS20");
}

BOOST_AUTO_TEST_CASE(a_version_takes_its_place_before_the_names) {
  const Bytes wire = encode_negotiate(
      {.flags = kVersion, .domain = as_bytes("D"), .workstation = {}, .version = kOurVersion});
  BOOST_TEST(hex(wire) ==
             "4e544c4d53535000010000000000000201000100280000000000000029000000060100000000000f44");
}

BOOST_AUTO_TEST_CASE(names_without_their_flag_are_ignored_wherever_they_point) {
  Bytes wire = with_u32(good(), 12, kUnicode);
  wire = with_u32(wire, 20, 0xffffffff);
  const auto message = decode_negotiate(wire);
  BOOST_REQUIRE(message.has_value());
  BOOST_TEST(message->domain.empty());
  BOOST_TEST(message->workstation.empty());
}

BOOST_AUTO_TEST_CASE(refuses_a_message_cut_at_any_octet) {
  const Bytes wire = good();
  for (std::size_t size = 0; size < wire.size(); ++size) {
    const auto want = size < 32 ? errc::truncated : errc::bad_offset;
    BOOST_CHECK(decode_negotiate(ByteSpan(wire).first(size)).error() == make_error_code(want));
  }
}

BOOST_AUTO_TEST_CASE(refuses_fields_that_point_elsewhere) {
  struct Row {
    std::size_t at;
    std::uint32_t value;
  };
  const Row rows[] = {
      {20, 0},          {20, 31},                            // into the fixed part
      {20, 41},         {20, 48},                            // past the end
      {20, 0x7fffffff}, {20, 0xffffffff}, {20, 0xfffffff9},  // around the end of numbers
      {16, 0xffff},     {16, 0x00080010},                    // longer than the message
      {20, 39},         {28, 33},                            // into each other
  };
  for (const Row& row : rows) {
    BOOST_CHECK(decode_negotiate(with_u32(good(), row.at, row.value)).error() ==
                make_error_code(errc::bad_offset));
  }
}

BOOST_AUTO_TEST_CASE(refuses_other_messages) {
  for (std::size_t i = 0; i < 12; ++i) {
    Bytes wire = good();
    wire[i] ^= std::byte{2};
    BOOST_CHECK(decode_negotiate(wire).error() == make_error_code(errc::bad_signature));
  }
}

BOOST_AUTO_TEST_CASE(refuses_more_than_an_auth_line_carries) {
  Bytes wire = good();
  wire.resize(kMaxMessage);
  BOOST_TEST(decode_negotiate(wire).has_value());
  wire.resize(kMaxMessage + 1);
  BOOST_CHECK(decode_negotiate(wire).error() == make_error_code(errc::too_long));
}

BOOST_AUTO_TEST_SUITE_END()

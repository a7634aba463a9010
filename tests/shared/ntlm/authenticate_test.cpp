#include "smtpseal/ntlm/authenticate.hpp"

#include <boost/test/unit_test.hpp>

#include "smtpseal/ntlm/wire.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;

namespace {

Authenticate sample() {
  return {.flags = kUnicode | kSeal,
          .lm_response = as_bytes("LM RESPONSE"),
          .nt_response = as_bytes("NT RESPONSE"),
          .domain = as_bytes("DOMAIN"),
          .user = as_bytes("USER"),
          .workstation = as_bytes("STATION"),
          .encrypted_session_key = as_bytes("KEY"),
          .version = std::nullopt,
          .has_mic_room = false};
}

Bytes with_u32(Bytes wire, std::size_t at, std::uint32_t value) {
  store_u32le(value, wire.data() + at);
  return wire;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_authenticate)

BOOST_AUTO_TEST_CASE(reads_what_it_wrote_in_either_order) {
  for (const PayloadOrder order : {PayloadOrder::names_first, PayloadOrder::responses_first}) {
    for (const bool has_mic_room : {false, true}) {
      Authenticate want = sample();
      want.has_mic_room = has_mic_room;
      const Bytes wire = encode_authenticate(want, order);
      const auto got = decode_authenticate(wire);
      BOOST_REQUIRE(got.has_value());
      BOOST_TEST(got->flags == want.flags);
      BOOST_TEST(as_text(got->lm_response) == "LM RESPONSE");
      BOOST_TEST(as_text(got->nt_response) == "NT RESPONSE");
      BOOST_TEST(as_text(got->domain) == "DOMAIN");
      BOOST_TEST(as_text(got->user) == "USER");
      BOOST_TEST(as_text(got->workstation) == "STATION");
      BOOST_TEST(as_text(got->encrypted_session_key) == "KEY");
      BOOST_TEST(got->has_mic_room == has_mic_room);
    }
  }
}

BOOST_AUTO_TEST_CASE(lays_the_payload_out_as_asked) {
  const std::size_t fixed = 64;
  const Bytes names = encode_authenticate(sample(), PayloadOrder::names_first);
  BOOST_TEST(as_text(ByteSpan(names).subspan(fixed)) == "DOMAINUSERSTATIONLM RESPONSENT RESPONSEKEY");
  const Bytes responses = encode_authenticate(sample(), PayloadOrder::responses_first);
  BOOST_TEST(as_text(ByteSpan(responses).subspan(fixed)) == "LM RESPONSENT RESPONSEDOMAINUSERSTATIONKEY");
}

BOOST_AUTO_TEST_CASE(refuses_a_message_cut_at_any_octet) {
  for (const PayloadOrder order : {PayloadOrder::names_first, PayloadOrder::responses_first}) {
    const Bytes wire = encode_authenticate(sample(), order);
    for (std::size_t size = 0; size < wire.size(); ++size) {
      const auto want = size < 64 ? errc::truncated : errc::bad_offset;
      BOOST_CHECK(decode_authenticate(ByteSpan(wire).first(size)).error() == make_error_code(want));
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_every_field_that_points_elsewhere) {
  const Bytes wire = encode_authenticate(sample());
  const auto size = static_cast<std::uint32_t>(wire.size());
  for (std::size_t field = 12; field < 60; field += 8) {
    for (const std::uint32_t offset :
         {0U, 63U, size - 1, size, size + 1, 0x80000000U, 0xfffffff0U, 0xffffffffU}) {
      BOOST_TEST_CONTEXT("field at " << field << " to " << offset) {
        const auto message = decode_authenticate(with_u32(wire, field + 4, offset));
        BOOST_CHECK(message.has_error() && message.error() == make_error_code(errc::bad_offset));
      }
    }
    BOOST_CHECK(decode_authenticate(with_u32(wire, field, 0xffff)).error() ==
                make_error_code(errc::bad_offset));
  }
}

BOOST_AUTO_TEST_CASE(refuses_fields_that_overlap) {
  const Bytes wire = encode_authenticate(sample());
  const std::uint32_t domain = load_u32le(wire.data() + 32);
  for (const std::uint32_t offset : {domain, domain + 1, domain + 5}) {
    BOOST_CHECK(decode_authenticate(with_u32(wire, 40, offset)).error() == make_error_code(errc::bad_offset));
  }
}

BOOST_AUTO_TEST_CASE(an_empty_field_may_point_anywhere) {
  Authenticate message = sample();
  message.workstation = {};
  const Bytes wire = with_u32(encode_authenticate(message), 48, 0xffffffff);
  BOOST_TEST(decode_authenticate(wire).has_value());
}

BOOST_AUTO_TEST_CASE(sees_room_for_a_mic_only_where_no_field_uses_it) {
  Authenticate message = sample();
  message.has_mic_room = true;
  const Bytes wire = encode_authenticate(message);
  BOOST_TEST(decode_authenticate(wire)->has_mic_room);
  BOOST_TEST(!decode_authenticate(with_u32(wire, 32, 80))->has_mic_room);
}

BOOST_AUTO_TEST_CASE(refuses_other_messages_and_long_ones) {
  for (std::size_t i = 0; i < 12; ++i) {
    Bytes wire = encode_authenticate(sample());
    wire[i] ^= std::byte{1};
    BOOST_CHECK(decode_authenticate(wire).error() == make_error_code(errc::bad_signature));
  }
  Bytes wire = encode_authenticate(sample());
  wire.resize(kMaxMessage + 1);
  BOOST_CHECK(decode_authenticate(wire).error() == make_error_code(errc::too_long));
}

BOOST_AUTO_TEST_SUITE_END()

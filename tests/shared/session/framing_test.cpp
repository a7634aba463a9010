#include "smtpseal/session/framing.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::session;

BOOST_AUTO_TEST_SUITE(session_framing)

BOOST_AUTO_TEST_CASE(names_every_variant) {
  BOOST_TEST(name(Framing()) == "be-leading");
  BOOST_TEST(name(Framing{LengthOrder::big_endian, SignaturePlace::trailing}) == "be-trailing");
  BOOST_TEST(name(Framing{LengthOrder::little_endian, SignaturePlace::leading}) == "le-leading");
  BOOST_TEST(name(Framing{LengthOrder::little_endian, SignaturePlace::trailing}) == "le-trailing");
}

BOOST_AUTO_TEST_CASE(a_framing_is_found_by_its_name_and_by_no_other) {
  for (const auto length : {LengthOrder::big_endian, LengthOrder::little_endian}) {
    for (const auto signature : {SignaturePlace::leading, SignaturePlace::trailing}) {
      const Framing framing{length, signature};
      BOOST_TEST((framing_from(name(framing)) == framing));
    }
  }
  for (const char* text : {"", "be", "be-", "le-leading ", "BE-leading"})
    BOOST_TEST(!framing_from(text), text);
}

BOOST_AUTO_TEST_SUITE_END()

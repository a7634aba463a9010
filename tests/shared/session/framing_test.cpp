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

BOOST_AUTO_TEST_SUITE_END()

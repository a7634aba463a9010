#include "smtpseal/session/session_security.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::session;

BOOST_AUTO_TEST_SUITE(session_security)

BOOST_AUTO_TEST_CASE(names_every_protection_as_the_status_header_does) {
  BOOST_TEST(name(Protection::none) == "none");
  BOOST_TEST(name(Protection::tls) == "tls");
  BOOST_TEST(name(Protection::authenticated) == "authenticated");
  BOOST_TEST(name(Protection::sealed) == "sealed");
  BOOST_TEST(name(Protection::unknown) == "unknown");
}

BOOST_AUTO_TEST_CASE(finds_a_protection_by_exactly_its_name) {
  using enum Protection;
  for (const Protection protection : {none, tls, authenticated, sealed, unknown})
    BOOST_TEST((protection_from(name(protection)) == protection));
  for (const char* text : {"", "Sealed", "seale", "sealed ", "sealed; ", "secure"})
    BOOST_TEST(!protection_from(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(is_proven_only_by_octets_both_ways) {
  SessionSecurity security;
  security.protection = Protection::sealed;
  BOOST_TEST(!security.is_proven_sealed());
  security.octets_sealed = 1;
  BOOST_TEST(!security.is_proven_sealed());
  security.octets_unsealed = 1;
  BOOST_TEST(security.is_proven_sealed());
  security.protection = Protection::authenticated;
  BOOST_TEST(!security.is_proven_sealed());
}

BOOST_AUTO_TEST_SUITE_END()

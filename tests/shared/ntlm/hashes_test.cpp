#include "smtpseal/ntlm/hashes.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "published_example.hpp"
#include "smtpseal/ntlm/text.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

namespace {

Bytes utf16(std::string_view text) {
  return encode_text(text, Charset::unicode).value();
}

std::string v2(std::string_view user, std::string_view domain) {
  return hex(ntlmv2_hash(*shared_engine(), example_nt_hash(), utf16(user), utf16(domain)).octets());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_hashes)

// [MS-NLMP] 4.2.2.1.1, 4.2.2.1.2, 4.2.4.1.1.
BOOST_AUTO_TEST_CASE(published_hashes_are_reproduced) {
  BOOST_TEST(hex(nt_hash(*shared_engine(), kExamplePassword)->octets()) == hex(example_nt_hash().octets()));
  BOOST_TEST(hex(lm_hash(*shared_engine(), kExamplePassword)->octets()) == hex(example_lm_hash().octets()));
  BOOST_TEST(v2("User", "Domain") == hex(example_ntlmv2_hash().octets()));
}

BOOST_AUTO_TEST_CASE(the_lm_hash_does_not_tell_case) {
  BOOST_TEST(hex(lm_hash(*shared_engine(), "password")->octets()) == hex(example_lm_hash().octets()));
}

BOOST_AUTO_TEST_CASE(the_lm_hash_of_nothing_is_the_known_one) {
  BOOST_TEST(hex(lm_hash(*shared_engine(), "")->octets()) == "aad3b435b51404eeaad3b435b51404ee");
}

BOOST_AUTO_TEST_CASE(there_is_no_lm_hash_of_long_or_foreign_passwords) {
  BOOST_TEST(lm_hash(*shared_engine(), std::string(14, 'x')).has_value());
  BOOST_TEST(!lm_hash(*shared_engine(), std::string(15, 'x')).has_value());
  BOOST_TEST(!lm_hash(*shared_engine(), "pass\xc3\xbc").has_value());
}

BOOST_AUTO_TEST_CASE(the_nt_hash_needs_well_formed_text_only) {
  BOOST_TEST(nt_hash(*shared_engine(), std::string(1000, 'x')).has_value());
  BOOST_TEST(nt_hash(*shared_engine(), "tab\tis a character").has_value());
  BOOST_CHECK(nt_hash(*shared_engine(), "\xff").error() == make_error_code(errc::bad_string));
}

BOOST_AUTO_TEST_CASE(the_user_is_upper_cased_and_the_domain_is_not) {
  BOOST_TEST(v2("uSER", "Domain") == v2("User", "Domain"));
  BOOST_TEST(v2("User", "DOMAIN") != v2("User", "Domain"));
  BOOST_TEST(v2("j\xc3\xbcrgen", "Domain") == v2("J\xc3\x9cRGEN", "Domain"));
}

BOOST_AUTO_TEST_SUITE_END()

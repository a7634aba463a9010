#include "smtpseal/ntlm/wire.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "smtpseal/ntlm/errc.hpp"
#include "smtpseal/ntlm/outcome.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;

BOOST_AUTO_TEST_SUITE(ntlm_wire)

BOOST_AUTO_TEST_CASE(flags_are_told_by_name) {
  BOOST_TEST(describe_flags(0).empty());
  BOOST_TEST(describe_flags(kSeal) == "SEAL");
  BOOST_TEST(
      describe_flags(0xe2088235) ==
      "UNICODE,REQUEST_TARGET,SIGN,SEAL,NTLM,ALWAYS_SIGN,EXTENDED_SESSIONSECURITY,VERSION,128,KEY_EXCH,56");
}

BOOST_AUTO_TEST_CASE(strength_follows_the_sealing_key) {
  BOOST_TEST(seal_strength(kExtendedSessionSecurity | k128 | k56) == 128U);
  BOOST_TEST(seal_strength(kExtendedSessionSecurity | k56) == 56U);
  BOOST_TEST(seal_strength(kExtendedSessionSecurity) == 40U);
  BOOST_TEST(seal_strength(kExtendedSessionSecurity | kLmKey | k128) == 128U);
  BOOST_TEST(seal_strength(kLmKey | k128 | k56) == 56U);
  BOOST_TEST(seal_strength(kLmKey | k128) == 40U);
  BOOST_TEST(seal_strength(kLmKey) == 40U);
  BOOST_TEST(seal_strength(0) == 128U);  // the whole session key
}

BOOST_AUTO_TEST_CASE(responses_are_ordered_and_named) {
  BOOST_CHECK(Response::lm < Response::ntlmv1);
  BOOST_CHECK(Response::ntlmv1 < Response::ntlm2_session);
  BOOST_CHECK(Response::ntlm2_session < Response::ntlmv2);
  BOOST_TEST(name(Response::lm) == "LM");
  BOOST_TEST(name(Response::ntlmv1) == "NTLMv1");
  BOOST_TEST(name(Response::ntlm2_session) == "NTLM2-session");
  BOOST_TEST(name(Response::ntlmv2) == "NTLMv2");
}

BOOST_AUTO_TEST_CASE(every_error_has_words_of_its_own) {
  std::set<std::string> texts;
  int count = 0;
  for (int value = 1; value <= static_cast<int>(errc::record_mismatch); ++value, ++count) {
    texts.insert(make_error_code(static_cast<errc>(value)).message());
  }
  BOOST_TEST(static_cast<int>(texts.size()) == count);
  BOOST_TEST(!texts.contains("unknown NTLM error"));
  BOOST_TEST(std::string(category().name()) == "ntlm");
}

BOOST_AUTO_TEST_SUITE_END()

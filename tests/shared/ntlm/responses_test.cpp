#include "smtpseal/ntlm/responses.hpp"

#include <boost/test/unit_test.hpp>

#include "published_example.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

BOOST_AUTO_TEST_SUITE(ntlm_responses)

// [MS-NLMP] 4.2.2.2.
BOOST_AUTO_TEST_CASE(published_ntlmv1_responses_are_reproduced) {
  BOOST_TEST(hex(classic_response(*shared_engine(), example_nt_hash(), example_server_challenge())) ==
             "67c43011f30298a2ad35ece64f16331c44bdbed927841f94");
  BOOST_TEST(hex(classic_response(*shared_engine(), example_lm_hash(), example_server_challenge())) ==
             "98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13");
}

// [MS-NLMP] 4.2.3.2.
BOOST_AUTO_TEST_CASE(published_ntlm2_session_responses_are_reproduced) {
  BOOST_TEST(hex(ntlm2_session_response(*shared_engine(), example_nt_hash(), example_server_challenge(),
                                        example_client_challenge())) ==
             "7537f803ae367128ca458204bde7caf81e97ed2683267232");
  BOOST_TEST(hex(ntlm2_session_lm_field(example_client_challenge())) ==
             "aaaaaaaaaaaaaaaa00000000000000000000000000000000");
}

// [MS-NLMP] 4.2.4.1.3 and 4.2.4.2.
BOOST_AUTO_TEST_CASE(published_ntlmv2_responses_are_reproduced) {
  Bytes pairs;
  append_av(pairs, AvId::nb_domain_name, unhex("44006f006d00610069006e00"));
  append_av(pairs, AvId::nb_computer_name, unhex("530065007200760065007200"));
  append_av(pairs, AvId::eol, {});
  const Bytes blob = ntlmv2_blob(0, example_client_challenge(), pairs);
  BOOST_TEST(hex(blob) ==
             "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e00"
             "01000c005300650072007600650072000000000000000000");
  const auto proof = ntlmv2_proof(*shared_engine(), example_ntlmv2_hash(), example_server_challenge(), blob);
  BOOST_TEST(hex(proof) == "68cd0ab851e51c96aabc927bebef6a1c");
  BOOST_TEST(hex(ntlmv2_session_base_key(*shared_engine(), example_ntlmv2_hash(), proof).octets()) ==
             "8de40ccadbc14a82f15cb0ad0de95ca3");
  BOOST_TEST(hex(lmv2_response(*shared_engine(), example_ntlmv2_hash(), example_server_challenge(),
                               example_client_challenge())) ==
             "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
}

BOOST_AUTO_TEST_CASE(a_blob_carries_its_time_stamp) {
  const Bytes blob = ntlmv2_blob(0x01d779dd82c18e9e, example_client_challenge(), unhex("00000000"));
  BOOST_TEST(hex(ByteSpan(blob).subspan(8, 8)) == "9e8ec182dd79d701");
  BOOST_TEST(blob.size() == kBlobFixedSize + 4 + 4);
}

BOOST_AUTO_TEST_SUITE_END()

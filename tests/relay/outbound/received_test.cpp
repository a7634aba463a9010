#include "outbound/received.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::relay;

namespace {

ReceivedFacts facts() {
  ReceivedFacts given{"alpha.example", "alpha.example", "7f3a.1", "mx.partner.example[192.0.2.7]", {}, 0};
  given.security.protection = session::Protection::sealed;
  given.security.mechanism = "NTLM";
  given.security.response = ntlm::Response::ntlmv2;
  given.security.bits = 128;
  given.security.octets_sealed = 10;
  given.security.octets_unsealed = 20;
  return given;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(received)

BOOST_AUTO_TEST_CASE(states_the_protection) {
  BOOST_TEST(received_line(facts()) ==
             "Received: from alpha.example by alpha.example (smtpseal-relay) with LMTP id 7f3a.1\r\n"
             "\t(next hop mx.partner.example[192.0.2.7]: NTLM authenticated with NTLMv2, sealed with RC4, "
             "128 bits);\r\n"
             "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
}

BOOST_AUTO_TEST_CASE(states_tls_beside_the_login) {
  auto both = facts();
  both.security.tls = session::Tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256};
  const std::string tls = ";\r\n\tTLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256 bits), certificate ";
  const auto has = [&both](const std::string& text) {
    return received_line(both).find(text) != std::string::npos;
  };
  BOOST_TEST(has("NTLM authenticated with NTLMv2, sealed with RC4, 128 bits" + tls + "not verified);"));
  both.verified = "chain";
  BOOST_TEST(has(tls + "verified);"));
  both.verified = "fingerprint";
  BOOST_TEST(has(tls + "verified by fingerprint);"));
  both.security.protection = session::Protection::authenticated;
  both.security.mechanism = "PLAIN";
  both.security.response.reset();
  BOOST_TEST(has("PLAIN authenticated, not sealed;"));
  both.security.mechanism.clear();
  BOOST_TEST(has("not authenticated;"));
}

BOOST_AUTO_TEST_CASE(does_not_say_sealed_before_octets_went_both_ways) {
  auto unproven = facts();
  unproven.security.octets_unsealed = 0;
  BOOST_TEST(received_line(unproven).find("not sealed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lets_no_foreign_name_break_out_of_the_header) {
  auto hostile = facts();
  hostile.from = "evil)\r\nX-Forged: yes (";
  const std::string line = received_line(hostile);
  BOOST_TEST(line.find("\r\nX-Forged") == std::string::npos);
  BOOST_TEST(line.find("evil)") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(writes_dates_as_rfc_5322_wants) {
  BOOST_TEST(rfc5322_date(1795284000) == "Sat, 21 Nov 2026 18:00:00 +0000");
}

BOOST_AUTO_TEST_SUITE_END()

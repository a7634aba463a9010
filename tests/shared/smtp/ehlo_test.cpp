#include "smtpseal/smtp/ehlo.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace smtpseal::smtp;

namespace {

Ehlo parse(const std::vector<std::string>& lines) {
  Reply reply;
  reply.code = 250;
  reply.lines = lines;
  return parse_ehlo(reply);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(smtp_ehlo)

BOOST_AUTO_TEST_CASE(knows_what_a_modern_server_offers) {
  const Ehlo ehlo =
      parse({"mx.partner.example Hello", "PIPELINING", "SIZE 36700160", "8bitmime", "SMTPUTF8", "DSN",
             "CHUNKING", "STARTTLS", "ENHANCEDSTATUSCODES", "AUTH NTLM gssapi LOGIN", "XRDST"});
  BOOST_TEST(ehlo.greeting == "mx.partner.example Hello");
  BOOST_TEST(
      (ehlo.pipelining && ehlo.eightbitmime && ehlo.smtputf8 && ehlo.dsn && ehlo.chunking && ehlo.starttls));
  BOOST_TEST(ehlo.enhanced_status_codes);
  BOOST_TEST(ehlo.size);
  BOOST_TEST(ehlo.size_limit == 36700160U);
  BOOST_TEST(ehlo.auth == (std::vector<std::string>{"NTLM", "GSSAPI", "LOGIN"}),
             boost::test_tools::per_element());
  BOOST_TEST(ehlo.offers_auth("ntlm"));
  BOOST_TEST(!ehlo.offers_auth("PLAIN"));
  BOOST_TEST(ehlo.other == std::vector<std::string>{"XRDST"}, boost::test_tools::per_element());
}

// Q262945.
BOOST_AUTO_TEST_CASE(knows_what_exchange_5_5_offers) {
  const Ehlo ehlo = parse({"server2.COMPANY2.COM Hello [server2]", "XEXCH50", "HELP", "ETRN", "DSN", "SIZE 0",
                           "AUTH LOGIN", "AUTH=LOGIN"});
  BOOST_TEST((ehlo.dsn && ehlo.size));
  BOOST_TEST((!ehlo.pipelining && !ehlo.eightbitmime && !ehlo.chunking));
  BOOST_TEST(ehlo.size_limit == 0U);
  BOOST_TEST(ehlo.auth == std::vector<std::string>{"LOGIN"}, boost::test_tools::per_element());
  BOOST_TEST(!ehlo.offers_auth("NTLM"));
  BOOST_TEST(ehlo.other == (std::vector<std::string>{"XEXCH50", "HELP", "ETRN"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(keeps_xauth_apart_from_auth) {
  for (const std::string_view line : {"XAUTH NTLM", "xauth=ntlm", "XAUTH  NTLM  NTLM "}) {
    const Ehlo ehlo = parse({"old.example", std::string(line)});
    BOOST_TEST(ehlo.offers_xauth("NTLM"), line);
    BOOST_TEST(!ehlo.offers_auth("NTLM"));
    BOOST_TEST(ehlo.xauth.size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(takes_both_spellings_of_auth_once) {
  const Ehlo ehlo = parse({"h", "AUTH=LOGIN PLAIN", "AUTH login\tNTLM", "auth"});
  BOOST_TEST(ehlo.auth == (std::vector<std::string>{"LOGIN", "PLAIN", "NTLM"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(takes_an_unusable_size_as_no_limit) {
  for (const std::string_view line :
       {"SIZE", "SIZE x", "SIZE 1x", "SIZE -1", "SIZE 99999999999999999999999"}) {
    const Ehlo ehlo = parse({"h", std::string(line)});
    BOOST_TEST(ehlo.size, line);
    BOOST_TEST(ehlo.size_limit == 0U, line);
  }
}

BOOST_AUTO_TEST_CASE(does_not_act_on_similar_words) {
  const Ehlo ehlo = parse({"AUTH NTLM", "STARTTLSX", "XAUTHX NTLM", "AUTHNTLM", "X AUTH NTLM", ""});
  BOOST_TEST(!ehlo.starttls);
  BOOST_TEST((ehlo.auth.empty() && ehlo.xauth.empty()));
  BOOST_TEST(ehlo.other.size() == 5U);
}

BOOST_AUTO_TEST_CASE(offers_nothing_without_lines) {
  const Ehlo ehlo = parse({});
  BOOST_TEST((ehlo.greeting.empty() && ehlo.auth.empty() && ehlo.other.empty()));
}

BOOST_AUTO_TEST_SUITE_END()

#include "outbound/relayed_notice.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::relay;

namespace {

std::string notice_for(std::string_view mail, std::string_view rcpt) {
  return format_relayed_notice(
      {*smtp::parse_mail(mail), *smtp::parse_rcpt(rcpt), "mx.partner.example[192.0.2.7]", "7f3a.1"},
      "alpha.example", 1795284000);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relayed_notice)

BOOST_AUTO_TEST_CASE(has_the_fields_of_rfc_3464) {
  const auto text = notice_for("FROM:<joe@alpha.example> ENVID=QQ+2B1",
                               "TO:<anna@partner.example> ORCPT=rfc822;a+2Bb@c.example");
  for (const char* line :
       {"To: <joe@alpha.example>\r\n", "Content-Type: multipart/report; report-type=delivery-status;",
        "Reporting-MTA: dns; alpha.example\r\n", "Original-Envelope-Id: QQ+1\r\n",
        "Original-Recipient: rfc822; a+b@c.example\r\n", "Final-Recipient: rfc822; anna@partner.example\r\n",
        "Action: relayed\r\n", "Status: 2.0.0\r\n", "Remote-MTA: dns; mx.partner.example\r\n"})
    BOOST_TEST(has(text, line), line);
}

BOOST_AUTO_TEST_CASE(decoded_xtext_cannot_add_a_field) {
  const auto text = notice_for("FROM:<joe@alpha.example> ENVID=x+0D+0AX-Forged:+20y",
                               "TO:<anna@partner.example> ORCPT=rfc822;x+0D+0AAction:+20failed");
  BOOST_TEST(!has(text, "\r\nX-Forged"));
  BOOST_TEST(!has(text, "\r\nAction: failed"));
}

BOOST_AUTO_TEST_CASE(holds_no_line_that_ends_the_message_early) {
  const auto text = notice_for("FROM:<joe@alpha.example>", "TO:<.@partner.example>");
  BOOST_TEST(!has(text, "\r\n."));
}

BOOST_AUTO_TEST_SUITE_END()

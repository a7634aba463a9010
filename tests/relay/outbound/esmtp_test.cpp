#include "outbound/esmtp.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::relay;

namespace {

smtp::Envelope mail(std::string_view argument) {
  return *smtp::parse_mail(argument);
}
smtp::Envelope rcpt(std::string_view argument) {
  return *smtp::parse_rcpt(argument);
}

smtp::Ehlo everything() {
  smtp::Ehlo offers;
  offers.size = offers.eightbitmime = offers.smtputf8 = offers.dsn = true;
  return offers;
}

std::string sent(const Fitted& fitted) {
  return smtp::format_envelope("MAIL FROM:", fitted.envelope);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(esmtp)

BOOST_AUTO_TEST_CASE(passes_all_parameters_that_are_offered) {
  const auto fitted = fit_mail(mail("FROM:<a@b.example> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x"),
                               everything(), "", "");
  BOOST_TEST(!fitted.refusal);
  BOOST_TEST(sent(fitted) == "MAIL FROM:<a@b.example> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x");
}

BOOST_AUTO_TEST_CASE(drops_what_a_bare_next_hop_does_not_know) {
  const auto fitted =
      fit_mail(mail("FROM:<a@b.example> SIZE=5 BODY=7BIT RET=HDRS ENVID=x AUTH=<>"), smtp::Ehlo(), "", "");
  BOOST_TEST(!fitted.refusal);
  BOOST_TEST(sent(fitted) == "MAIL FROM:<a@b.example>");
}

struct Refusal {
  const char* argument;
  int code;
  const char* status;
};

BOOST_AUTO_TEST_CASE(refuses_what_the_next_hop_cannot_carry) {
  smtp::Ehlo offers;
  offers.size = true;
  offers.size_limit = 100;
  for (const Refusal& want : {Refusal{"FROM:<a@b.example> SIZE=101", 552, "5.3.4"},
                              Refusal{"FROM:<a@b.example> BODY=8bitmime", 554, "5.6.3"},
                              Refusal{"FROM:<a@b.example> SMTPUTF8", 550, "5.6.7"}}) {
    const auto fitted = fit_mail(mail(want.argument), offers, "mx.partner.example[192.0.2.7]", "domains:3");
    BOOST_REQUIRE(fitted.refusal);
    BOOST_TEST(fitted.refusal->code == want.code);
    BOOST_TEST(fitted.refusal->status == want.status);
    BOOST_TEST(fitted.refusal->lines.front().find("mx.partner.example[192.0.2.7]") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(takes_a_size_up_to_the_limit) {
  smtp::Ehlo offers;
  offers.size = true;
  offers.size_limit = 100;
  BOOST_TEST(!fit_mail(mail("FROM:<a@b.example> SIZE=100"), offers, "", "").refusal);
  offers.size_limit = 0;
  BOOST_TEST(!fit_mail(mail("FROM:<a@b.example> SIZE=100000"), offers, "", "").refusal);
}

BOOST_AUTO_TEST_CASE(owes_a_relayed_notice_only_for_success_without_dsn) {
  BOOST_TEST(fit_rcpt(rcpt("TO:<a@b.example> NOTIFY=FAILURE,success"), smtp::Ehlo()).relayed_notice);
  BOOST_TEST(!fit_rcpt(rcpt("TO:<a@b.example> NOTIFY=FAILURE"), smtp::Ehlo()).relayed_notice);
  BOOST_TEST(!fit_rcpt(rcpt("TO:<a@b.example> NOTIFY=NEVER"), smtp::Ehlo()).relayed_notice);
  BOOST_TEST(!fit_rcpt(rcpt("TO:<a@b.example>"), smtp::Ehlo()).relayed_notice);
  BOOST_TEST(!fit_rcpt(rcpt("TO:<a@b.example> NOTIFY=SUCCESS"), everything()).relayed_notice);
}

BOOST_AUTO_TEST_SUITE_END()

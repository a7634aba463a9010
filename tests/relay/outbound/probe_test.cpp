// What a failed probe says to the administrator.
#include "outbound/probe.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::relay;
using Reason = Failure::Reason;

namespace {

Finding finding(Reason reason) {
  policy::DomainRule rule;
  rule.account = "PARTNER\\alpha";
  return explain_to_administrator({Failure::Kind::protection, reason, "7.4", "mx said so"}, rule);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(probe)

BOOST_AUTO_TEST_CASE(the_words_of_the_failure_are_always_in_the_verdict) {
  for (int reason = 0; reason <= static_cast<int>(Reason::out_of_step); ++reason)
    BOOST_TEST(has(finding(static_cast<Reason>(reason)).verdict, "mx said so"));
}

BOOST_AUTO_TEST_CASE(a_refused_login_is_a_wrong_password_and_holds_the_account) {
  const auto refused = finding(Reason::login_refused);
  BOOST_TEST(refused.verdict.starts_with("wrong password"));
  BOOST_TEST(has(refused.mend, "smtpseal holds lift 'PARTNER\\alpha'"));
  BOOST_TEST(has(finding(Reason::held).mend, "smtpseal holds lift 'PARTNER\\alpha'"));
}

BOOST_AUTO_TEST_CASE(what_can_be_done_is_said) {
  BOOST_TEST(finding(Reason::no_credential).mend == "smtpseal credential set 'PARTNER\\alpha'");
  BOOST_TEST(finding(Reason::too_weak).verdict.starts_with("too weak"));
  BOOST_TEST(finding(Reason::dns).verdict.starts_with("no host to deliver to"));
  BOOST_TEST(finding(Reason::connect).verdict.starts_with("no host of it can be reached"));
  BOOST_TEST(has(finding(Reason::tls).mend, "tls="));
}

BOOST_AUTO_TEST_SUITE_END()

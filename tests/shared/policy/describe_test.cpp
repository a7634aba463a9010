#include "smtpseal/policy/describe.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace smtpseal::policy;

namespace {

constexpr const char* kDomains =
    "partner.example   seal account=A\\B\n"
    ".partner.example  seal account=A\\B profile=exchange-5.5 strength=40 inbound=require inbound_account=P\n"
    "exempt.example    none\n"
    "bound.example     none inbound=require mode=report\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(describe_decisions)

BOOST_AUTO_TEST_CASE(names_route_rule_and_place) {
  const auto set = test::policy_set(kDomains);
  BOOST_TEST(
      describe(set, "anna@partner.example") ==
      "mail to it is through the relay: partner.example is listed as partner.example, to be sealed with at "
      "least 128 bit as A\\B (domains:1)");
  BOOST_TEST(test::contains(describe(set, "anna@unlisted.example"), "left to the mail server's own route"));
  BOOST_TEST(test::contains(describe(set, "anna@exempt.example"), "(domains:3)"));
  BOOST_TEST(test::contains(describe(set, "anna%partner.example@exempt.example"),
                            "refused by the relay (550 5.1.3)"));
}

BOOST_AUTO_TEST_CASE(says_what_is_weak_and_what_is_asked_of_incoming_mail) {
  const auto text = describe(test::policy_set(kDomains), "anna@sub.partner.example");
  BOOST_TEST(test::contains(text, "(domains:2)"), text);
  BOOST_TEST(test::contains(text, "weak: "), text);
  BOOST_TEST(test::contains(text, "mail from it must arrive sealed with at least 40 bit, by account P"),
             text);
  const auto bound = describe(test::policy_set(kDomains), "anna@bound.example");
  BOOST_TEST(test::contains(bound, "by an account bound to the domain (mode=report: only reported)"), bound);
}

BOOST_AUTO_TEST_SUITE_END()

#include "outbound/login.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::relay;
using policy::Profile;

namespace {

policy::DomainRule rule_with(Profile profile, policy::Level level = policy::Level::seal,
                             unsigned strength = 128) {
  policy::DomainRule rule;
  rule.level = level;
  rule.profile = profile;
  rule.strength = strength;
  return rule;
}

smtp::Ehlo offers(std::vector<std::string> lines) {
  smtp::Reply reply(250, "", "mx.partner.example");
  reply.lines.insert(reply.lines.end(), lines.begin(), lines.end());
  return smtp::parse_ehlo(reply);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(login)

BOOST_AUTO_TEST_CASE(modern_needs_auth_ntlm_to_be_offered) {
  BOOST_TEST(!cannot_log_in(rule_with(Profile::modern), offers({"AUTH LOGIN NTLM"})));
  BOOST_TEST(!cannot_log_in(rule_with(Profile::modern), offers({"AUTH=NTLM"})));
  BOOST_TEST(cannot_log_in(rule_with(Profile::modern), offers({"AUTH LOGIN"})).has_value());
  BOOST_TEST(cannot_log_in(rule_with(Profile::modern), offers({})).has_value());
}

BOOST_AUTO_TEST_CASE(exchange_55_is_tried_without_an_offer) {
  BOOST_TEST(!cannot_log_in(rule_with(Profile::exchange_55), offers({"AUTH LOGIN", "AUTH=LOGIN"})));
}

BOOST_AUTO_TEST_CASE(exchange_50_needs_xauth) {
  BOOST_TEST(!cannot_log_in(rule_with(Profile::exchange_50), offers({"XAUTH NTLM"})));
  BOOST_TEST(cannot_log_in(rule_with(Profile::exchange_50), offers({"AUTH NTLM"})).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

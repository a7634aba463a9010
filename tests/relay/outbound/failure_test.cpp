#include "outbound/failure.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::relay;
using Kind = Failure::Kind;

namespace {

smtp::Reply reply_for(Kind kind, policy::OnFailure on_failure) {
  policy::DomainRule rule;
  rule.level = policy::Level::seal;
  rule.on_failure = on_failure;
  rule.origin = {"/etc/smtpseal/domains", 12};
  policy::Decision decision;
  decision.domain = "partner.example";
  decision.rule = &rule;
  return to_reply({kind, Failure::Reason::auth_not_offered, "7.4", "no AUTH"}, decision);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failure)

BOOST_AUTO_TEST_CASE(names_domain_rule_and_reason) {
  const auto reply = reply_for(Kind::protection, policy::OnFailure::defer);
  BOOST_TEST(reply.one_line() ==
             "451 4.7.4 partner.example (rule /etc/smtpseal/domains:12 requires seal): no AUTH; nothing of "
             "the message left in clear");
}

BOOST_AUTO_TEST_CASE(code_and_status_agree_in_class) {
  for (const auto kind : {Kind::temporary, Kind::protection, Kind::permanent})
    for (const auto on_failure : {policy::OnFailure::defer, policy::OnFailure::bounce}) {
      const auto reply = reply_for(kind, on_failure);
      BOOST_TEST(reply.status.front() == static_cast<char>('0' + reply.code / 100));
    }
}

BOOST_AUTO_TEST_CASE(bounces_a_broken_rule_only_where_the_rule_says_so) {
  BOOST_TEST(reply_for(Kind::protection, policy::OnFailure::bounce).is_permanent());
  BOOST_TEST(reply_for(Kind::protection, policy::OnFailure::defer).is_temporary());
}

BOOST_AUTO_TEST_CASE(never_bounces_for_a_network_failure) {
  BOOST_TEST(reply_for(Kind::temporary, policy::OnFailure::bounce).is_temporary());
}

BOOST_AUTO_TEST_SUITE_END()

#include "inbound/network_rules.hpp"

#include <boost/test/unit_test.hpp>

#include "smtpseal/daemon/daemon.hpp"

using namespace smtpseal;
using namespace smtpseal::relay;
using boost::asio::ip::make_address;

BOOST_AUTO_TEST_SUITE(network_rules)

BOOST_AUTO_TEST_CASE(asks_nothing_by_default) {
  BOOST_TEST((NetworkRules({}).find(make_address("192.0.2.1")).demand == Demand::any));
}

BOOST_AUTO_TEST_CASE(lets_the_longest_prefix_win) {
  const NetworkRules rules(
      {"0.0.0.0/0 auth", "192.0.2.128/25 seal", "192.0.2.0/24 any", "2001:db8::/32 seal"});
  const std::vector<std::pair<const char*, Demand>> cases{
      {"198.51.100.1", Demand::auth},      {"192.0.2.1", Demand::any},    {"192.0.2.127", Demand::any},
      {"192.0.2.128", Demand::seal},       {"2001:db8::1", Demand::seal}, {"2001:db9::1", Demand::any},
      {"::ffff:192.0.2.200", Demand::seal}};
  for (const auto& [address, want] : cases)
    BOOST_TEST((rules.find(make_address(address)).demand == want), address);
}

BOOST_AUTO_TEST_CASE(names_the_rule_that_won) {
  BOOST_TEST(NetworkRules({"192.0.2.0/24 seal"}).find(make_address("192.0.2.9")).rule == "192.0.2.0/24 seal");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_rule) {
  for (const char* bad : {"", "192.0.2.0/24", "192.0.2.0/24 ", "192.0.2.0/24 maybe", "192.0.2.0/33 seal",
                          "seal", "host seal", "192.0.2.0 seal extra", "2001:db8::/129 any"})
    BOOST_CHECK_THROW(NetworkRules({bad}), daemon::StartupError);
}

BOOST_AUTO_TEST_CASE(no_identity_satisfies_only_any) {
  const session::SessionSecurity plain;
  BOOST_TEST(satisfies(plain, Demand::any));
  BOOST_TEST(!satisfies(plain, Demand::auth));
  BOOST_TEST(!satisfies(plain, Demand::seal));
}

BOOST_AUTO_TEST_CASE(authentication_alone_is_no_seal) {
  session::SessionSecurity security;
  security.protection = session::Protection::authenticated;
  security.account = "PARTNER";
  BOOST_TEST(satisfies(security, Demand::auth));
  BOOST_TEST(!satisfies(security, Demand::seal));
  security.protection = session::Protection::sealed;
  BOOST_TEST(satisfies(security, Demand::seal));
}

BOOST_AUTO_TEST_SUITE_END()

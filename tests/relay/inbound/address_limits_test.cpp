#include "inbound/address_limits.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::relay;
using boost::asio::ip::make_address;
using smtpseal::daemon::Clock;
using smtpseal::daemon::Seconds;

BOOST_AUTO_TEST_SUITE(address_limits)

BOOST_AUTO_TEST_CASE(gives_each_address_its_share_of_sessions) {
  AddressLimits limits(2, 5, Seconds(60));
  const auto one = make_address("192.0.2.1"), other = make_address("192.0.2.2");
  BOOST_TEST(limits.open(one));
  BOOST_TEST(limits.open(one));
  BOOST_TEST(!limits.open(one));
  BOOST_TEST(limits.open(other));
  limits.close(one, Clock::time_point());
  BOOST_TEST(limits.open(one));
}

BOOST_AUTO_TEST_CASE(counts_an_ipv6_network_as_one) {
  AddressLimits limits(1, 5, Seconds(60));
  BOOST_TEST(limits.open(make_address("2001:db8:1:2::1")));
  BOOST_TEST(!limits.open(make_address("2001:db8:1:2:ffff::9")));
  BOOST_TEST(limits.open(make_address("2001:db8:1:3::1")));
}

BOOST_AUTO_TEST_CASE(stops_logins_after_too_many_failures_until_time_has_passed) {
  AddressLimits limits(10, 2, Seconds(60));
  const auto client = make_address("192.0.2.1");
  const Clock::time_point start{};
  limits.login_failed(client, start);
  BOOST_TEST(limits.may_log_in(client, start));
  limits.login_failed(client, start);
  BOOST_TEST(!limits.may_log_in(client, start + Seconds(59)));
  BOOST_TEST(limits.may_log_in(client, start + Seconds(60)));
}

BOOST_AUTO_TEST_CASE(remembers_failures_across_sessions) {
  AddressLimits limits(10, 1, Seconds(60));
  const auto client = make_address("192.0.2.1");
  BOOST_TEST(limits.open(client));
  limits.login_failed(client, Clock::time_point());
  limits.close(client, Clock::time_point());
  BOOST_TEST(!limits.may_log_in(client, Clock::time_point()));
}

BOOST_AUTO_TEST_SUITE_END()

#include "outbound/route.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using namespace smtpseal::relay;

BOOST_AUTO_TEST_SUITE(route)

BOOST_AUTO_TEST_CASE(tries_hosts_by_preference) {
  const auto names = order_mx({{20, "b.example"}, {10, "a.example"}, {30, "c.example"}}, "mx.example.org", 1);
  BOOST_TEST(names == (std::vector<std::string>{"a.example", "b.example", "c.example"}));
}

BOOST_AUTO_TEST_CASE(puts_equal_preferences_in_random_order) {
  std::set<std::string> first;
  for (std::uint32_t seed = 0; seed < 64; ++seed)
    first.insert(order_mx({{10, "a"}, {10, "b"}}, "own", seed).front());
  BOOST_TEST(first.size() == 2U);
}

BOOST_AUTO_TEST_CASE(leaves_out_this_host_and_what_is_not_preferred_over_it) {
  const auto names = order_mx({{10, "a"}, {20, "Own.Example"}, {20, "b"}, {30, "c"}}, "own.example", 7);
  BOOST_TEST(names == (std::vector<std::string>{"a"}));
}

BOOST_AUTO_TEST_CASE(finds_a_loop_where_this_host_is_the_best) {
  BOOST_TEST(order_mx({{10, "own.example"}, {20, "b"}}, "own.example", 7).empty());
}

BOOST_AUTO_TEST_CASE(ignores_a_null_mx_beside_real_ones) {
  const auto names = order_mx({{0, ""}, {10, "a"}}, "own.example", 7);
  BOOST_TEST(names == (std::vector<std::string>{"a"}));
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/daemon/once_a_minute.hpp"

#include <boost/test/unit_test.hpp>

using smtpseal::daemon::OnceAMinute;

BOOST_AUTO_TEST_SUITE(once_a_minute)

BOOST_AUTO_TEST_CASE(is_due_at_first_and_after_each_minute) {
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  const std::chrono::steady_clock::time_point start{};
  OnceAMinute warning;
  BOOST_TEST(warning.is_due(start));
  BOOST_TEST(!warning.is_due(start));
  BOOST_TEST(!warning.is_due(start + minutes(1) - milliseconds(1)));
  BOOST_TEST(warning.is_due(start + minutes(1)));
  BOOST_TEST(!warning.is_due(start + minutes(1)));
  BOOST_TEST(warning.is_due(start + minutes(60)));
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/time_text.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <ctime>
#include <limits>

namespace smtpseal {

BOOST_AUTO_TEST_SUITE(time_text_test)

BOOST_AUTO_TEST_CASE(times_in_logs_are_utc) {
  BOOST_TEST(utc_time_text(0) == "1970-01-01T00:00:00Z");
  BOOST_TEST(utc_time_text(1764528000) == "2025-11-30T18:40:00Z");
  BOOST_TEST(utc_time_text(std::numeric_limits<std::int64_t>::max()) == "?");
}

BOOST_AUTO_TEST_CASE(times_for_people_are_those_of_the_host) {
  const char* before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("TZ", "XXX-2", 1);
  ::tzset();
  BOOST_TEST(local_time_text(1764528000) == "2025-11-30 20:40:00");
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", kept.c_str(), 1);
  ::tzset();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smtpseal

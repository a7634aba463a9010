#include "../../../shared/src/config/nearest.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>

namespace smtpseal::config {
namespace {

constexpr std::array kKnown{
    Param{"relay.line_limit", Type::count, "1", 1, 1, ""},
    Param{"relay.data_line_limit", Type::count, "1", 1, 1, ""},
    Param{"log.level", Type::count, "1", 1, 1, ""},
};

BOOST_AUTO_TEST_SUITE(config_nearest)

BOOST_AUTO_TEST_CASE(the_name_with_the_fewest_changes_is_meant) {
  const std::pair<const char*, const char*> cases[] = {
      {"relay.lime_limit", "relay.line_limit"},
      {"relay.data_line_limt", "relay.data_line_limit"},
      {"log.levle", "log.level"},
      {"level", "log.level"},
      {"lg.level", "log.level"},
      {"", ""},
      {"entirely.different", ""},
      {"logs", ""},
  };
  for (const auto& [name, wanted] : cases) BOOST_TEST(nearest_name(name, kKnown) == wanted, name);
}

BOOST_AUTO_TEST_CASE(a_name_of_any_length_is_answered_at_once) {
  BOOST_TEST(nearest_name(std::string(10000000, 'a'), kKnown) == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::config

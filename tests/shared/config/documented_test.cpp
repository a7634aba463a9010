// docs/parameters.md against the one declaration of the parameters.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "smtpseal/config/params.hpp"

using namespace smtpseal::config;

namespace {

// The table row of one parameter in its section; empty where there is none.
std::string row_of(const std::string& manual, std::string_view name) {
  const auto dot = name.find('.');
  const auto section = manual.find("## [" + std::string(name.substr(0, dot)) + "]");
  if (section == std::string::npos) return {};
  const auto row = manual.find("\n| `" + std::string(name.substr(dot + 1)) + "` |", section);
  const auto next_section = manual.find("\n## ", section);
  if (row == std::string::npos || row > next_section) return {};
  return manual.substr(row + 1, manual.find('\n', row + 1) - row - 1);
}

std::string read_manual() {
  std::ifstream file(SMTPSEAL_TEST_DATA "/../docs/parameters.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(documented_parameters)

BOOST_AUTO_TEST_CASE(every_parameter_is_in_the_manual_as_declared) {
  const std::string manual = read_manual();
  BOOST_REQUIRE(!manual.empty());
  for (const Param& param : all_params()) {
    const std::string row = row_of(manual, param.name);
    BOOST_TEST(!row.empty(), param.name << " is not in docs/parameters.md");
    BOOST_TEST(row.find(param.explanation) != std::string::npos,
               param.name << " is explained otherwise: " << row);
    const std::string shown =
        param.default_value.empty() ? "empty" : "`" + std::string(param.default_value) + "`";
    BOOST_TEST(row.find("| " + shown + " |") != std::string::npos,
               param.name << " has another default: " << row);
  }
}

BOOST_AUTO_TEST_CASE(the_manual_has_no_parameter_that_does_not_exist) {
  const std::string manual = read_manual();
  std::size_t rows = 0;
  for (std::size_t at = manual.find("\n| `"); at != std::string::npos; at = manual.find("\n| `", at + 1))
    ++rows;
  BOOST_TEST(rows == all_params().size());
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/config/params.hpp"

#include <sys/stat.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <set>

#include "../policy/fixture.hpp"

namespace smtpseal::config {
namespace {

using policy::test::contains;

constexpr std::array kKnown{
    Param{"log.level", Type::choice, "info", 0, 0, "Level.", "debug|info|error"},
    Param{"relay.hostname", Type::text, "", 0, 10, "Name."},
    Param{"relay.wait", Type::seconds, "30s", 1, 7200, "Wait."},
    Param{"relay.line_limit", Type::bytes, "2048", 1000, 65536, "Line."},
    Param{"relay.client_limit", Type::count, "50", 1, 100, "Clients."},
    Param{"relay.enabled", Type::flag, "true", 0, 0, "Enabled."},
    Param{"relay.listen", Type::list, "[\"unix:/run/x\"]", 0, 2, "Sockets."},
};

Load load(const std::string& toml) {
  return load_text(toml, "smtpseal.toml", kKnown);
}

Values good(const std::string& toml) {
  auto result = load(toml);
  for (const auto& problem : result.problems) BOOST_ERROR(problem.message());
  BOOST_REQUIRE(result.values.has_value());
  return std::move(*result.values);
}

BOOST_AUTO_TEST_SUITE(config_params)

BOOST_AUTO_TEST_CASE(an_empty_file_means_the_defaults) {
  const auto values = good("");
  BOOST_TEST(values.text("log.level") == "info");
  BOOST_TEST(values.text("relay.hostname") == "");
  BOOST_TEST(values.number("relay.wait") == 30);
  BOOST_TEST(values.number("relay.line_limit") == 2048);
  BOOST_TEST(values.number("relay.client_limit") == 50);
  BOOST_TEST(values.flag("relay.enabled"));
  BOOST_TEST(values.list("relay.listen") == std::vector<std::string>{"unix:/run/x"});
  for (const auto& param : kKnown) BOOST_TEST(values.is_default(param.name));
}

BOOST_AUTO_TEST_CASE(values_are_taken_in_every_form) {
  const auto values = good(
      "[log]\nlevel = \"debug\"\n[relay]\nhostname = 'mx'\nwait = \"2h\"\nline_limit = \"64K\"\nclient_limit "
      "= 7\nenabled = false\n"
      "listen = [\"a\", \"b\"]\n");
  BOOST_TEST(values.text("log.level") == "debug");
  BOOST_TEST(values.text("relay.hostname") == "mx");
  BOOST_TEST(values.number("relay.wait") == 7200);
  BOOST_TEST(values.number("relay.line_limit") == 65536);
  BOOST_TEST(values.number("relay.client_limit") == 7);
  BOOST_TEST(!values.flag("relay.enabled"));
  BOOST_TEST(values.list("relay.listen") == (std::vector<std::string>{"a", "b"}));
  BOOST_TEST(!values.is_default("relay.wait"));
  BOOST_TEST(good("relay.wait = \"5m\"\n").number("relay.wait") == 300);
  BOOST_TEST(good("relay.wait = 45\n").number("relay.wait") == 45);
  BOOST_TEST(good("relay.line_limit = 1000\n").number("relay.line_limit") == 1000);
  BOOST_TEST(good("relay.listen = []\n").list("relay.listen").empty());
  BOOST_TEST(!good("log.level = \"info\"\n").is_default("log.level"));
}

struct Refusal {
  std::string line;
  std::string wanted;
};

BOOST_AUTO_TEST_CASE(a_bad_value_is_told_with_line_name_value_and_what_is_allowed) {
  const Refusal cases[] = {
      {"log.level = \"loud\"", "log.level = \"loud\": allowed is one of debug|info|error"},
      {"log.level = \"debug|info\"", "allowed is one of"},
      {"log.level = \"\"", "allowed is one of"},
      {"log.level = 1", "log.level = 1: allowed is one of"},
      {"relay.hostname = \"eleven-long\"", "allowed is a text of 0 to 10 octets"},
      {"relay.hostname = \"a\\nb\"", "relay.hostname: allowed is a text"},
      {"relay.hostname = true", "relay.hostname = true: allowed is a text"},
      {"relay.wait = \"0s\"", "relay.wait = \"0s\": allowed is 1 to 7200 seconds"},
      {"relay.wait = 7201", "allowed is 1 to 7200 seconds"},
      {"relay.wait = \"3h\"", "allowed is 1 to 7200 seconds"},
      {"relay.wait = \"-1s\"", "allowed is 1 to 7200 seconds"},
      {"relay.wait = \"1d\"", "allowed is 1 to 7200 seconds"},
      {"relay.wait = \"1 s\"", "allowed is 1 to 7200 seconds"},
      {"relay.wait = \"s\"", "allowed is 1 to 7200 seconds"},
      {"relay.wait = \"\"", "allowed is 1 to 7200 seconds"},
      {"relay.wait = 1.5", "relay.wait: allowed is 1 to 7200 seconds"},
      {"relay.wait = \"9223372036854775807h\"", "allowed is 1 to 7200 seconds"},
      {"relay.wait = \"99999999999999999999\"", "allowed is 1 to 7200 seconds"},
      {"relay.line_limit = \"1M\"", "allowed is 1000 to 65536 octets"},
      {"relay.line_limit = \"64k\"", "allowed is 1000 to 65536 octets"},
      {"relay.line_limit = -5", "relay.line_limit = -5: allowed is"},
      {"relay.client_limit = 101", "relay.client_limit = 101: allowed is a number from 1 to 100"},
      {"relay.client_limit = \"7\"", "allowed is a number"},
      {"relay.client_limit = 0", "allowed is a number"},
      {"relay.enabled = \"yes\"", "allowed is true or false"},
      {"relay.enabled = 1", "allowed is true or false"},
      {"relay.listen = \"a\"", "allowed is a list of 0 to 2 texts"},
      {"relay.listen = [\"a\", \"b\", \"c\"]", "relay.listen = [3 elements]: allowed is a list"},
      {"relay.listen = [1]", "allowed is a list"},
      {"relay.listen = [\"a\", [\"b\"]]", "allowed is a list"},
      {"relay.listen = [\"a\\u0000\"]", "allowed is a list"},
      {"relay.line_limit.x = 1", "allowed is 1000 to 65536 octets"},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.line) {
      const auto result = load("# comment\n\n" + c.line + "\n");
      BOOST_TEST(!result.values);
      BOOST_TEST_REQUIRE(result.problems.size() == 1U);
      BOOST_TEST(result.problems[0].origin.text() == "smtpseal.toml:3");
      BOOST_TEST(contains(result.problems[0].text, c.wanted), result.problems[0].text);
    }
  }
}

BOOST_AUTO_TEST_CASE(unknown_names_are_refused_with_the_name_that_was_meant) {
  const Refusal cases[] = {
      {"relay.linelimit = 1", "unknown parameter relay.linelimit; did you mean relay.line_limit?"},
      {"relay.line-limit = 1", "did you mean relay.line_limit?"},
      {"line_limit = 1", "did you mean relay.line_limit?"},
      {"log.line_limit = 1", "did you mean relay.line_limit?"},
      {"realy.wait = 1", "did you mean relay.wait?"},
      {"relay.Enabled = true", "did you mean relay.enabled?"},
      {"relay.something_else = 1", "'smtpseal config show' lists all of them"},
      {"\"relay.wait\" = 0", "did you mean"},
      {"x = 1", "unknown parameter x; 'smtpseal config show' lists"},
      {"\"a\\nb\" = 1", "(not printable)"},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.line) {
      const auto result = load("\n" + c.line);
      BOOST_TEST(!result.values);
      BOOST_TEST_REQUIRE(result.problems.size() == 1U);
      BOOST_TEST(result.problems[0].origin.line == 2U);
      BOOST_TEST(contains(result.problems[0].text, c.wanted), result.problems[0].text);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_problem_is_told_in_the_order_of_the_file) {
  const auto result = load("[relay]\nwait = 0\nx = 1\nclient_limit = 0\n[log]\nlevel = 1\n");
  BOOST_REQUIRE_EQUAL(result.problems.size(), 4U);
  BOOST_TEST(result.problems[0].origin.line == 2U);
  BOOST_TEST(result.problems[1].origin.line == 3U);
  BOOST_TEST(result.problems[2].origin.line == 4U);
  BOOST_TEST(result.problems[3].origin.line == 6U);
}

BOOST_AUTO_TEST_CASE(what_is_not_toml_is_told_by_line) {
  for (const std::string text :
       {"\n[relay", "\nrelay.wait", "\nrelay.wait = ", "\nrelay.wait = 1\nrelay.wait = 2", "\n\xFF = 1",
        "\n[relay]\n[relay]\nwait=1"}) {
    BOOST_TEST_CONTEXT(text) {
      const auto result = load(text);
      BOOST_TEST(!result.values);
      BOOST_TEST_REQUIRE(result.problems.size() == 1U);
      BOOST_TEST(contains(result.problems[0].text, "not TOML"), result.problems[0].text);
      BOOST_TEST(result.problems[0].origin.line >= 1U);
    }
  }
}

BOOST_AUTO_TEST_CASE(any_cut_of_a_file_is_handled) {
  const std::string text =
      "# c\n[relay]\nwait = \"2h\" # x\nlisten = [\"a\", 'b']\n[log]\nlevel = \"debug\"\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto result = load(text.substr(0, size));
    BOOST_TEST(result.values.has_value() == result.problems.empty());
  }
}

BOOST_AUTO_TEST_CASE(files_are_checked_before_they_are_believed) {
  const policy::test::TemporaryDirectory directory;
  BOOST_TEST(load_file(directory.write("a", "relay.wait = 5\n", 0644), kKnown).values->number("relay.wait") ==
             5);
  BOOST_TEST(!load_file(directory.write("b", "relay.wait = 5\n", 0666), kKnown).values);
  const auto missing = load_file(directory.path("none"), kKnown);
  BOOST_TEST(!missing.values);
  BOOST_REQUIRE_EQUAL(missing.problems.size(), 1U);
  BOOST_TEST(missing.problems[0].origin.text() == directory.path("none"));
}

BOOST_AUTO_TEST_CASE(tells_which_parameters_differ) {
  const auto values = [](const std::string& text) { return std::move(load(text).values.value()); };
  const auto before = values("[relay]\nwait = \"2h\"\nlisten = [\"a\"]\n[log]\nlevel = \"debug\"\n");
  BOOST_TEST(
      before.differences(values("[relay]\nwait = 7200\nlisten = ['a']\n[log]\nlevel = \"debug\"\n")).empty());
  const std::vector<std::string> changed{"log.level", "relay.listen", "relay.wait"};
  BOOST_TEST(before.differences(values("")) == changed, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_declared_parameter_is_sound) {
  const auto values = load_text("", "f", all_params()).values;
  BOOST_REQUIRE(values.has_value());
  std::set<std::string_view> names;
  for (const auto& param : all_params()) {
    BOOST_TEST_CONTEXT(param.name) {
      BOOST_TEST(names.insert(param.name).second);
      BOOST_TEST(param.name.find('.') != std::string_view::npos);
      BOOST_TEST(param.explanation.ends_with('.'));
      BOOST_TEST((param.type == Type::choice) == !param.choices.empty());
      BOOST_TEST(values->is_default(param.name));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::config

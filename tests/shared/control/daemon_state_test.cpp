#include "smtpseal/control/daemon_state.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::control;

namespace {

DaemonState example() {
  return {"smtpseal-relay",
          "0.1.0",
          4711,
          1764528000,
          {1764531600, "3 rules, 1 credential", "/etc/smtpseal/domains:3: no attribute \"a=b\""}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(daemon_state)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  BOOST_TEST((parse_state(format_state(example())) == example()));
  BOOST_TEST((parse_state(format_state({})) == DaemonState()));
}

BOOST_AUTO_TEST_CASE(foreign_text_becomes_harmless) {
  DaemonState state = example();
  state.tables.problem = "a\r\n\x1b[31m\xc3\xa4 b=c";
  const auto text = format_state(state);
  BOOST_TEST(text.find_first_of("\t\r\n\x1b") == std::string::npos);
  BOOST_REQUIRE(parse_state(text));
  BOOST_TEST(parse_state(text)->tables.problem == "a???[31m?? b=c");
}

BOOST_AUTO_TEST_CASE(nothing_but_what_is_written_is_read) {
  const std::string good = format_state(example());
  for (std::size_t size = 0; size < good.find("problem="); ++size)
    BOOST_TEST(!parse_state(good.substr(0, size)), size);
  for (const std::string& bad : {
           good + " more=1",
           good + " ",
           " " + good,
           good + "\n",
           std::string("program=a version=b pid=01 started=1 loaded=1 content= problem="),
           std::string("program=a version=b pid=-1 started=1 loaded=1 content= problem="),
           std::string("program=a version=b pid=1 started=99999999999999999999 loaded=1 content= problem="),
           std::string("program=a version=b started=1 pid=1 loaded=1 content= problem="),
           std::string("program=a version=b pid=1 started=1 loaded=1 content= problem=+0A"),
           std::string("program=a version=b pid=1 started=1 loaded=1 content= problem=+4a"),
       })
    BOOST_TEST(!parse_state(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/control/figures.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

using namespace smtpseal::control;

BOOST_AUTO_TEST_SUITE(figures)

BOOST_AUTO_TEST_CASE(families_with_their_samples_are_read) {
  const auto families = parse_figures(
      "# HELP a_total Words, with \"quotes\".\n# TYPE a_total counter\n"
      "a_total{direction=\"in\",way=\"a\\\"b\\\\c\\nd\"} 12\na_total 1.5e3\n"
      "# a comment\n\n"
      "# TYPE t histogram\nt_bucket{le=\"0.5\"} 1\nt_bucket{le=\"+Inf\"} 2\nt_sum 0.75\nt_count 2\n"
      "# TYPE g gauge\ng -0.5\ng +Inf\ng -Inf\ng Nan\n");
  BOOST_REQUIRE(families.has_value());
  BOOST_REQUIRE(families->size() == 3);
  const auto& first = families->front();
  BOOST_TEST(first.name == "a_total");
  BOOST_TEST(first.help == "Words, with \"quotes\".");
  BOOST_TEST(first.type == "counter");
  BOOST_REQUIRE(first.samples.size() == 2);
  BOOST_TEST(first.samples[0].value == 12);
  BOOST_TEST(first.samples[0].label("direction") == "in");
  BOOST_TEST(first.samples[0].label("way") == "a\"b\\c\nd");
  BOOST_TEST(first.samples[0].label("outcome") == "");
  BOOST_TEST(first.samples[1].value == 1500);
  BOOST_TEST((*families)[1].samples.size() == 4);
  const auto& last = families->back().samples;
  BOOST_TEST(last[0].value == -0.5);
  BOOST_TEST(std::isinf(last[1].value));
  BOOST_TEST(last[2].value < 0);
  BOOST_TEST(std::isnan(last[3].value));
}

BOOST_AUTO_TEST_CASE(nothing_is_no_family) {
  BOOST_REQUIRE(parse_figures("").has_value());
  BOOST_TEST(parse_figures("")->empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_in_the_format_is_refused_as_a_whole) {
  for (const auto* bad : {
           "g 1\n",                              // before any type
           "# HELP g words\ng 1\n",              // without a type
           "# TYPE g gauge\ng 1",                // cut off
           "# TYPE g gauge\nh 1\n",              // of another family
           "# TYPE g gauge\ng_sum 1\n",          // only a histogram has one
           "# TYPE t histogram\nt_max 1\n",      // and no such part
           "# TYPE g gauge\ng\n",                // no value
           "# TYPE g gauge\ng \n",               //
           "# TYPE g gauge\ng one\n",            //
           "# TYPE g gauge\ng 1x\n",             //
           "# TYPE g gauge\ng 1 1700000000\n",   // a time stamp
           "# TYPE g gauge\ng{} 1\n",            //
           "# TYPE g gauge\ng{a} 1\n",           //
           "# TYPE g gauge\ng{a=} 1\n",          //
           "# TYPE g gauge\ng{a=\"b} 1\n",       // no end
           "# TYPE g gauge\ng{a=\"b\" 1\n",      //
           "# TYPE g gauge\ng{a=\"b\",} 1\n",    //
           "# TYPE g gauge\ng{a=\"b\\x\"} 1\n",  // no such escape
           "# TYPE g gauge\ng{a=\"b\\",          //
           "# TYPE g gauge\ng{a=\"b\"}1\n",      //
           "# TYPE g\n",
           "# TYPE  gauge\n",
           "# HELP \n",      //
           "Bad Request\n",  //
       })
    BOOST_TEST(!parse_figures(bad), bad);
}

BOOST_AUTO_TEST_CASE(what_a_terminal_would_obey_is_refused) {
  BOOST_TEST(!parse_figures("# TYPE g gauge\ng{a=\"\x1b[2J\"} 1\n"));
  BOOST_TEST(!parse_figures("# HELP g \xc2\x9b\n# TYPE g gauge\ng 1\n"));
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/holds/hold.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::holds;

namespace {

Hold example() {
  return {"PARTNER\\dömain user",
          Kind::refused,
          1764528000,
          1764531600,
          0,
          "mx.partner.example[192.0.2.10]",
          "/etc/smtpseal/domains:3",
          "535 5.7.3 Authentication = unsuccessful + more"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hold)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  for (const Kind kind : {Kind::refused, Kind::unanswered, Kind::begun}) {
    Hold hold = example();
    hold.kind = kind;
    hold.failures = 7;
    BOOST_TEST((parse_hold(format_hold(hold)) == hold));
  }
  Hold empty;
  empty.account = "a";
  BOOST_TEST((parse_hold(format_hold(empty)) == empty));
}

BOOST_AUTO_TEST_CASE(a_hold_is_one_line_without_tabs) {
  BOOST_TEST(format_hold(example()).find_first_of("\t\r\n") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_but_what_is_written_is_read) {
  const std::string good = format_hold(example());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto cut = parse_hold(good.substr(0, size));
    // The reason is the last field, so that a cut within it cannot be seen here; the file has a checksum.
    BOOST_TEST((!cut || size > good.find("reason=")), size);
  }
  for (const char* text : {
           "account= kind=refused since=1 until=2 failures=0 peer= rule= reason=",
           "account=a kind=other since=1 until=2 failures=0 peer= rule= reason=",
           "account=a kind=refused since=01 until=2 failures=0 peer= rule= reason=",
           "account=a kind=refused since=-1 until=2 failures=0 peer= rule= reason=",
           "account=a kind=refused since=1 until=99999999999999999999 failures=0 peer= rule= reason=",
           "account=a kind=refused since=1 until=9223372036854775807 failures=0 peer= rule= reason=",
           "account=a kind=refused until=2 since=1 failures=0 peer= rule= reason=",
           "account=a kind=refused since=1 until=2 failures=0 peer= rule= reason= ",
           "account=a kind=refused since=1 until=2 failures=0 peer= rule= reason= more=1",
           "account=a kind=refused since=1 until=2 failures=0 peer=+0A rule= reason=",
           "account=a kind=refused since=1 until=2 failures=0 peer=+4a rule= reason=",
           "account=a+00 kind=refused since=1 until=2 failures=0 peer= rule= reason=",
           " account=a kind=refused since=1 until=2 failures=0 peer= rule= reason=",
           "",
       })
    BOOST_TEST(!parse_hold(text), text);
}

BOOST_AUTO_TEST_CASE(a_list_is_bounded_and_says_how_many_there_are) {
  BOOST_TEST(format_list({}) == "total=0");
  const std::vector<Hold> two(2, example());
  const auto read = parse_list(format_list(two));
  BOOST_REQUIRE(read);
  BOOST_TEST(read->total == 2U);
  BOOST_TEST((read->holds == two));
  const std::vector<Hold> many(5000, example());
  const std::string text = format_list(many);
  BOOST_TEST(text.size() <= kMaxList);
  const auto some = parse_list(text);
  BOOST_REQUIRE(some);
  BOOST_TEST(some->total == 5000U);
  BOOST_TEST(some->holds.size() > 300U);
}

BOOST_AUTO_TEST_CASE(a_list_that_is_none_is_not_read) {
  const std::string good = format_list(std::vector<Hold>(1, example()));
  for (const std::string& text : {std::string(), std::string("total="), std::string("total=0\t"), good + "\t",
                                  good.substr(1), "\t" + good})
    BOOST_TEST(!parse_list(text), text);
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include "smtpseal/smtp/command.hpp"

using namespace smtpseal::smtp;

BOOST_AUTO_TEST_SUITE(smtp_xtext)

BOOST_AUTO_TEST_CASE(encodes_what_xchar_excludes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"DOUG", "DOUG"},
      {"INTELLINET\\DOUG", "INTELLINET\\DOUG"},
      {"a b", "a+20b"},
      {"a+b=c", "a+2Bb+3Dc"},
      {"\r\n", "+0D+0A"},
      {"\xc3\xa4\x7f", "+C3+A4+7F"},
  };
  for (const auto& [plain, encoded] : cases) {
    BOOST_TEST(to_xtext(plain) == encoded);
    const auto back = from_xtext(encoded);
    BOOST_REQUIRE(back);
    BOOST_TEST(*back == plain);
  }
}

BOOST_AUTO_TEST_CASE(survives_a_round_trip_of_every_octet) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const auto back = from_xtext(to_xtext(all));
  BOOST_REQUIRE(back);
  BOOST_TEST(*back == all);
}

BOOST_AUTO_TEST_CASE(decodes_lower_case_digits) {
  BOOST_TEST(*from_xtext("+c3+a4") == "\xc3\xa4");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_not_xtext) {
  for (const std::string_view text :
       {"+", "+2", "a+2", "+G0", "+0G", "++20", "a b", "a=b", "a\tb", "\xc3\xa4", "a\x7f"}) {
    BOOST_TEST((from_xtext(text).error() == errc::bad_parameter), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

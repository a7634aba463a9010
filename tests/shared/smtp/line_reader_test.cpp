#include "smtpseal/smtp/line_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using smtpseal::ErrorCode;
using smtpseal::smtp::errc;
using smtpseal::smtp::LineReader;
using namespace std::string_view_literals;

namespace {

struct Collected {
  std::vector<std::string> lines;
  ErrorCode error;
  bool partial = false;
};

Collected collect(std::string_view data, std::size_t limit, std::size_t piece) {
  LineReader reader(limit);
  Collected collected;
  while (!data.empty()) {
    std::string_view now = data.substr(0, piece);
    data.remove_prefix(now.size());
    while (!now.empty()) {
      std::size_t consumed = 0;
      const auto line = reader.feed(now, consumed);
      if (!line) {
        collected.error = line.error();
        std::size_t ignored = 0;
        BOOST_TEST((reader.feed("QUIT\r\n", ignored).error() == collected.error));
        return collected;
      }
      BOOST_REQUIRE(*line || consumed == now.size());
      if (*line) collected.lines.emplace_back(**line);
      now.remove_prefix(consumed);
    }
  }
  collected.partial = reader.has_partial_line();
  return collected;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(smtp_line_reader)

BOOST_AUTO_TEST_CASE(cuts_lines_however_they_arrive) {
  const struct {
    std::string_view data;
    std::vector<std::string> lines;
    ErrorCode error;
    bool partial;
  } cases[] = {
      {"", {}, {}, false},
      {"\r\n", {""}, {}, false},
      {"NOOP\r\n", {"NOOP"}, {}, false},
      {"NOOP\r\nQUIT\r\n", {"NOOP", "QUIT"}, {}, false},
      {"NOOP\r\nQU", {"NOOP"}, {}, true},
      {"NOOP\r", {}, {}, true},
      {"12345678\r\n", {"12345678"}, {}, false},
      {"123456789\r\n", {}, errc::line_too_long, false},
      {"1234567890", {}, errc::line_too_long, false},
      {"A\r\n123456789\r\n", {"A"}, errc::line_too_long, false},
      {"A\nB\r\n", {}, errc::stray_line_end, false},
      {"\n", {}, errc::stray_line_end, false},
      {"A\rB\r\n", {}, errc::stray_line_end, false},
      {"A\r\r\n", {}, errc::stray_line_end, false},
      {"A\r\n\n", {"A"}, errc::stray_line_end, false},
      {"A\0B\r\n"sv, {}, errc::nul_octet, false},
      {"A\r\0\n"sv, {}, errc::stray_line_end, false},
      {"\xc3\xa4\t\x7f\r\n", {"\xc3\xa4\t\x7f"}, {}, false},
  };
  for (const auto& test : cases) {
    for (std::size_t piece = 1; piece <= test.data.size() + 1; ++piece) {
      const Collected got = collect(test.data, 10, piece);
      BOOST_TEST(got.lines == test.lines, boost::test_tools::per_element());
      BOOST_TEST((got.error == test.error), got.error.message() << " for " << test.data);
      BOOST_TEST(got.partial == test.partial);
    }
  }
}

BOOST_AUTO_TEST_CASE(says_how_far_it_took) {
  LineReader reader(512);
  std::size_t consumed = 99;
  const auto line = reader.feed("EHLO a\r\nMAIL", consumed);
  BOOST_REQUIRE(line);
  BOOST_REQUIRE(*line);
  BOOST_TEST(**line == "EHLO a");
  BOOST_TEST(consumed == 8U);
  BOOST_TEST(!reader.has_partial_line());
}

BOOST_AUTO_TEST_CASE(applies_a_changed_limit_to_the_line_under_way) {
  LineReader reader(512);
  std::size_t consumed = 0;
  BOOST_REQUIRE(reader.feed(std::string(100, 'x'), consumed));
  reader.set_limit(101);
  BOOST_TEST((reader.feed("x", consumed).error() == errc::line_too_long));

  LineReader longer(10);
  longer.set_limit(12288);
  const auto line = longer.feed(std::string(12286, 'A') + "\r\n", consumed);
  BOOST_REQUIRE(line);
  BOOST_REQUIRE(*line);
  BOOST_TEST((*line)->size() == 12286U);
}

BOOST_AUTO_TEST_CASE(forgets_a_partial_and_a_complete_line) {
  LineReader reader(512);
  std::size_t consumed = 0;
  BOOST_REQUIRE(reader.feed("secr", consumed));
  reader.forget();
  BOOST_TEST(!reader.has_partial_line());
  const auto line = reader.feed("NOOP\r\n", consumed);
  BOOST_REQUIRE(line);
  BOOST_TEST(**line == "NOOP");
  reader.forget();
  BOOST_TEST(!reader.has_partial_line());
  const auto next = reader.feed("QUIT\r\n", consumed);
  BOOST_REQUIRE(next);
  BOOST_TEST(**next == "QUIT");
}

BOOST_AUTO_TEST_SUITE_END()

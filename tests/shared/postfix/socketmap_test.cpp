#include "smtpseal/postfix/socketmap.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace smtpseal::postfix;
using smtpseal::ErrorCode;

namespace {

struct Collected {
  std::vector<std::string> texts;
  ErrorCode error;
};

Collected collect(std::string_view data, std::size_t limit, std::size_t piece) {
  NetstringReader reader(limit);
  Collected collected;
  while (!data.empty()) {
    std::string_view now = data.substr(0, piece);
    data.remove_prefix(now.size());
    while (!now.empty()) {
      std::size_t consumed = 0;
      const auto text = reader.feed(now, consumed);
      if (!text) {
        collected.error = text.error();
        std::size_t ignored = 0;
        BOOST_TEST(!reader.feed("1:a,", ignored));
        return collected;
      }
      BOOST_REQUIRE(*text || consumed == now.size());
      if (*text) collected.texts.emplace_back(**text);
      now.remove_prefix(consumed);
    }
  }
  return collected;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(postfix_socketmap)

BOOST_AUTO_TEST_CASE(collects_netstrings_however_they_arrive) {
  const struct {
    std::string_view data;
    std::vector<std::string> texts;
    ErrorCode error;
  } cases[] = {
      {"", {}, {}},
      {"0:,", {""}, {}},
      {"5:hello,", {"hello"}, {}},
      {"5:hello,3:a,b,", {"hello", "a,b"}, {}},
      {"10:0123456789,", {"0123456789"}, {}},
      {"5:hel", {}, {}},
      {"5:hello", {}, {}},
      {"11:", {}, errc::request_too_long},
      {"99999999999999999999999999:", {}, errc::request_too_long},
      {":", {}, errc::bad_netstring},
      {":,", {}, errc::bad_netstring},
      {"00:,", {}, errc::bad_netstring},
      {"05:hello,", {}, errc::bad_netstring},
      {"5;hello,", {}, errc::bad_netstring},
      {"-1:a,", {}, errc::bad_netstring},
      {" 5:hello,", {}, errc::bad_netstring},
      {"5:hello;", {}, errc::bad_netstring},
      {"5:hello\n", {}, errc::bad_netstring},
      {"1:a,x", {"a"}, errc::bad_netstring},
      {"0:x", {}, errc::bad_netstring},
  };
  for (const auto& test : cases) {
    for (std::size_t piece = 1; piece <= test.data.size() + 1; ++piece) {
      const Collected got = collect(test.data, 10, piece);
      BOOST_TEST(got.texts == test.texts, boost::test_tools::per_element());
      BOOST_TEST((got.error == test.error), test.data << ": " << got.error.message());
    }
  }
}

BOOST_AUTO_TEST_CASE(takes_a_netstring_of_the_greatest_size) {
  const std::string greatest(kMaxSocketmap, 'x');
  for (const std::size_t piece : {std::size_t{4096}, kMaxSocketmap * 2}) {
    const Collected got = collect(to_netstring(greatest) + to_netstring("next"), kMaxSocketmap, piece);
    BOOST_REQUIRE(got.texts.size() == 2U);
    BOOST_TEST(got.texts.front() == greatest);
    BOOST_TEST(got.texts.back() == "next");
  }
}

BOOST_AUTO_TEST_CASE(parses_requests) {
  const auto got = parse_socketmap_request("transport \"a b\"@partner.example");
  BOOST_REQUIRE(got);
  BOOST_TEST(got->map == "transport");
  BOOST_TEST(got->key == "\"a b\"@partner.example");
  BOOST_TEST(parse_socketmap_request("transport ")->key.empty());
  for (const std::string_view text : {"", " ", "transport", " key"}) {
    BOOST_TEST((parse_socketmap_request(text).error() == errc::bad_request), text);
  }
}

BOOST_AUTO_TEST_CASE(formats_requests_as_postfix_does) {
  BOOST_TEST(format_socketmap_request({"transport", "*"}) == "11:transport *,");
}

BOOST_AUTO_TEST_CASE(parses_replies) {
  const struct {
    std::string_view text;
    SocketmapStatus status;
    std::string_view value;
  } cases[] = {
      {"OK smtpseal:unix:x", SocketmapStatus::ok, "smtpseal:unix:x"},
      {"OK a b", SocketmapStatus::ok, "a b"},
      {"OK ", SocketmapStatus::ok, ""},
      {"NOTFOUND ", SocketmapStatus::notfound, ""},
      {"NOTFOUND", SocketmapStatus::notfound, ""},
      {"TEMP map unreadable", SocketmapStatus::temp, "map unreadable"},
      {"TIMEOUT slow", SocketmapStatus::temp, "slow"},
      {"PERM no such map", SocketmapStatus::perm, "no such map"},
  };
  for (const auto& test : cases) {
    const auto got = parse_socketmap_reply(test.text);
    BOOST_REQUIRE_MESSAGE(got, test.text);
    BOOST_TEST((got->status == test.status), test.text);
    BOOST_TEST(got->text == test.value);
  }
  for (const std::string_view text : {"", " ", "ok x", "OKAY x", "NOT FOUND", "TEMPx", " OK x"}) {
    BOOST_TEST((parse_socketmap_reply(text).error() == errc::bad_reply), text);
  }
}

BOOST_AUTO_TEST_CASE(formats_replies_as_postfix_expects_them) {
  BOOST_TEST(format_socketmap_reply({SocketmapStatus::ok, "x:y"}) == "6:OK x:y,");
  BOOST_TEST(format_socketmap_reply({SocketmapStatus::notfound, ""}) == "9:NOTFOUND ,");
  BOOST_TEST(format_socketmap_reply({SocketmapStatus::temp, "no"}) == "7:TEMP no,");
  BOOST_TEST(format_socketmap_reply({SocketmapStatus::perm, "no"}) == "7:PERM no,");
}

BOOST_AUTO_TEST_CASE(keeps_a_reason_to_one_short_line) {
  BOOST_TEST(format_socketmap_reply({SocketmapStatus::temp, "a\r\nb"}) == "9:TEMP a??b,");
  const std::string got = format_socketmap_reply({SocketmapStatus::perm, std::string(5000, 'x')});
  BOOST_TEST(got == to_netstring("PERM " + std::string(kMaxReason, 'x')));
}

BOOST_AUTO_TEST_CASE(turns_a_value_that_no_asker_takes_into_a_failure) {
  const std::string fits(kMaxSocketmap - 3, 'x');
  BOOST_TEST(format_socketmap_reply({SocketmapStatus::ok, fits}) == to_netstring("OK " + fits));
  const std::string got = format_socketmap_reply({SocketmapStatus::ok, fits + "x"});
  BOOST_TEST(got == to_netstring("TEMP value too long for a socketmap reply"));
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/ntlm/text.hpp"

#include <boost/test/unit_test.hpp>
#include <clocale>
#include <string>

#include "hex.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using smtpseal::testing::hex;
using smtpseal::testing::unhex;

BOOST_AUTO_TEST_SUITE(ntlm_text)

BOOST_AUTO_TEST_CASE(unicode_text_goes_there_and_back) {
  struct Row {
    std::string utf8, wire;
  };
  const Row rows[] = {
      {"", ""},
      {"User", "5500730065007200"},
      {"J\xc3\xbcrgen", "4a00fc007200670065006e00"},
      {"\xe2\x82\xac", "ac20"},
      {"\xef\xbf\xbf", "ffff"},
      {"\xf0\x9f\x93\xa7", "3dd8e7dc"},
      {"\xf4\x8f\xbf\xbf", "ffdbffdf"},
  };
  for (const Row& row : rows) {
    const auto wire = encode_text(row.utf8, Charset::unicode);
    BOOST_REQUIRE(wire.has_value());
    BOOST_TEST(hex(*wire) == row.wire);
    BOOST_TEST(decode_text(*wire, Charset::unicode).value() == row.utf8);
  }
}

BOOST_AUTO_TEST_CASE(oem_text_is_ascii) {
  BOOST_TEST(hex(encode_text("DOUG", Charset::oem).value()) == "444f5547");
  BOOST_TEST(decode_text(as_bytes("DOUG"), Charset::oem).value() == "DOUG");
  BOOST_CHECK(encode_text("J\xc3\xbcrgen", Charset::oem).error() == make_error_code(errc::bad_string));
  BOOST_CHECK(decode_text(as_bytes("J\x81rgen"), Charset::oem).error() == make_error_code(errc::bad_string));
}

BOOST_AUTO_TEST_CASE(refuses_malformed_utf8) {
  const std::string bad[] = {
      "\x80",                  // continuation without a start
      "\xc3",                  // cut
      "\xc3(",                 // no continuation
      "\xc0\xaf",              // overlong
      "\xe0\x80\xaf",          //
      "\xf0\x80\x80\xaf",      //
      "\xed\xa0\x80",          // surrogate
      "\xf4\x90\x80\x80",      // beyond the last code point
      "\xf8\x88\x80\x80\x80",  // five octets
      "\xff",
  };
  for (const std::string& text : bad) {
    BOOST_CHECK(encode_text(text, Charset::unicode).error() == make_error_code(errc::bad_string));
    BOOST_CHECK(encode_text("good" + text, Charset::unicode).has_error());
  }
}

BOOST_AUTO_TEST_CASE(refuses_malformed_or_controlling_utf16) {
  const std::string bad[] = {
      "41",        // half a unit
      "410042",    //
      "3dd8",      // high surrogate at the end
      "3dd84100",  // high surrogate before a letter
      "e7dc",      // low surrogate alone
      "3dd83dd8",  // two high surrogates
      "3dd8e7",    // a pair cut
      "0000",      // controls
      "41000a00", "0d00", "1b00", "7f00", "8500", "9b00",
  };
  for (const std::string& wire : bad) {
    BOOST_CHECK(decode_text(unhex(wire), Charset::unicode).error() == make_error_code(errc::bad_string));
  }
}

BOOST_AUTO_TEST_CASE(refuses_controlling_oem) {
  for (unsigned c = 0; c < 256; ++c) {
    const std::array octet{static_cast<std::byte>(c)};
    BOOST_TEST(decode_text(octet, Charset::oem).has_value() == (c >= 0x20 && c < 0x7f));
  }
}

BOOST_AUTO_TEST_CASE(upper_case_does_not_depend_on_the_locale) {
  struct Row {
    std::string lower, upper;
  };
  const Row rows[] = {
      {"user9_x", "USER9_X"},
      {"j\xc3\xbcrgen", "J\xc3\x9cRGEN"},
      {"\xc3\xbf", "\xc5\xb8"},                                                  // to another page
      {"\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\x98\xd0\x92\xd0\x90\xd0\x9d"},  // Cyrillic
      {"stra\xc3\x9f"
       "e",
       "STRA\xc3\x9f"
       "E"},  // one character stays one
      {"\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7"},
  };
  for (const char* locale : {"C", "C.UTF-8"}) {
    BOOST_REQUIRE(std::setlocale(LC_ALL, locale) != nullptr);
    for (const Row& row : rows) {
      Bytes wire = encode_text(row.lower, Charset::unicode).value();
      make_upper_case(wire);
      BOOST_TEST(decode_text(wire, Charset::unicode).value() == row.upper);
    }
  }
  BOOST_REQUIRE(std::setlocale(LC_ALL, "C") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include "smtpseal/smtp/command.hpp"

using namespace smtpseal::smtp;

BOOST_AUTO_TEST_SUITE(smtp_base64)

// RFC 4648 section 10.
BOOST_AUTO_TEST_CASE(agrees_with_the_published_vectors) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xfb\xff", "+/8="},
  };
  for (const auto& [plain, encoded] : cases) {
    BOOST_TEST(to_base64(plain) == encoded);
    const auto back = from_base64(encoded);
    BOOST_REQUIRE(back);
    BOOST_TEST(*back == plain);
  }
}

BOOST_AUTO_TEST_CASE(survives_a_round_trip_of_every_octet_at_every_length) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all.push_back(static_cast<char>(i * 7));
    const auto back = from_base64(to_base64(all));
    BOOST_REQUIRE(back);
    BOOST_TEST(*back == all);
  }
}

// The first token of the transcript in Q262945.
BOOST_AUTO_TEST_CASE(forgives_what_exchange_put_behind_the_last_group) {
  const std::string_view token = "TlRMTVNTUAABAAAAt5IAQAcABwAgAAAAAAAAAAAAAABUSU1EVU1QAAAAAAAAAAAAA=";
  const auto octets = from_base64(token);
  BOOST_REQUIRE(octets);
  BOOST_TEST(octets->size() == 48U);
  BOOST_TEST(octets->substr(0, 8) == std::string_view("NTLMSSP\0", 8));
  BOOST_TEST(octets->substr(32, 7) == "TIMDUMP");
  BOOST_TEST(*from_base64("Zg===") == "f");
  BOOST_TEST(*from_base64("Zm9v=") == "foo");
  BOOST_TEST(*from_base64("Zm9vA=") == "foo");
}

BOOST_AUTO_TEST_CASE(refuses_everything_else) {
  for (const std::string_view text :
       {"=",        "==",     "===",      "====",    "Z",       "Zg",    "Zg=",  "Zm9",
        "Zg====",   "Zg==A=", "Zm9vB=",   "A=",      "Zm9vA==", "Zm9vA", "Z===", "Zm9v=Zm9v",
        "Zg==Zg==", "Zm 9v",  "Zm9v\r\n", "Zm9\x80", "Zm-_",    "Zh==",  "Zm9=", "*"}) {
    BOOST_TEST((from_base64(text).error() == errc::bad_base64), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/holds/secret_mark.hpp"

#include <boost/test/unit_test.hpp>

#include "../ntlm/hex.hpp"

using namespace smtpseal;
using holds::SecretMark;
using smtpseal::testing::shared_engine;
using smtpseal::testing::unhex_key;

BOOST_AUTO_TEST_SUITE(secret_mark)

BOOST_AUTO_TEST_CASE(tells_one_secret_from_another) {
  const auto secret = unhex_key("a4f49c406510bdcab6824ee7c30fd852");
  const auto mark = SecretMark::make(*shared_engine(), secret);
  BOOST_TEST(mark.matches(*shared_engine(), secret));
  int taken_for_it = 0;
  for (const char* other : {"a4f49c406510bdcab6824ee7c30fd853", "00000000000000000000000000000000",
                            "0cb6948805f797bf2a82807973b89537"})
    taken_for_it += mark.matches(*shared_engine(), unhex_key(other)) ? 1 : 0;
  BOOST_TEST(taken_for_it < 2);  // 16 bits: one may be, once in 20000 runs
}

BOOST_AUTO_TEST_CASE(has_a_salt_of_its_own) {
  const auto secret = unhex_key("a4f49c406510bdcab6824ee7c30fd852");
  const auto one = SecretMark::make(*shared_engine(), secret);
  const auto two = SecretMark::make(*shared_engine(), secret);
  BOOST_TEST(one.text().substr(0, 32) != two.text().substr(0, 32));
}

BOOST_AUTO_TEST_CASE(is_read_as_written_and_no_other_way) {
  const std::string text = "000102030405060708090a0b0c0d0e0fbeef";
  const auto mark = SecretMark::parse(text);
  BOOST_REQUIRE(mark);
  BOOST_TEST(mark->text() == text);
  for (std::size_t size = 0; size < text.size(); ++size) BOOST_TEST(!SecretMark::parse(text.substr(0, size)));
  BOOST_TEST(!SecretMark::parse(text + "0"));
  BOOST_TEST(!SecretMark::parse("000102030405060708090A0b0c0d0e0fbeef"));
  BOOST_TEST(!SecretMark::parse("000102030405060708090g0b0c0d0e0fbeef"));
  BOOST_TEST(!SecretMark::parse("000102030405060708090a0b0c0d0e0fbee "));
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "smtpseal/crypto/engine.hpp"

using namespace smtpseal;

BOOST_AUTO_TEST_SUITE(crypto_crc32)

BOOST_AUTO_TEST_CASE(gives_the_check_value_however_the_data_is_cut) {
  const ByteSpan data = as_bytes("123456789");
  for (std::size_t cut = 0; cut <= data.size(); ++cut) {
    BOOST_TEST(crypto::crc32(crypto::crc32(0, data.first(cut)), data.subspan(cut)) == 0xcbf43926U);
  }
}

BOOST_AUTO_TEST_CASE(leaves_the_value_as_it_is_without_data) {
  BOOST_TEST(crypto::crc32(0, {}) == 0U);
  BOOST_TEST(crypto::crc32(0xcbf43926, {}) == 0xcbf43926U);
}

BOOST_AUTO_TEST_SUITE_END()

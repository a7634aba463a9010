#include "smtpseal/crypto/hmac_md5.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "../ntlm/hex.hpp"

using namespace smtpseal;
using smtpseal::testing::hex;
using smtpseal::testing::shared_engine;

namespace {

std::string repeat(char octet, std::size_t count) {
  return std::string(count, octet);
}

struct Row {
  std::string key, data, code;
};

// RFC 2202, 2.
const Row kRows[] = {
    {repeat('\x0b', 16), "Hi There", "9294727a3638bb1c13f48ef8158bfc9d"},
    {"Jefe", "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"},
    {repeat('\xaa', 16), repeat('\xdd', 50), "56be34521d144c88dbb8c733f0e8b3f6"},
    {repeat('\xaa', 80), "Test Using Larger Than Block-Size Key - Hash Key First",
     "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
    {repeat('\xaa', 80), "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
     "6f630fad67cda0ee1fb1f562db3aa53e"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(crypto_hmac_md5)

BOOST_AUTO_TEST_CASE(gives_the_published_codes_again_and_again) {
  for (const Row& row : kRows) {
    crypto::HmacMd5 hmac(*shared_engine(), as_bytes(row.key));
    for (int i = 0; i < 3; ++i) BOOST_TEST(hex(hmac.compute({as_bytes(row.data)})) == row.code);
  }
}

BOOST_AUTO_TEST_CASE(does_not_care_how_the_data_is_cut) {
  for (const Row& row : kRows) {
    const ByteSpan data = as_bytes(row.data);
    crypto::HmacMd5 hmac(*shared_engine(), as_bytes(row.key));
    for (std::size_t cut = 0; cut <= data.size(); ++cut) {
      BOOST_TEST(hex(hmac.compute({data.first(cut), data.subspan(cut)})) == row.code);
    }
  }
}

BOOST_AUTO_TEST_CASE(survives_being_moved) {
  crypto::HmacMd5 first(*shared_engine(), as_bytes(kRows[1].key));
  crypto::HmacMd5 second(std::move(first));
  BOOST_TEST(hex(second.compute({as_bytes(kRows[1].data)})) == kRows[1].code);
}

BOOST_AUTO_TEST_SUITE_END()

#include "smtpseal/crypto/rc4.hpp"

#include <boost/test/unit_test.hpp>

#include "../ntlm/hex.hpp"

using namespace smtpseal;
using smtpseal::testing::hex;
using smtpseal::testing::shared_engine;
using smtpseal::testing::unhex;

BOOST_AUTO_TEST_SUITE(crypto_rc4)

// RFC 6229, key of 128 bits, offsets 0 to 31.
BOOST_AUTO_TEST_CASE(goes_on_where_it_stopped_wherever_the_stream_is_cut) {
  const std::string want = "9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c";
  for (std::size_t cut = 0; cut <= 32; ++cut) {
    crypto::Rc4 rc4(*shared_engine(), unhex("0102030405060708090a0b0c0d0e0f10"));
    Bytes data(32);
    rc4.apply(std::span(data).first(cut));
    rc4.apply(std::span(data).subspan(cut));
    BOOST_TEST(hex(data) == want);
  }
}

BOOST_AUTO_TEST_CASE(writes_to_other_memory_and_leaves_its_input) {
  const Bytes zeros(16);
  Bytes out(16);
  crypto::Rc4 rc4(*shared_engine(), unhex("0102030405"));
  rc4.apply(zeros, out);
  BOOST_TEST(hex(out) == "b2396305f03dc027ccc3524a0a1118a8");
  BOOST_TEST(hex(zeros) == std::string(32, '0'));
}

BOOST_AUTO_TEST_SUITE_END()

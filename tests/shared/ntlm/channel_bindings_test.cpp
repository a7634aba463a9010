#include "smtpseal/ntlm/channel_bindings.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "handshake.hpp"
#include "hex.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

BOOST_AUTO_TEST_SUITE(ntlm_channel_bindings)

// The example that Microsoft published with Extended Protection for Authentication.
BOOST_AUTO_TEST_CASE(the_published_example_is_reproduced) {
  const std::string prefix = "tls-server-end-point:";
  Bytes data(as_bytes(prefix).begin(), as_bytes(prefix).end());
  const Bytes certificate = unhex("e3ca49271e5089cc48ce82109f1324f41dbeddc29a777410c738f7868c4ff405");
  data.insert(data.end(), certificate.begin(), certificate.end());
  BOOST_TEST(hex(channel_bindings_hash(*shared_engine(), data)) == "6ea19df066da4622051f9c4f92c6df74");
}

BOOST_AUTO_TEST_SUITE_END()

#include "inbound/session_registry.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::relay;
using boost::asio::ip::make_address;
using smtpseal::postfix::SocketmapStatus;

BOOST_AUTO_TEST_SUITE(session_registry)

BOOST_AUTO_TEST_CASE(knows_no_session_that_is_not_there) {
  const SessionRegistry registry;
  BOOST_TEST((registry.answer("192.0.2.7:40112 192.0.2.2:25").status == SocketmapStatus::notfound));
  BOOST_TEST((registry.answer("[2001:db8::7]:40112 [2001:db8::2]:25").status == SocketmapStatus::notfound));
}

BOOST_AUTO_TEST_CASE(says_what_a_key_must_be) {
  const SessionRegistry registry;
  for (const char* key : {"", " ", "192.0.2.7:40112", "192.0.2.7:40112 ", " 192.0.2.2:25",
                          "192.0.2.7 192.0.2.2", "192.0.2.7:x 192.0.2.2:25", "192.0.2.7:65536 192.0.2.2:25",
                          "mail:1 192.0.2.2:25", "192.0.2.7:1 192.0.2.2:25 more"})
    BOOST_TEST((registry.answer(key).status == SocketmapStatus::perm), key);
}

BOOST_AUTO_TEST_CASE(an_ended_session_takes_no_newer_one_along) {
  const TcpEndpoint client(make_address("192.0.2.7"), 40112);
  const TcpEndpoint server(make_address("192.0.2.2"), 25);
  // Never looked into.
  const auto* old_session = reinterpret_cast<const SmtpSession*>(&client);
  const auto* new_session = reinterpret_cast<const SmtpSession*>(&server);
  SessionRegistry registry;
  registry.add(client, server, old_session);
  registry.add(client, server, new_session);
  registry.remove(client, server, old_session);
  BOOST_TEST(registry.size() == 1U);
  registry.remove(client, server, new_session);
  BOOST_TEST(registry.size() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

#include "milter.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace smtpseal;
using namespace smtpseal::milter;
using daemon::StartupError;

namespace {

// What the constructor says of a smtpseal.toml; empty: it takes it.
std::string complaint(const std::string& toml) {
  const auto values = milter::test::values(toml);
  daemon::asio::io_context io;
  try {
    Milter(io, values, crypto::Engine::create().value());
    return {};
  } catch (const StartupError& error) {
    return error.what();
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(milter_service)

BOOST_AUTO_TEST_CASE(listens_on_this_host_alone) {
  for (const char* endpoint :
       {"inet:0.0.0.0:7701", "inet:192.0.2.1:7701", "inet:[::]:7701", "inet:[2001:db8::1]:7701",
        "unix:", "unix:milter", "inet:localhost:7701", "inet:127.0.0.1", "7701@127.0.0.1"})
    BOOST_TEST(complaint("[milter]\nlisten = \"" + std::string(endpoint) + "\"\n") != "", endpoint);
}

BOOST_AUTO_TEST_CASE(names_parameter_and_value_of_what_it_does_not_take) {
  const struct {
    const char* toml;
    const char* named;
  } cases[] = {
      {"[milter]\nauthserv_id = \"mx example\"\n", "milter.authserv_id = \"mx example\""},
      {"[milter]\nauthserv_id = \"mx;\"\n", "milter.authserv_id = \"mx;\""},
      {"[milter]\nlisten = \"inet:192.0.2.1:7701\"\n", "milter.listen"},
      {"[milter]\nlisten = \"local:/tmp/x\"\n", "local:/tmp/x"},
      {"[milter]\nsocket_mode = \"0968\"\n", "milter.socket_mode"},
      {"[inbound]\nrelay_query = \"somewhere\"\n", "somewhere"},
      {"[inbound]\nexempt_networks = [\"192.0.2.0/33\"]\n", "192.0.2.0/33"},
  };
  for (const auto& [toml, named] : cases)
    BOOST_TEST(policy::test::contains(complaint(toml), named), toml << complaint(toml));
}

BOOST_AUTO_TEST_CASE(takes_the_defaults_and_a_mail_server_without_a_relay) {
  BOOST_TEST(complaint("") == "");
  BOOST_TEST(complaint("[inbound]\nrelay_query = \"\"\n[milter]\nlisten = \"inet:127.0.0.1:7701\"\n") == "");
}

BOOST_AUTO_TEST_SUITE_END()
